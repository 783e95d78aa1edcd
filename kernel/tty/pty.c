/* The master's side of pseudo-terminals: "pty.h". */
#include "pty.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/termios.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <vfs/vfs.h>
#include <wait/interruptible.h>

#define PTMX_NUMBER DEVICE_NUMBER(5, 2)
#define TTY_GROUP   5 /* what Linux's distributions mount devpts with */
#define CHUNK       256
/* What a chunk may become on its way: a tab up to eight spaces; and some echo. */
#define ROOM_NEEDED (8 * CHUNK + 256)

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_OPEN };
static uint32_t slots[PTY_COUNT]; /* a */
static struct pty *ptys[PTY_COUNT];

struct pty *pty_find(unsigned number)
{
	bool is_there = number < PTY_COUNT && atomic_load_acquire(&slots[number]) == SLOT_OPEN;
	return is_there ? ptys[number] : NULL;
}

static uint32_t used(const struct pty *pty)
{
	return atomic_load(&pty->put) - atomic_load(&pty->taken);
}

/* The terminal's device, under its lock. Programs wait for room before they write; echo beyond it is lost, as on Linux. */
static void write_to_master(struct tty *tty, const char *text, size_t len)
{
	struct pty *pty = tty->data;
	uint32_t put = pty->put;
	for (size_t room = PTY_RING_SIZE - used(pty); len && room; len--, room--)
		pty->ring[put++ % PTY_RING_SIZE] = *text++;
	atomic_store(&pty->put, put);
	wait_wake_all(&pty->master_wait); /* with its barrier: the lock is not given back before */
}

static bool has_room(struct tty *tty)
{
	return PTY_RING_SIZE - used(tty->data) >= ROOM_NEEDED;
}

static int slave_opened(struct tty *tty)
{
	struct pty *pty = tty->data;
	if (!pty->is_open || atomic_load(&pty->is_locked))
		return -EIO;
	atomic_store(&pty->slaves, pty->slaves + 1);
	atomic_store(&pty->was_opened, true);
	return 0;
}

static void slave_closed(struct tty *tty)
{
	struct pty *pty = tty->data;
	atomic_store(&pty->slaves, pty->slaves - 1);
	wait_wake_all(&pty->master_wait);
}

/* Eight bits, no parity and a receiver: there is no line that could have others. */
static const struct tty_device pty_device = {.control = B38400 | CS8 | CREAD,
    .control_fixed = CSIZE | PARENB | CREAD,
    .write = write_to_master,
    .has_room = has_room,
    .opened = slave_opened,
    .closed = slave_closed};

static struct pty *create(unsigned number)
{
	struct pty *pty = kzalloc(sizeof(*pty));
	if (!pty)
		return NULL;
	pty->number = number;
	wait_queue_init(&pty->master_wait);
	pty->tty = tty_create("pts", DEVICE_NUMBER(PTY_MAJOR, number), &pty_device);
	if (!pty->tty) {
		kfree(pty);
		return NULL;
	}
	pty->tty->data = pty;
	return pty;
}

/* As if it were new. */
static void reset(struct pty *pty)
{
	const struct credentials *creds = current_credentials();
	pty->uid = creds->fsuid;
	pty->gid = TTY_GROUP;
	pty->mode = 0620;
	tty_reset(pty->tty);
	mutex_lock(&pty->tty->lock);
	pty->put = pty->taken = 0;
	pty->slaves = 0;
	pty->was_opened = false;
	pty->is_locked = pty->is_open = true;
	mutex_unlock(&pty->tty->lock);
}

static int take_slot(unsigned *number)
{
	for (unsigned i = 0; i < PTY_COUNT; i++) {
		uint32_t expected = SLOT_FREE;
		if (atomic_load(&slots[i]) == SLOT_FREE &&
		    atomic_cas(&slots[i], &expected, SLOT_BUSY)) {
			*number = i;
			return 0;
		}
	}
	return -ENOSPC;
}

/* Nobody writes to the terminal any more, after somebody has had it open. */
static bool is_over(const struct pty *pty)
{
	return atomic_load(&pty->was_opened) && !atomic_load(&pty->slaves);
}

static struct pty *pty_of(struct object *master)
{
	return tty_of(master)->data;
}

static void master_release(struct object *master)
{
	struct pty *pty = pty_of(master);
	mutex_lock(&pty->tty->lock);
	pty->is_open = false;
	mutex_unlock(&pty->tty->lock);
	tty_hangup(pty->tty);
	atomic_store_release(&slots[pty->number], SLOT_FREE);
	file_release(master);
}

static size_t take_output(struct pty *pty, char *chunk, size_t size)
{
	mutex_lock(&pty->tty->lock);
	uint32_t taken = pty->taken;
	size_t n = min(size, (size_t)used(pty));
	for (size_t i = 0; i < n; i++)
		chunk[i] = pty->ring[taken++ % PTY_RING_SIZE];
	atomic_store(&pty->taken, taken);
	mutex_unlock(&pty->tty->lock);
	if (n)
		tty_wake(&pty->tty->write_wait);
	return n;
}

static int64_t master_read(struct object *master, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct pty *pty = pty_of(master);
	char chunk[CHUNK];
	size_t done = 0, n;
	if (!io->left)
		return 0;
	for (;;) {
		/* Before looking at what there is: what the last one wrote is read first. */
		bool was_over = is_over(pty);
		while (
		    !io->faulted && (n = take_output(pty, chunk, min(io->left, sizeof(chunk)))) > 0)
			done += io_write(io, chunk, n);
		if (done || io->faulted)
			return io_result(io, done);
		if (was_over)
			return -EIO;
		if (object_must_not_wait(master, io))
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(
		    &pty->master_wait, used(pty) || is_over(pty) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
}

/* All of it, or -errno, with as much of it typed as *fed says. */
static int feed_all(struct tty *tty, const char *text, size_t len, bool nonblock, size_t *fed)
{
	for (;;) {
		*fed += tty_feed(tty, text + *fed, len - *fed);
		if (*fed == len)
			return 0;
		if (nonblock)
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored =
		    wait_until(&tty->room_wait, tty_has_room(tty) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
}

static int64_t master_write(struct object *master, struct io *io, uint64_t *pos)
{
	(void)pos;
	char chunk[CHUNK];
	size_t done = 0;
	int err = 0;
	/* What nobody reads may find room for ever: a line that is too long loses its end. */
	while (!err && io->left && !io->faulted && !(done && signal_is_pending())) {
		size_t n = io_read(io, chunk, min(io->left, sizeof(chunk))), fed = 0;
		err = feed_all(tty_of(master), chunk, n, object_must_not_wait(master, io), &fed);
		done += fed;
	}
	return err && !done ? err : io_result(io, done);
}

static unsigned master_poll(struct object *master, struct poll_table *table)
{
	struct pty *pty = pty_of(master);
	poll_wait(table, master, &pty->master_wait);
	poll_wait(table, master, &pty->tty->room_wait);
	unsigned events = is_over(pty) ? POLLHUP : 0;
	if (used(pty))
		events |= POLLIN | POLLRDNORM;
	if (tty_has_room(pty->tty))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static int64_t set_lock(struct pty *pty, uaddr_t arg)
{
	uint32_t value;
	if (get_user_u32(&value, arg))
		return -EFAULT;
	atomic_store(&pty->is_locked, value != 0);
	return 0;
}

static int64_t send_signal(struct tty *tty, uint64_t signal)
{
	if (!signal || signal > SIGNAL_COUNT)
		return -EINVAL;
	job_signal_foreground(tty, (int)signal);
	return 0;
}

/* Settings are the terminal's; whose it is may be asked by the master without being of the session. */
static int64_t master_ioctl(struct object *master, uint64_t request, uaddr_t arg)
{
	struct pty *pty = pty_of(master);
	struct tty *tty = pty->tty;
	switch (request) {
	case TIOCGPTN: return put_user_u32(arg, pty->number);
	case TIOCSPTLCK: return set_lock(pty, arg);
	case TIOCGPTLCK: return put_user_u32(arg, atomic_load(&pty->is_locked));
	case TIOCSIG: return send_signal(tty, arg.va);
	case TIOCINQ: return put_user_u32(arg, used(pty));
	case TIOCGPGRP: return put_user_u32(arg, atomic_load(&tty->foreground));
	case TIOCGSID: {
		uint32_t session = atomic_load(&tty->session);
		return session ? put_user_u32(arg, session) : -ENOTTY;
	}
	case TIOCSCTTY:
	case TIOCNOTTY:
	case TIOCSPGRP: return -ENOTTY;
	default: return tty_ioctl(master, request, arg);
	}
}

static const struct object_ops master_ops = {
    .tells_by_signal = true,
    .type = OBJECT_FILE,
    .is_stream = true,
    .release = master_release,
    .free = file_free,
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .ioctl = master_ioctl,
    .stat = file_stat,
};

static int open_master(struct inode *inode, struct file *file)
{
	(void)inode;
	unsigned number;
	int err = take_slot(&number);
	if (err)
		return err;
	if (!ptys[number])
		ptys[number] = create(number);
	if (!ptys[number]) {
		atomic_store_release(&slots[number], SLOT_FREE);
		return -ENOMEM;
	}
	reset(ptys[number]);
	file->data = ptys[number]->tty;
	file->object.ops = &master_ops;
	file->object.pos = atomic_load(&ptys[number]->tty->hangups);
	atomic_store_release(&slots[number], SLOT_OPEN);
	return 0;
}

static const struct device_node ptmx = {
    "ptmx", S_IFCHR | 0666, PTMX_NUMBER, &path_ops, open_master};

void pty_init(void)
{
	if (device_node_register(&ptmx))
		panic("device ptmx is there twice");
	pts_register();
}
