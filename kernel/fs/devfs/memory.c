/* Devices without a device: null, zero, full, random, urandom, kmsg. */
#include "devfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <log/assert.h>
#include <log/log.h>
#include <object/poll.h>
#include <random/random.h>
#include <time/clock.h>
#include <vfs/vfs.h>
#include <vm/address_space.h>
#include <wait/interruptible.h>

#define KMSG_LINE_MAX      256
#define KMSG_LOOK_INTERVAL (200 * NSEC_PER_MSEC)

/* How much is made between two looks for signals. */
#define CHUNK        256
#define ZEROES_CHUNK (64 * KiB)
#define RNDGETENTCNT 0x80045200ull
#define RANDOM_BITS  256 /* as /proc/sys/kernel/random says */

static int64_t read_nothing(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)io, (void)pos;
	return 0;
}

static int64_t write_anything(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	return (int64_t)io->left; /* unread, so it need not even be there */
}

static int64_t write_full(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)io, (void)pos;
	return -ENOSPC; /* even for nothing, as on Linux */
}

static NOINLINE int64_t read_many_zeroes(struct io *io)
{
	size_t done = 0;
	while (io->left && !io->faulted && !(done && signal_is_pending()))
		done += io_write_zeroes(io, min(io->left, ZEROES_CHUNK));
	return io_result(io, done);
}

static int64_t read_zeroes(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	if (unlikely(io->left > ZEROES_CHUNK))
		return read_many_zeroes(io);
	return io_result(io, io_write_zeroes(io, io->left));
}

/* Zeroes that somebody writes to are memory as any other. */
static int map_zeroes(struct object *object, struct area *area)
{
	(void)object;
	return area->flags & AREA_SHARED ? shared_memory_map(area) : 0;
}

static int64_t read_random(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	uint8_t chunk[CHUNK];
	size_t done = 0;
	while (io->left && !io->faulted && !(done && signal_is_pending())) {
		size_t len = min(io->left, sizeof(chunk));
		random_fill(chunk, len);
		done += io_write(io, chunk, len);
	}
	memset(chunk, 0, sizeof(chunk));
	return io_result(io, done);
}

static int64_t write_random(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	uint8_t chunk[CHUNK];
	size_t done = 0;
	while (io->left && !io->faulted && !(done && signal_is_pending())) {
		size_t len = io_read(io, chunk, sizeof(chunk));
		random_add(chunk, len);
		done += len;
	}
	return io_result(io, done);
}

/* How much there is to draw from: the generator's key never runs out. */
static int64_t ioctl_random(struct object *object, uint64_t request, uaddr_t arg)
{
	(void)object;
	return request == RNDGETENTCNT ? put_user_u32(arg, RANDOM_BITS) : -ENOTTY;
}

/* Positions mean nothing here: every lseek succeeds, as on Linux. */
static int64_t seek_nowhere(struct object *object, int64_t offset, int whence)
{
	(void)object, (void)offset, (void)whence;
	return 0;
}

/* One line of the log, by its number. */
struct kmsg_look {
	uint64_t wanted, seen;
	size_t len;
	char text[KMSG_LINE_MAX];
};

static void look_at_line(void *ctx, const char *text, size_t len)
{
	struct kmsg_look *look = ctx;
	if (look->seen++ != look->wanted)
		return;
	int head = snprintf(
	    look->text, sizeof(look->text), "6,%llu,0,-;", (unsigned long long)look->wanted);
	look->len = (size_t)head + min(len, sizeof(look->text) - (size_t)head - 1);
	memcpy(look->text + head, text, look->len - (size_t)head);
	look->text[look->len - 1] = '\n';
}

static bool find_line(struct kmsg_look *look, uint64_t number)
{
	look->wanted = number;
	look->seen = 0;
	look->len = 0;
	log_replay(look_at_line, look, SIZE_MAX);
	return look->len;
}

/* One record a read. Nobody is told of new lines (the log works where nobody can be woken), so whoever waits looks now and then. */
static int64_t read_log(struct object *object, struct io *io, uint64_t *pos)
{
	static struct wait_queue nobody = WAIT_QUEUE_INIT(nobody);
	struct kmsg_look look;
	while (!find_line(&look, *pos)) {
		if (object_must_not_wait(object, io))
			return -EAGAIN;
		if (!wait_until(&nobody, signal_is_pending(), uptime_ns() + KMSG_LOOK_INTERVAL))
			return -ERESTARTSYS;
	}
	if (io->left < look.len)
		return -EINVAL;
	++*pos;
	return io_result(io, io_write(io, look.text, look.len));
}

static int64_t write_log(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object, (void)pos;
	char text[KMSG_LINE_MAX];
	size_t asked = io->left;
	if (!io_read_line(io, text, sizeof(text)))
		return -EFAULT;
	/* "<6>" in front is the level. */
	const char *line = text, *end = *text == '<' ? strchr(text, '>') : NULL;
	if (end)
		line = end + 1;
	log_info("user", "%s", line);
	return (int64_t)asked;
}

static int64_t seek_log(struct object *object, int64_t offset, int whence)
{
	struct kmsg_look look;
	if (offset)
		return -ESPIPE;
	if (whence == SEEK_END) {
		find_line(&look, UINT64_MAX);
		object->pos = look.seen;
	} else if (whence == SEEK_SET || whence == SEEK_DATA) {
		object->pos = 0;
	} else {
		return -EINVAL;
	}
	return 0;
}

static unsigned poll_log(struct object *object, struct poll_table *table)
{
	(void)table;
	struct kmsg_look look;
	return POLLOUT | POLLWRNORM | (find_line(&look, object->pos) ? POLLIN | POLLRDNORM : 0);
}

#define FILE_OPS .type = OBJECT_FILE, .release = file_release, .free = file_free, .stat = file_stat

static const struct object_ops null_ops = {FILE_OPS, .read = read_nothing, .write = write_anything,
    .seek = seek_nowhere, .poll = object_always_ready};
static const struct object_ops zero_ops = {FILE_OPS, .read = read_zeroes, .write = write_anything,
    .seek = seek_nowhere, .map = map_zeroes, .poll = object_always_ready};
static const struct object_ops full_ops = {FILE_OPS, .read = read_zeroes, .write = write_full,
    .seek = seek_nowhere, .poll = object_always_ready};
static const struct object_ops random_ops = {
    FILE_OPS,
    .read = read_random,
    .write = write_random,
    .seek = seek_nowhere,
    .ioctl = ioctl_random,
    .poll = object_always_ready,
};
static const struct object_ops kmsg_ops = {
    FILE_OPS, .read = read_log, .write = write_log, .seek = seek_log, .poll = poll_log};

static const struct device_node nodes[] = {
    {"null", S_IFCHR | 0666, DEVICE_NUMBER(1, 3), &null_ops, NULL},
    {"zero", S_IFCHR | 0666, DEVICE_NUMBER(1, 5), &zero_ops, NULL},
    {"full", S_IFCHR | 0666, DEVICE_NUMBER(1, 7), &full_ops, NULL},
    {"random", S_IFCHR | 0666, DEVICE_NUMBER(1, 8), &random_ops, NULL},
    {"urandom", S_IFCHR | 0666, DEVICE_NUMBER(1, 9), &random_ops, NULL},
    {"kmsg", S_IFCHR | 0644, DEVICE_NUMBER(1, 11), &kmsg_ops, NULL},
};

void memory_devices_register(void)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (device_node_register(&nodes[i]))
			panic("device %s is there twice", nodes[i].name);
}
