/* Terminals as files: opening, reading, writing, polling. */
#include "tty_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/signal.h>
#include <abi/linux/termios.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <time/clock.h>
#include <vfs/vfs.h>
#include <wait/interruptible.h>

#define CHUNK 256 /* what is copied at once, outside the lock */

static void output_to_device(struct line *line, const char *text, size_t len)
{
	struct tty *tty = container_of(line, struct tty, line);
	tty->device->write(tty, text, len);
}

static void signal_to_foreground(struct line *line, int signal)
{
	job_signal_foreground(container_of(line, struct tty, line), signal);
}

static const struct line_ops line_ops = {
    .output = output_to_device, .signal = signal_to_foreground};

static void init_line(struct tty *tty)
{
	line_init(&tty->line, &line_ops);
	tty->line.termios.c_cflag = tty->device->control;
}

struct tty *tty_create(const char *name, uint64_t number, const struct tty_device *device)
{
	struct tty *tty = kzalloc(sizeof(*tty));
	if (!tty)
		return NULL;
	tty->name = name;
	tty->number = number;
	tty->device = device;
	mutex_init(&tty->lock, "tty", RANK_TTY);
	init_line(tty);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	wait_queue_init(&tty->room_wait);
	return tty;
}

struct tty *tty_of(struct object *object)
{
	return file_of(object)->data;
}

/* object.pos: how often the terminal had been hung up when the file was opened. */
static bool is_hung_up(struct object *object)
{
	return atomic_load(&tty_of(object)->hangups) != object->pos;
}

static const struct object_ops tty_ops;

int tty_open(struct tty *tty, struct file *file, bool may_control)
{
	/* First the count: a hangup behind it is noticed. */
	uint32_t hangups = atomic_load(&tty->hangups);
	mutex_lock(&tty->lock);
	int err = tty->device->opened ? tty->device->opened(tty) : 0;
	bool is_first = !err && !tty->is_started;
	tty->is_started |= is_first;
	mutex_unlock(&tty->lock);
	if (err)
		return err;
	file->data = tty;
	file->object.ops = &tty_ops;
	file->object.pos = hangups;
	if (is_first && tty->device->start)
		tty->device->start(tty);
	if (may_control && !(file->object.flags & O_NOCTTY)) {
		int ignored = job_set_controlling(tty, false);
		(void)ignored;
	}
	return 0;
}

static void release(struct object *object)
{
	struct tty *tty = tty_of(object);
	if (tty->device->closed) {
		mutex_lock(&tty->lock);
		if (!is_hung_up(object))
			tty->device->closed(tty);
		mutex_unlock(&tty->lock);
	}
	file_release(object);
}

void tty_reset(struct tty *tty)
{
	mutex_lock(&tty->lock);
	init_line(tty);
	tty->size = (struct winsize){0};
	tty->locked = (struct termios){0};
	mutex_unlock(&tty->lock);
}

bool tty_has_room(struct tty *tty)
{
	mutex_lock(&tty->lock);
	bool has = line_has_room(&tty->line);
	mutex_unlock(&tty->lock);
	return has;
}

size_t tty_feed(struct tty *tty, const char *text, size_t len)
{
	size_t done = 0;
	mutex_lock(&tty->lock);
	while (done < len && line_has_room(&tty->line))
		line_input(&tty->line, &text[done++], 1);
	bool is_stopped = tty->line.is_stopped;
	mutex_unlock(&tty->lock);
	tty_wake(&tty->read_wait);
	if (!is_stopped)
		tty_wake(&tty->write_wait);
	return done;
}

void tty_input(struct tty *tty, const char *text, size_t len)
{
	size_t done = 0;
	while ((done += tty_feed(tty, text + done, len - done)) < len) {
		int ignored = wait_until(&tty->room_wait, tty_has_room(tty), NSEC_MAX);
		(void)ignored;
	}
}

/* A read in raw mode ends by VMIN and VTIME: how many bytes it waits for, and until when. */
struct read_plan {
	size_t wanted;       /* 0: take what is there */
	nsec_t time;         /* VTIME */
	bool starts_at_once; /* the time runs from the call on, not from the first byte */
};

static struct read_plan plan_read(const struct termios *termios, size_t size)
{
	uint8_t least = termios->c_cc[VMIN];
	struct read_plan plan = {
	    .wanted = 1, .time = (nsec_t)termios->c_cc[VTIME] * 100 * NSEC_PER_MSEC};
	if (termios->c_lflag & ICANON) {
		plan.time = 0;
		return plan;
	}
	if (!least) {
		plan.wanted = plan.time ? 1 : 0;
		plan.starts_at_once = true;
	} else {
		plan.wanted = min((size_t)least, size);
	}
	return plan;
}

static size_t available(struct tty *tty)
{
	mutex_lock(&tty->lock);
	size_t n = line_available(&tty->line);
	mutex_unlock(&tty->lock);
	return n;
}

/* Until there are `wanted` bytes (or, canonical, a line), a signal, a hangup. -ETIMEDOUT. */
static int wait_for_bytes(struct object *object, size_t wanted, nsec_t deadline)
{
	struct tty *tty = tty_of(object);
	int err = wait_until(&tty->read_wait,
	    available(tty) >= wanted || is_hung_up(object) || signal_is_pending(), deadline);
	if (is_hung_up(object) || available(tty) >= wanted)
		return 0;
	return err ? err : -ERESTARTSYS;
}

/* Until the read can be served. 0 also when the time is over: then there may be less, or nothing. */
static int wait_for_input(struct object *object, const struct read_plan *plan, bool nonblock)
{
	struct tty *tty = tty_of(object);
	if (available(tty) >= plan->wanted || is_hung_up(object))
		return 0;
	if (nonblock)
		return available(tty) ? 0 : -EAGAIN;
	if (!plan->time)
		return wait_for_bytes(object, plan->wanted, NSEC_MAX);
	if (plan->starts_at_once) {
		int err = wait_for_bytes(object, 1, uptime_ns() + plan->time);
		return err == -ETIMEDOUT ? 0 : err;
	}
	/* The time is that between two bytes. */
	int err = 0;
	while (!err && !is_hung_up(object)) {
		size_t before = available(tty);
		if (before >= plan->wanted)
			return 0;
		err = wait_for_bytes(
		    object, before + 1, before ? uptime_ns() + plan->time : NSEC_MAX);
	}
	return err == -ETIMEDOUT ? 0 : err;
}

/* Takes what is there to the caller; the end of a line ends it. */
static int64_t take_input(struct tty *tty, struct io *io)
{
	char chunk[CHUNK];
	size_t done = 0;
	bool is_complete = false;
	while (io->left && !is_complete && !io->faulted) {
		mutex_lock(&tty->lock);
		size_t n = line_read(&tty->line, chunk, min(io->left, sizeof(chunk)), &is_complete);
		mutex_unlock(&tty->lock);
		if (!n)
			break;
		done += io_write(io, chunk, n);
	}
	tty_wake(&tty->room_wait);
	return io_result(io, done);
}

static int64_t tty_read(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct tty *tty = tty_of(object);
	if (!io->left)
		return 0;
	for (;;) {
		if (is_hung_up(object))
			return 0;
		int err = job_check(tty, SIGTTIN);
		if (err)
			return err;
		mutex_lock(&tty->lock);
		struct read_plan plan = plan_read(&tty->line.termios, io->left);
		mutex_unlock(&tty->lock);
		size_t before = io->left;
		err = wait_for_input(object, &plan, object_must_not_wait(object, io));
		if (err)
			return err;
		/* Whoever was in the background meanwhile must not take what is not for it. */
		if (job_check(tty, SIGTTIN))
			return -ERESTARTSYS;
		bool had_input = available(tty) > 0;
		int64_t n = take_input(tty, io);
		/* Another reader may have been faster. */
		if (n || had_input || is_hung_up(object) || plan.time || !plan.wanted ||
		    io->left != before)
			return n;
	}
}

/* Nothing stops the output now. */
static bool can_write(struct tty *tty)
{
	return likely(!atomic_load(&tty->line.is_stopped)) &&
	       (!tty->device->has_room || tty->device->has_room(tty));
}

static int wait_for_output(struct object *object, bool nonblock)
{
	struct tty *tty = tty_of(object);
	if (likely(can_write(tty)))
		return 0;
	if (nonblock)
		return -EAGAIN;
	int ignored = wait_until(&tty->write_wait,
	    can_write(tty) || is_hung_up(object) || signal_is_pending(), NSEC_MAX);
	(void)ignored;
	return !can_write(tty) && signal_is_pending() ? -ERESTARTSYS : 0;
}

/* All of it, or -errno and nothing. */
static int write_chunk(struct object *object, const char *chunk, size_t len, bool nonblock)
{
	struct tty *tty = tty_of(object);
	for (;;) {
		if (is_hung_up(object))
			return -EIO;
		int err = wait_for_output(object, nonblock);
		if (err)
			return err;
		mutex_lock(&tty->lock);
		/* Another writer may have been faster. */
		bool may_write = can_write(tty) && !is_hung_up(object);
		if (likely(may_write))
			line_output(&tty->line, chunk, len);
		mutex_unlock(&tty->lock);
		if (likely(may_write))
			return 0;
	}
}

static bool stops_background(struct tty *tty)
{
	return atomic_load(&tty->line.termios.c_lflag) & TOSTOP;
}

static int64_t tty_write(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct tty *tty = tty_of(object);
	char chunk[CHUNK];
	size_t done = 0;
	int err = stops_background(tty) ? job_check(tty, SIGTTOU) : 0;
	while (!err && io->left && !io->faulted) {
		if (done && signal_is_pending())
			break;
		size_t n = io_read(io, chunk, min(io->left, sizeof(chunk)));
		err = write_chunk(object, chunk, n, object_must_not_wait(object, io));
		done += err ? 0 : n;
	}
	return err && !done ? err : io_result(io, done);
}

static unsigned tty_poll(struct object *object, struct poll_table *table)
{
	struct tty *tty = tty_of(object);
	poll_wait(table, object, &tty->read_wait);
	poll_wait(table, object, &tty->write_wait);
	if (is_hung_up(object))
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLERR;
	mutex_lock(&tty->lock);
	const struct termios *termios = &tty->line.termios;
	size_t least = !termios->c_cc[VTIME] && termios->c_cc[VMIN] ? termios->c_cc[VMIN] : 1;
	unsigned events = line_is_readable(&tty->line, least) ? POLLIN | POLLRDNORM : 0;
	if (can_write(tty))
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return events;
}

static const struct object_ops tty_ops = {
    .tells_by_signal = true,
    .type = OBJECT_FILE,
    .is_stream = true,
    .release = release,
    .free = file_free,
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
    .stat = file_stat,
};
