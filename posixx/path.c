/* Calls that open, test and move between places: open(2), access(2), chdir(2) and their variants. */
#include "path_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>
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

int place_of_fd(int fd, struct path *place)
{
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	int err = ref.object->ops->stat == file_stat ? 0 : -EBADF;
	if (!err) {
		*place = file_of(ref.object)->path;
		path_get(place);
	}
	cap_release(ref);
	return err;
}

int place_from_user(int dir, uaddr_t path, unsigned flags, struct path *place)
{
	unsigned lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	return vfs_lookup_user(dir, path, lookup, place);
}

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

/* access(2) asks for the real ids, whose powers are those of a root or of nobody, unless a program told that ids and powers are apart. */
static uint64_t real_powers(const struct credentials *creds)
{
	enum { NO_SETUID_FIXUP = 4 }; /* SECBIT_NO_SETUID_FIXUP */
	if (unlikely(creds->securebits & NO_SETUID_FIXUP))
		return creds->cap_effective;
	return creds->uid ? 0 : creds->cap_permitted;
}

static inline bool are_real(const struct credentials *creds)
{
	return creds->uid == creds->fsuid && creds->gid == creds->fsgid &&
	       creds->cap_effective == real_powers(creds);
}

static struct credentials *real_credentials(const struct credentials *creds)
{
	struct credentials *real = credentials_copy(creds, creds->group_count);
	if (!real)
		return NULL;
	real->fsuid = creds->uid;
	real->fsgid = creds->gid;
	real->cap_effective = real_powers(creds);
	return real;
}

static int64_t do_access(int dir, uaddr_t path, int mode, unsigned flags)
{
	if (mode & ~7 || flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (unlikely(err))
		return err;
	const struct credentials *creds = current_credentials();
	struct credentials *real = NULL;
	if (unlikely(!(flags & AT_EACCESS) && !are_real(creds))) {
		real = real_credentials(creds);
		if (!real) {
			user_path_free(&name);
			return -ENOMEM;
		}
	}
	unsigned lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0u : LOOKUP_FOLLOW) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0u);
	err = vfs_access_at(dir, name.text, lookup, real ? real : creds, (unsigned)mode);
	if (real)
		credentials_put(real);
	user_path_free(&name);
	return err;
}

int64_t sys_access(uaddr_t path, int mode)
{
	return do_access(AT_FDCWD, path, mode, 0);
}

int64_t sys_faccessat(int dir, uaddr_t path, int mode)
{
	return do_access(dir, path, mode, 0);
}

int64_t sys_faccessat2(int dir, uaddr_t path, int mode, unsigned flags)
{
	return do_access(dir, path, mode, flags);
}

static int64_t go_to(const struct path *place)
{
	if (!S_IS(place->dentry->inode->mode, S_IFDIR))
		return -ENOTDIR;
	int err = inode_permission(place->dentry->inode, MAY_EXEC);
	if (!err)
		file_context_set(current_file_context(), &current_file_context()->cwd, place);
	return err;
}

int64_t sys_chdir(uaddr_t path)
{
	struct path place;
	int err = vfs_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &place);
	if (err)
		return err;
	int64_t result = go_to(&place);
	path_put(&place);
	return result;
}

int64_t sys_fchdir(int fd)
{
	struct path place;
	int err = place_of_fd(fd, &place);
	if (err) {
		/* Something else than a file is open there. */
		struct cap_ref ref = cap_lookup(fd, 0);
		bool is_open = ref.object;
		if (is_open)
			cap_release(ref);
		return is_open ? -ENOTDIR : -EBADF;
	}
	int64_t result = go_to(&place);
	path_put(&place);
	return result;
}

int64_t sys_chroot(uaddr_t path)
{
	struct path place;
	int err = vfs_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &place);
	if (err)
		return err;
	err = inode_permission(place.dentry->inode, MAY_EXEC);
	if (!err && !has_power(POWER_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		file_context_set(current_file_context(), &current_file_context()->root, &place);
	path_put(&place);
	return err;
}

/* Written from its end in `room` bytes of our own, then copied. */
static ALWAYS_INLINE int64_t put_cwd(uaddr_t buf, size_t size, char *text, size_t room)
{
	char *name;
	int64_t len = vfs_cwd_name(text, room, &name);
	if (unlikely(len < 0))
		return len;
	if (unlikely((size_t)len > size))
		return -ERANGE;
	return unlikely(copy_to_user(buf, name, (size_t)len)) ? -EFAULT : len;
}

#define CWD_SHORT 256 /* nearly all are */

int64_t sys_getcwd(uaddr_t buf, size_t size)
{
	char text[CWD_SHORT], *more;
	int64_t len = put_cwd(buf, size, text, sizeof(text));
	if (likely(len != -ENAMETOOLONG))
		return len;
	if (!(more = kmalloc(PATH_MAX_LEN)))
		return -ENOMEM;
	len = put_cwd(buf, size, more, PATH_MAX_LEN);
	kfree(more);
	return len;
}

int64_t sys_umask(unsigned mask)
{
	return atomic_swap(&current_file_context()->umask, mask & 0777);
}
