/* Bytes from descriptor to descriptor: sendfile(2), copy_file_range(2). */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <vfs/vfs.h>

#include "rw_impl.h"

static int check_send(const struct object *in, int64_t pos, size_t count, bool has_offset)
{
	if (has_offset && in->ops->is_stream)
		return -ESPIPE;
	if ((int64_t)count < 0 || pos < 0)
		return -EINVAL;
	/* What cannot be read again could be lost between two calls. */
	bool is_again = !in->ops->is_stream && in->ops->read && in->ops->seek && !in->ops->list;
	return is_again ? 0 : -EINVAL;
}

static int64_t send(struct object *in, struct object *out, int64_t *offset, size_t count)
{
	uint64_t *pos = offset ? (uint64_t *)offset : &in->pos;
	int err = check_send(in, (int64_t)*pos, count, offset);
	if (!err && out->flags & O_APPEND && out->ops->type != OBJECT_PIPE)
		err = -EINVAL;
	if (err)
		return err;
	return object_copy(
	    in, pos, out, out->ops->is_stream ? NULL : &out->pos, min(count, RW_MAX));
}

/* A null `user` leaves the offset alone: the object's own position is used. */
static int get_offset(uaddr_t user, int64_t *offset)
{
	return uaddr_is_null(user) ? 0 : get_user_u64((uint64_t *)offset, user);
}

static int put_offset(uaddr_t user, int64_t offset)
{
	return uaddr_is_null(user) ? 0 : put_user_u64(user, (uint64_t)offset);
}

int64_t sys_sendfile(int out_fd, int in_fd, uaddr_t user_offset, size_t count)
{
	int64_t offset = 0;
	if (get_offset(user_offset, &offset))
		return -EFAULT;
	struct cap_ref in = cap_lookup(in_fd, RIGHT_READ);
	if (!in.object)
		return in.err;
	int64_t n;
	struct cap_ref out = cap_lookup(out_fd, RIGHT_WRITE);
	if (out.object) {
		n = send(in.object, out.object, uaddr_is_null(user_offset) ? NULL : &offset, count);
		cap_release(out);
	} else {
		n = check_send(in.object, offset, count, !uaddr_is_null(user_offset)) == -ESPIPE
			? -ESPIPE
			: out.err;
	}
	cap_release(in);
	return put_offset(user_offset, offset) ? -EFAULT : n;
}

/* One side of copy_file_range. */
struct side {
	struct object *object;
	uint64_t *pos; /* the caller's offset, or the object's position */
};

static const struct inode *inode_of(const struct side *side)
{
	return side->object->ops->stat == file_stat ? file_of(side->object)->inode : NULL;
}

static int check_kinds(const struct side *in, const struct side *out)
{
	const struct inode *from = inode_of(in), *to = inode_of(out);
	if ((from && S_IS(from->mode, S_IFDIR)) || (to && S_IS(to->mode, S_IFDIR)))
		return -EISDIR;
	if (!from || !to || !S_IS(from->mode, S_IFREG) || !S_IS(to->mode, S_IFREG))
		return -EINVAL;
	if (out->object->flags & O_APPEND)
		return -EBADF;
	return from->super != to->super ? -EXDEV : 0;
}

/* Where both are, and that a file is not copied over itself. */
static int check_places(const struct side *in, const struct side *out, size_t *len)
{
	uint64_t in_end, out_end;
	if (add_overflows(*in->pos, *len, &in_end) || add_overflows(*out->pos, *len, &out_end))
		return -EOVERFLOW;
	if ((int64_t)*len < 0 || (int64_t)*in->pos < 0 || (int64_t)*out->pos < 0)
		return -EINVAL;
	uint64_t size = atomic_load(&inode_of(in)->size);
	*len = *in->pos < size ? min(*len, size - *in->pos) : 0;
	if (inode_of(in) == inode_of(out) && *out->pos + *len > *in->pos &&
	    *out->pos < *in->pos + *len)
		return -EINVAL;
	return 0;
}

static int64_t copy_range(const struct side *in, const struct side *out, size_t len)
{
	int err = check_kinds(in, out);
	if (!err)
		err = check_places(in, out, &len);
	return err ? err
		   : object_copy(in->object, in->pos, out->object, out->pos, min(len, RW_MAX));
}

static int64_t copy_with_offsets(
    struct object *in, uaddr_t in_user, struct object *out, uaddr_t out_user, size_t len)
{
	int64_t in_offset = 0, out_offset = 0;
	if (get_offset(in_user, &in_offset) || get_offset(out_user, &out_offset))
		return -EFAULT;
	int64_t n = copy_range(
	    &(struct side){in, uaddr_is_null(in_user) ? &in->pos : (uint64_t *)&in_offset},
	    &(struct side){out, uaddr_is_null(out_user) ? &out->pos : (uint64_t *)&out_offset},
	    len);
	if (n > 0 && (put_offset(in_user, in_offset) || put_offset(out_user, out_offset)))
		return -EFAULT;
	return n;
}

/* A directory is told from what is not open for this. */
static struct cap_ref look_up_side(int fd, uint32_t right)
{
	struct cap_ref ref = cap_lookup(fd, right);
	if (ref.object)
		return ref;
	struct cap_ref other = cap_lookup(fd, RIGHT_LIST);
	if (other.object) {
		ref.err = -EISDIR;
		cap_release(other);
	}
	return ref;
}

int64_t sys_copy_file_range(
    int in_fd, uaddr_t in_offset, int out_fd, uaddr_t out_offset, size_t len, unsigned flags)
{
	struct cap_ref in = look_up_side(in_fd, RIGHT_READ),
		       out = look_up_side(out_fd, RIGHT_WRITE);
	int64_t n = in.object ? out.err : in.err;
	if (in.object && out.object)
		n = flags ? -EINVAL
			  : copy_with_offsets(in.object, in_offset, out.object, out_offset, len);
	if (in.object)
		cap_release(in);
	if (out.object)
		cap_release(out);
	return n;
}
