/* Calls that open files: open(2), openat2(2) and their variants. */
#include "path_impl.h"

#include <object/capability.h>

/* openat2's struct open_how, and what it may resolve. */
struct open_how {
	uint64_t flags, mode, resolve;
};
#define RESOLVE_NO_XDEV       1u
#define RESOLVE_NO_MAGICLINKS 2u
#define RESOLVE_NO_SYMLINKS   4u
#define RESOLVE_BENEATH       8u
#define RESOLVE_IN_ROOT       16u
#define RESOLVE_CACHED        32u

#define OPEN_FLAGS                                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
	    O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |  \
	    O_PATH | O_TMPFILE)

int64_t path_install(struct object *object, unsigned flags)
{
	bool is_directory =
	    object->ops == &directory_ops ||
	    (object->ops == &path_ops && S_IS(file_of(object)->inode->mode, S_IFDIR));
	int fd = cap_install(object, cap_rights_of_open(flags, is_directory),
	    flags & O_CLOEXEC ? CAP_CLOEXEC : 0, 0);
	if (unlikely(fd < 0))
		object_put(object);
	return fd;
}

static int64_t do_open(int dir, uaddr_t path, const struct open_request *request)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (unlikely(err))
		return err;
	struct object *object;
	/* Nothing is made or cut for somebody who gets no descriptor of it. */
	err = request->flags & (O_CREAT | O_TRUNC) ? cap_check_room() : objects_check_room();
	if (likely(!err))
		err = vfs_open(dir, name.text, request, &object);
	user_path_free(&name);
	return likely(!err) ? path_install(object, request->flags) : err;
}

int64_t sys_openat(int dir, uaddr_t path, int flags, unsigned mode)
{
	return do_open(
	    dir, path, &(struct open_request){.flags = (unsigned)flags & OPEN_FLAGS, .mode = mode});
}

int64_t sys_open(uaddr_t path, int flags, unsigned mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

int64_t sys_creat(uaddr_t path, unsigned mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* Fields that we do not know must be zero. */
static int copy_how(struct open_how *how, uaddr_t user, size_t size)
{
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	for (size_t i = sizeof(*how); i < size; i++) {
		uint8_t byte;
		if (get_user_u8(&byte, uaddr_add(user, i)))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return copy_from_user(how, user, sizeof(*how));
}

static int check_how(const struct open_how *how, unsigned *lookup)
{
	static const struct {
		unsigned resolve, lookup;
	} pairs[] = {
	    {RESOLVE_NO_XDEV, LOOKUP_NO_MOUNTS},
	    {RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGIC},
	    {RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGIC},
	    {RESOLVE_BENEATH, LOOKUP_BENEATH},
	    {RESOLVE_IN_ROOT, LOOKUP_IN_ROOT},
	    {RESOLVE_CACHED, LOOKUP_CACHED},
	};
	uint64_t resolve = how->resolve;
	bool makes = how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
	if (how->flags & ~(uint64_t)OPEN_FLAGS || how->mode & ~07777ull || (how->mode && !makes))
		return -EINVAL;
	if (how->flags & O_PATH &&
	    how->flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
		return -EINVAL;
	if ((resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	if (resolve & RESOLVE_CACHED &&
	    how->flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))
		return -EAGAIN;
	*lookup = 0;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (resolve & pairs[i].resolve) {
			*lookup |= pairs[i].lookup;
			resolve &= ~(uint64_t)pairs[i].resolve;
		}
	return resolve ? -EINVAL : 0;
}

int64_t sys_openat2(int dir, uaddr_t path, uaddr_t user_how, size_t size)
{
	struct open_how how;
	int err = copy_how(&how, user_how, size);
	if (err)
		return err;
	struct open_request request = {.flags = (unsigned)how.flags, .mode = (unsigned)how.mode};
	err = check_how(&how, &request.lookup);
	return err ? err : do_open(dir, path, &request);
}
