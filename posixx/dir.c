/* Calls that make, remove, move and read names. */
#include "path_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>

int64_t sys_mkdirat(int dir, uaddr_t path, unsigned mode)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (err)
		return err;
	err = vfs_mkdir(dir, name.text, mode);
	user_path_free(&name);
	return err;
}

int64_t sys_mkdir(uaddr_t path, unsigned mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

int64_t sys_mknodat(int dir, uaddr_t path, unsigned mode, uint64_t dev)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (err)
		return err;
	err = vfs_create(dir, name.text, mode, (uint32_t)dev);
	user_path_free(&name);
	return err;
}

int64_t sys_mknod(uaddr_t path, unsigned mode, uint64_t dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

int64_t sys_unlinkat(int dir, uaddr_t path, unsigned flags)
{
	if (flags & ~(unsigned)AT_REMOVEDIR)
		return -EINVAL;
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (err)
		return err;
	err = vfs_unlink(dir, name.text, flags & AT_REMOVEDIR);
	user_path_free(&name);
	return err;
}

int64_t sys_unlink(uaddr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

int64_t sys_rmdir(uaddr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Two paths of the caller. */
static int copy_two(uaddr_t first, uaddr_t second, struct user_path *a, struct user_path *b)
{
	int err = user_path_copy(a, first);
	if (err)
		return err;
	err = user_path_copy(b, second);
	if (err)
		user_path_free(a);
	return err;
}

int64_t sys_renameat2(int old_dir, uaddr_t old_path, int new_dir, uaddr_t new_path, unsigned flags)
{
	struct user_path old, new;
	int err = copy_two(old_path, new_path, &old, &new);
	if (err)
		return err;
	err = vfs_rename(old_dir, old.text, new_dir, new.text, flags);
	user_path_free(&old);
	user_path_free(&new);
	return err;
}

int64_t sys_renameat(int old_dir, uaddr_t old_path, int new_dir, uaddr_t new_path)
{
	return sys_renameat2(old_dir, old_path, new_dir, new_path, 0);
}

int64_t sys_rename(uaddr_t old_path, uaddr_t new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int64_t sys_linkat(int old_dir, uaddr_t old_path, int new_dir, uaddr_t new_path, unsigned flags)
{
	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	struct user_path old, new;
	int err = copy_two(old_path, new_path, &old, &new);
	if (err)
		return err;
	unsigned lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0u) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0u);
	/* Whoever was given a descriptor was not given the power to name the file. */
	if (!*old.text && !has_power(POWER_DAC_READ_SEARCH))
		err = -ENOENT;
	else
		err = vfs_link(old_dir, old.text, new_dir, new.text, lookup);
	user_path_free(&old);
	user_path_free(&new);
	return err;
}

int64_t sys_link(uaddr_t old_path, uaddr_t new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int64_t sys_symlinkat(uaddr_t target, int dir, uaddr_t path)
{
	struct user_path text, name;
	int err = copy_two(target, path, &text, &name);
	if (err)
		return err;
	err = vfs_symlink(text.text, dir, name.text);
	user_path_free(&text);
	user_path_free(&name);
	return err;
}

int64_t sys_symlink(uaddr_t target, uaddr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

int64_t sys_readlinkat(int dir, uaddr_t path, uaddr_t buf, size_t size)
{
	if ((int64_t)(int)size <= 0)
		return -EINVAL;
	struct path place;
	int err = vfs_lookup_user(dir, path, LOOKUP_EMPTY, &place);
	if (err)
		return err;
	char *text = kmalloc(PATH_MAX_LEN);
	int64_t len = text ? vfs_read_link(&place, text, min(size, (size_t)PATH_MAX_LEN)) : -ENOMEM;
	/* An empty path must name a link itself. */
	if (len > 0 && copy_to_user(buf, text, (size_t)len))
		len = -EFAULT;
	kfree(text);
	path_put(&place);
	return len;
}

int64_t sys_readlink(uaddr_t path, uaddr_t buf, size_t size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}
