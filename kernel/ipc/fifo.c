/* FIFOs: pipes that are found through an inode. One exists while somebody has it open; what was not read goes with the last who closes. */
#include "pipe_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/list.h>
#include <object/poll.h>
#include <vfs/inode.h>
#include <vfs/vfs.h>
#include <wait/interruptible.h>

/* The pipes of all open FIFOs. */
static struct mutex fifo_lock;
static struct list fifos = LIST_INIT(fifos); /* fifo_lock */

static void lock_fifos(void)
{
	static struct spinlock once = SPINLOCK_INIT("first FIFO", RANK_NONE);
	static bool is_ready;
	if (unlikely(!atomic_load_acquire(&is_ready))) {
		spin_lock(&once);
		if (!is_ready)
			mutex_init(&fifo_lock, "FIFOs", RANK_FIFOS);
		atomic_store_release(&is_ready, true);
		spin_unlock(&once);
	}
	mutex_lock(&fifo_lock);
}

/* With a reference. */
static struct pipe *pipe_of_inode(const struct inode *inode)
{
	struct pipe *pipe, *found = pipe_of_place(inode);
	if (found) {
		atomic_fetch_add(&found->refs, 1);
		return found;
	}
	lock_fifos();
	list_for_each(pipe, &fifos, fifo_link)
		if (pipe->inode == inode)
			found = pipe;
	if (found) {
		atomic_fetch_add(&found->refs, 1);
	} else {
		found = pipe_alloc();
		if (found) {
			found->inode = inode;
			list_push_back(&fifos, &found->fifo_link);
		}
	}
	mutex_unlock(&fifo_lock);
	return found;
}

static void put_fifo(struct pipe *pipe)
{
	if (!pipe->inode) {
		pipe_put(pipe);
		return;
	}
	lock_fifos();
	if (atomic_load(&pipe->refs) == 1)
		list_remove(&pipe->fifo_link);
	pipe_put(pipe);
	mutex_unlock(&fifo_lock);
}

static bool reads(const struct file *file)
{
	return (file->object.flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(const struct file *file)
{
	return (file->object.flags & O_ACCMODE) != O_RDONLY;
}

static void release_fifo(struct object *object)
{
	struct file *file = file_of(object);
	struct pipe *pipe = file->data;
	pipe_leave(pipe, reads(file), writes(file));
	put_fifo(pipe);
	file_release(object);
}

static int64_t read_fifo(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	return pipe_read(object, file_of(object)->data, io);
}

static int64_t write_fifo(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	return pipe_write(object, file_of(object)->data, io, false);
}

static unsigned poll_fifo(struct object *object, struct poll_table *table)
{
	struct file *file = file_of(object);
	struct pipe *pipe = file->data;
	unsigned events = 0;
	if (reads(file)) {
		poll_wait_for(table, object, &pipe->readers_wait, POLLIN | POLLRDNORM | POLLHUP);
		/* Nobody has hung up who was never there. object.pos: how many writers there had been when it was opened without one. */
		bool is_over = !atomic_load_acquire(&pipe->writers) &&
			       atomic_load(&pipe->writer_opens) != object->pos;
		events |= pipe_poll_read(pipe) | (is_over ? POLLHUP : 0);
	}
	if (writes(file)) {
		poll_wait_for(table, object, &pipe->writers_wait, POLLOUT | POLLWRNORM | POLLERR);
		events |= pipe_poll_write(pipe);
	}
	return events;
}

static int64_t ioctl_fifo(struct object *object, uint64_t request, uaddr_t arg)
{
	return pipe_ioctl(file_of(object)->data, request, arg);
}

static int64_t control_fifo(struct object *object, int command, uint64_t arg)
{
	return pipe_control(file_of(object)->data, command, arg);
}

static const struct object_ops fifo_ops = {
    .tells_by_signal = true,
    .type = OBJECT_PIPE,
    .is_stream = true,
    .release = release_fifo,
    .free = file_free,
    .read = read_fifo,
    .write = write_fifo,
    .poll = poll_fifo,
    .ioctl = ioctl_fifo,
    .stat = file_stat,
    .control = control_fifo,
};

/* Waits until the other side has been opened since `opens` was read. */
static int wait_for_other(
    struct wait_queue *queue, const uint32_t *sides, const uint32_t *opens, uint32_t seen)
{
	int ignored = wait_until(queue,
	    atomic_load(sides) || atomic_load(opens) != seen || signal_is_pending(), NSEC_MAX);
	(void)ignored;
	return atomic_load(sides) || atomic_load(opens) != seen ? 0 : -ERESTARTSYS;
}

/* *writer_opens: what poll must see change before it says that the writers are gone. */
static int join(struct pipe *pipe, const struct file *file, uint64_t *writer_opens)
{
	bool has_name = pipe->inode;
	bool nonblock = file->object.flags & O_NONBLOCK, is_reader = reads(file),
	     is_writer = writes(file);
	if (mutex_lock_killable(&pipe->lock))
		return -EINTR;
	if (!is_reader && nonblock && has_name && !atomic_load(&pipe->readers)) {
		mutex_unlock(&pipe->lock);
		return -ENXIO;
	}
	uint32_t seen_readers = pipe->reader_opens, seen_writers = pipe->writer_opens;
	*writer_opens = atomic_load(&pipe->writers) || !has_name ? UINT64_MAX : seen_writers;
	atomic_fetch_add(&pipe->readers, is_reader);
	atomic_fetch_add(&pipe->writers, is_writer);
	atomic_store(&pipe->reader_opens, seen_readers + is_reader);
	atomic_store(&pipe->writer_opens, seen_writers + is_writer);
	mutex_unlock(&pipe->lock);
	pipe_wake(&pipe->readers_wait);
	pipe_wake(&pipe->writers_wait);
	if (nonblock || !has_name || (is_reader && is_writer))
		return 0;
	int err = is_reader ? wait_for_other(&pipe->readers_wait, &pipe->writers,
				  &pipe->writer_opens, seen_writers)
			    : wait_for_other(&pipe->writers_wait, &pipe->readers,
				  &pipe->reader_opens, seen_readers);
	if (err)
		pipe_leave(pipe, is_reader, is_writer);
	return err;
}

/* Waits for the other side as POSIX says. */
int vfs_open_fifo(struct inode *inode, struct file *file)
{
	struct pipe *pipe = pipe_of_inode(inode);
	if (!pipe)
		return -ENOMEM;
	uint64_t writer_opens;
	int err = join(pipe, file, &writer_opens);
	if (err) {
		put_fifo(pipe);
		return err;
	}
	file->data = pipe;
	file->object.pos = writer_opens;
	file->object.ops = &fifo_ops;
	return 0;
}
