/* Bytes between a pipe and another descriptor: splice(2), tee(2). */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <ipc/pipe.h>
#include <object/capability.h>
#include <posixx/syscalls.h>

#include "rw_impl.h"

static bool is_pipe(const struct object *object)
{
	return object->ops->type == OBJECT_PIPE;
}

/* One side of a splice. */
struct end {
	struct object *object;
	uaddr_t user_offset; /* null: the object's own position */
	uint64_t offset;
};

static int begin(struct end *end)
{
	if (is_pipe(end->object))
		return uaddr_is_null(end->user_offset) ? 0 : -ESPIPE;
	if (!uaddr_is_null(end->user_offset)) {
		if (end->object->ops->is_stream)
			return -EINVAL;
		return get_user_u64(&end->offset, end->user_offset) ? -EFAULT
		       : (int64_t)end->offset < 0                   ? -EINVAL
								    : 0;
	}
	/* Not in turn with others, as on Linux: a splice may wait for its pipe for ever. */
	if (!end->object->ops->is_stream)
		end->offset = atomic_load(&end->object->pos);
	return 0;
}

/* Stores the position: the program's variable or the object's. */
static int64_t finish(struct end *end, int64_t n)
{
	if (is_pipe(end->object) || end->object->ops->is_stream)
		return n;
	if (!uaddr_is_null(end->user_offset))
		return n > 0 && put_user_u64(end->user_offset, end->offset) ? -EFAULT : n;
	atomic_store(&end->object->pos, end->offset);
	return n;
}

static int64_t splice_files(struct end *in, struct end *out, size_t len, bool nonblock)
{
	struct end *other = is_pipe(in->object) ? out : in;
	const struct object_ops *ops = other->object->ops;
	if (other == out ? !ops->write || out->object->flags & O_APPEND : !ops->read || ops->list)
		return -EINVAL;
	int64_t n = begin(other);
	if (n)
		return n;
	uint64_t *pos = ops->is_stream ? NULL : &other->offset;
	if (other == out)
		n = pipe_splice_to(in->object, out->object, pos, len, nonblock);
	else
		n = pipe_splice_from(in->object, pos, out->object, len, nonblock);
	return finish(other, n);
}

static int64_t splice(struct end *in, struct end *out, size_t len, bool nonblock)
{
	bool from = is_pipe(in->object), to = is_pipe(out->object);
	if ((from && !uaddr_is_null(in->user_offset)) || (to && !uaddr_is_null(out->user_offset)))
		return -ESPIPE;
	if (from && to)
		return pipe_is_same(in->object, out->object)
			   ? -EINVAL
			   : pipe_splice_pipes(in->object, out->object, len, false, nonblock);
	return from || to ? splice_files(in, out, len, nonblock) : -EINVAL;
}

/* Both are held, or neither. */
static int both_ends(int in_fd, int out_fd, struct cap_ref *in, struct cap_ref *out)
{
	*in = cap_lookup(in_fd, RIGHT_READ);
	if (!in->object)
		return in->err;
	*out = cap_lookup(out_fd, RIGHT_WRITE);
	if (out->object)
		return 0;
	cap_release(*in);
	return out->err;
}

int64_t sys_splice(
    int in_fd, uaddr_t in_offset, int out_fd, uaddr_t out_offset, size_t len, unsigned flags)
{
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	struct cap_ref in, out;
	int err = both_ends(in_fd, out_fd, &in, &out);
	if (err)
		return err;
	int64_t n = splice(&(struct end){.object = in.object, .user_offset = in_offset},
	    &(struct end){.object = out.object, .user_offset = out_offset}, min(len, RW_MAX),
	    flags & SPLICE_F_NONBLOCK);
	cap_release(in);
	cap_release(out);
	return n;
}

int64_t sys_tee(int in_fd, int out_fd, size_t len, unsigned flags)
{
	if (flags & ~SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	struct cap_ref in, out;
	int err = both_ends(in_fd, out_fd, &in, &out);
	if (err)
		return err;
	int64_t n = -EINVAL;
	if (is_pipe(in.object) && is_pipe(out.object) && !pipe_is_same(in.object, out.object))
		n = pipe_splice_pipes(
		    in.object, out.object, min(len, RW_MAX), true, flags & SPLICE_F_NONBLOCK);
	cap_release(in);
	cap_release(out);
	return n;
}
