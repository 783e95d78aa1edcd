/* The two ends of a nameless pipe, as objects. */
#include "pipe_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <credentials/credentials.h>
#include <object/poll.h>
#include <vfs/vfs.h>

#define PIPE_DEVICE 12 /* of st_dev: a file system that nobody can mount */

static void release_end(struct object *object)
{
	struct pipe *pipe = object->data;
	bool is_reader = object == &pipe->read_end;
	pipe_leave(pipe, is_reader, !is_reader);
}

static void free_end(struct object *object)
{
	pipe_put(object->data);
}

static int64_t read_end(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	return pipe_read(object, object->data, io);
}

static int64_t write_end(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	return pipe_write(object, object->data, io, object->flags & O_DIRECT);
}

static ALWAYS_INLINE unsigned read_events(const struct pipe *pipe)
{
	/* The writers first: what the last one wrote before it left is seen, then. */
	bool is_over = !atomic_load_acquire(&pipe->writers);
	if (likely(!is_over) && pipe_is_empty(pipe))
		return 0;
	return pipe_poll_read(pipe) | (is_over ? POLLHUP : 0);
}

/* Apart from the look alone, which is most of poll(2), and needs no stack. */
static NOINLINE unsigned poll_and_wait(
    struct object *object, struct poll_table *table, bool is_read_end)
{
	struct pipe *pipe = object->data;
	poll_wait(table, object, is_read_end ? &pipe->readers_wait : &pipe->writers_wait);
	return is_read_end ? read_events(pipe) : pipe_poll_write(pipe);
}

static unsigned poll_read_end(struct object *object, struct poll_table *table)
{
	return unlikely(table) ? poll_and_wait(object, table, true) : read_events(object->data);
}

static unsigned poll_write_end(struct object *object, struct poll_table *table)
{
	return unlikely(table) ? poll_and_wait(object, table, false)
			       : pipe_poll_write(object->data);
}

static int64_t ioctl_end(struct object *object, uint64_t request, uaddr_t arg)
{
	return pipe_ioctl(object->data, request, arg);
}

static int64_t control_end(struct object *object, int command, uint64_t arg)
{
	return pipe_control(object->data, command, arg);
}

static void stat_pipe(const struct pipe *pipe, struct kstat *stat)
{
	*stat = (struct kstat){
	    .dev = PIPE_DEVICE,
	    .ino = pipe->ino,
	    .mode = S_IFIFO | 0600,
	    .nlink = 1,
	    .uid = pipe->uid,
	    .gid = pipe->gid,
	    .block_size = PIPE_BUF,
	    .atime_ns = pipe->born_ns,
	    .mtime_ns = pipe->born_ns,
	    .ctime_ns = pipe->born_ns,
	};
}

static int stat_end(struct object *object, struct kstat *stat)
{
	stat_pipe(object->data, stat);
	return 0;
}

static int stat_place(struct inode *inode, struct kstat *stat)
{
	stat_pipe(inode->data, stat);
	return 0;
}

static void evict_place(struct inode *inode)
{
	pipe_put(inode->data);
}

static const struct inode_ops place_ops = {.stat = stat_place, .evict = evict_place};

struct pipe *pipe_of_place(const struct inode *inode)
{
	return inode->ops == &place_ops ? inode->data : NULL;
}

/* It holds the pipe, but neither end: whether there are readers and writers is as before. */
static int place_of_end(struct object *object, struct path *path)
{
	struct pipe *pipe = object->data;
	atomic_fetch_add(&pipe->refs, 1);
	int err = anonymous_place(&(struct anonymous_file){.kind = "pipe",
				      .ino = pipe->ino,
				      .mode = S_IFIFO | 0600,
				      .uid = pipe->uid,
				      .gid = pipe->gid,
				      .ops = &place_ops,
				      .data = pipe},
	    path);
	if (err)
		pipe_put(pipe);
	return err;
}

static const struct object_ops read_end_ops = {
    .tells_by_signal = true,
    .type = OBJECT_PIPE,
    .is_stream = true,
    .release = release_end,
    .free = free_end,
    .read = read_end,
    .poll = poll_read_end,
    .ioctl = ioctl_end,
    .stat = stat_end,
    .place = place_of_end,
    .control = control_end,
};

static const struct object_ops write_end_ops = {
    .tells_by_signal = true,
    .type = OBJECT_PIPE,
    .is_stream = true,
    .release = release_end,
    .free = free_end,
    .write = write_end,
    .poll = poll_write_end,
    .ioctl = ioctl_end,
    .stat = stat_end,
    .place = place_of_end,
    .control = control_end,
};

int pipe_create(unsigned flags, struct object **reader, struct object **writer)
{
	struct pipe *pipe = pipe_alloc();
	if (!pipe)
		return -ENOMEM;
	const struct credentials *creds = current_credentials();
	pipe->uid = creds->fsuid;
	pipe->gid = creds->fsgid;
	pipe->refs = 2;
	pipe->readers = pipe->writers = 1;
	object_init(&pipe->read_end, &read_end_ops, O_RDONLY | (flags & O_NONBLOCK));
	object_init(&pipe->write_end, &write_end_ops, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
	pipe->read_end.data = pipe->write_end.data = pipe;
	*reader = &pipe->read_end;
	*writer = &pipe->write_end;
	return 0;
}
