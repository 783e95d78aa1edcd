/* read(2), write(2) and their variants, lseek(2). */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/structs.h>
#include <ipc/pipe.h>
#include <mm/slab.h>
#include <object/capability.h>
#include <posixx/syscalls.h>

#include "rw_impl.h"

#define IOV_MAX  1024
#define IOV_FAST 8

#define RWF_HIPRI    1u
#define RWF_DSYNC    2u
#define RWF_SYNC     4u
#define RWF_NOWAIT   8u
#define RWF_APPEND   16u
#define RWF_NOAPPEND 32u

enum { AT_POSITION = -1 }; /* the object's own */

static ALWAYS_INLINE int64_t move(
    struct object *object, struct io *io, int64_t offset, bool writing)
{
	if (offset == AT_POSITION)
		return writing ? object_write(object, io) : object_read(object, io);
	return writing ? object_pwrite(object, io, (uint64_t)offset)
		       : object_pread(object, io, (uint64_t)offset);
}

/* Why there is nothing to read or write at a position: Linux looks at the object first, and at how it was opened then. */
static NOINLINE int64_t positioned_error(int fd, int err)
{
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return err;
	bool is_stream = ref.object->ops->is_stream;
	cap_release(ref);
	return is_stream ? -ESPIPE : err;
}

static ALWAYS_INLINE int64_t transfer_object(
    struct object *object, uaddr_t buf, size_t count, int64_t offset, bool writing)
{
	size_t len = count;
	if (unlikely(count > RW_MAX)) {
		if (!user_range_ok(buf, count))
			return -EFAULT;
		len = RW_MAX;
	}
	if (unlikely(!user_range_ok(buf, len)))
		return -EFAULT;
	struct io io = io_user(buf, len);
	return move(object, &io, offset, writing);
}

/* When the table is shared, or there is no such descriptor. */
static NOINLINE int64_t transfer_shared(
    int fd, uaddr_t buf, size_t count, int64_t offset, bool writing)
{
	struct cap_ref ref = cap_lookup(fd, writing ? RIGHT_WRITE : RIGHT_READ);
	if (unlikely(!ref.object))
		return offset == AT_POSITION ? ref.err : positioned_error(fd, ref.err);
	int64_t n = transfer_object(ref.object, buf, count, offset, writing);
	cap_release(ref);
	return n;
}

/* Inlined four times, each with its tests of `offset` and `writing` gone. */
static ALWAYS_INLINE int64_t transfer(
    int fd, uaddr_t buf, size_t count, int64_t offset, bool writing)
{
	struct object *object = cap_borrow(fd, writing ? RIGHT_WRITE : RIGHT_READ);
	return likely(object) ? transfer_object(object, buf, count, offset, writing)
			      : transfer_shared(fd, buf, count, offset, writing);
}

int64_t sys_read(int fd, uaddr_t buf, size_t count)
{
	return transfer(fd, buf, count, AT_POSITION, false);
}

int64_t sys_write(int fd, uaddr_t buf, size_t count)
{
	return transfer(fd, buf, count, AT_POSITION, true);
}

int64_t sys_pread64(int fd, uaddr_t buf, size_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : transfer(fd, buf, count, offset, false);
}

int64_t sys_pwrite64(int fd, uaddr_t buf, size_t count, int64_t offset)
{
	return offset < 0 ? -EINVAL : transfer(fd, buf, count, offset, true);
}

/* A caller's vector, copied once. Short ones stay on the stack. */
struct vector {
	struct io io;
	struct io_segment *segments;
	struct io_segment few[IOV_FAST];
};

static void vector_release(struct vector *vector)
{
	if (vector->segments != vector->few)
		kfree(vector->segments);
}

/* Checks each range, and cuts the sum at RW_MAX as Linux does. */
static int check_segments(struct vector *vector, size_t count)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++) {
		struct io_segment *segment = &vector->segments[i];
		if ((int64_t)segment->len < 0)
			return -EINVAL;
		if (!user_range_ok(segment->base, segment->len))
			return -EFAULT;
		segment->len = min(segment->len, RW_MAX - total);
		total += segment->len;
	}
	vector->io = io_vector(vector->segments, count);
	return 0;
}

static_assert(sizeof(struct io_segment) == sizeof(struct linux_iovec), "copied as they are");

static int vector_init(struct vector *vector, uaddr_t iov, int count)
{
	if (count < 0 || count > IOV_MAX)
		return -EINVAL;
	size_t n = (size_t)count;
	vector->segments = vector->few;
	if (n > IOV_FAST && !(vector->segments = kmalloc_array(n, sizeof(struct io_segment))))
		return -ENOMEM;
	int err = copy_from_user(vector->segments, iov, n * sizeof(struct io_segment));
	if (!err)
		err = check_segments(vector, n);
	if (err)
		vector_release(vector);
	return err;
}

static int64_t move_synced(
    struct object *object, struct io *io, int64_t offset, unsigned flags, bool writing)
{
	io->nonblock = flags & RWF_NOWAIT;
	io->place = flags & RWF_APPEND     ? IO_AT_END
		    : flags & RWF_NOAPPEND ? IO_AT_POSITION
					   : IO_AS_OPENED;
	int64_t n = move(object, io, offset, writing);
	if (n > 0 && writing && flags & (RWF_DSYNC | RWF_SYNC) && object->ops->sync) {
		int err = object->ops->sync(object, !(flags & RWF_SYNC));
		n = err ? err : n;
	}
	return n;
}

static int64_t transfer_vector(
    int fd, uaddr_t iov, int count, int64_t offset, unsigned flags, bool writing)
{
	struct cap_ref ref = cap_lookup(fd, writing ? RIGHT_WRITE : RIGHT_READ);
	if (!ref.object)
		return offset == AT_POSITION ? ref.err : positioned_error(fd, ref.err);
	struct vector vector;
	int64_t n = vector_init(&vector, iov, count);
	if (!n) {
		n = move_synced(ref.object, &vector.io, offset, flags, writing);
		vector_release(&vector);
	}
	cap_release(ref);
	return n;
}

int64_t rw_at(struct object *object, const struct rw_request *request)
{
	struct vector vector;
	struct io io;
	int64_t offset = object->ops->is_stream ? AT_POSITION : request->offset;
	if (!request->is_vector) {
		if (!user_range_ok(request->base, request->count))
			return -EFAULT;
		io = io_user(request->base, min(request->count, RW_MAX));
		return move_synced(object, &io, offset, request->flags, request->is_write);
	}
	int64_t n =
	    vector_init(&vector, request->base, (int)min(request->count, (size_t)INT32_MAX));
	if (n)
		return n;
	n = move_synced(object, &vector.io, offset, request->flags, request->is_write);
	vector_release(&vector);
	return n;
}

int64_t sys_readv(int fd, uaddr_t iov, int count)
{
	return transfer_vector(fd, iov, count, AT_POSITION, 0, false);
}

int64_t sys_writev(int fd, uaddr_t iov, int count)
{
	return transfer_vector(fd, iov, count, AT_POSITION, 0, true);
}

/* Into a pipe as much as there is room for, once there is some; out of it as readv(2) does. The bytes are copied at once. */
int64_t sys_vmsplice(int fd, uaddr_t iov, size_t count, unsigned flags)
{
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	int64_t n = -EBADF;
	bool writing = (ref.object->flags & O_ACCMODE) != O_RDONLY,
	     nonblock = flags & SPLICE_F_NONBLOCK;
	if (ref.object->ops->type != OBJECT_PIPE)
		goto out_release;
	n = -EINVAL;
	if (count > IOV_MAX)
		goto out_release;
	do {
		int64_t room = writing ? pipe_wait_for_room(ref.object, nonblock) : 1;
		n = room < 0 ? room
			     : transfer_vector(fd, iov, (int)count, AT_POSITION,
				   writing || nonblock ? RWF_NOWAIT : 0, writing);
	} while (n == -EAGAIN && writing && !nonblock && !(ref.object->flags & O_NONBLOCK));
out_release:
	cap_release(ref);
	return n;
}

/* On 64-bit machines the second half of the offset is not used. */
int64_t sys_preadv(int fd, uaddr_t iov, int count, int64_t offset, int64_t high)
{
	(void)high;
	return offset < 0 ? -EINVAL : transfer_vector(fd, iov, count, offset, 0, false);
}

int64_t sys_pwritev(int fd, uaddr_t iov, int count, int64_t offset, int64_t high)
{
	(void)high;
	return offset < 0 ? -EINVAL : transfer_vector(fd, iov, count, offset, 0, true);
}

int rw_check_flags(unsigned flags)
{
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND))
		return -EOPNOTSUPP;
	return flags & RWF_APPEND && flags & RWF_NOAPPEND ? -EINVAL : 0;
}

int64_t sys_preadv2(int fd, uaddr_t iov, int count, int64_t offset, int64_t high, unsigned flags)
{
	(void)high;
	int err = rw_check_flags(flags);
	if (err)
		return err;
	return offset < AT_POSITION ? -EINVAL
				    : transfer_vector(fd, iov, count, offset, flags, false);
}

int64_t sys_pwritev2(int fd, uaddr_t iov, int count, int64_t offset, int64_t high, unsigned flags)
{
	(void)high;
	int err = rw_check_flags(flags);
	if (err)
		return err;
	return offset < AT_POSITION ? -EINVAL
				    : transfer_vector(fd, iov, count, offset, flags, true);
}

static NOINLINE int64_t seek_shared(int fd, int64_t offset, int whence)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_SEEK);
	if (unlikely(!ref.object))
		return ref.err;
	int64_t pos = object_seek(ref.object, offset, whence);
	cap_release(ref);
	return pos;
}

int64_t sys_lseek(int fd, int64_t offset, int whence)
{
	struct object *object = cap_borrow(fd, RIGHT_SEEK);
	return likely(object) ? object_seek(object, offset, whence)
			      : seek_shared(fd, offset, whence);
}
