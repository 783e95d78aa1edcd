/* Calls that test and move between places: access(2), chdir(2) and their variants. */
#include "path_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/capability.h>

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

/* access(2) judges by the real ids. A real root counts as having all its powers, anybody else none, unless the program has made powers independent of
 * ids. */
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
