/*
 * Extended attributes: names with values, kept with the inode by file systems that are memory (file_system.keeps_xattrs). What a
 * name begins with says who may use it: user.* whoever may read or write the file (files and directories only), trusted.* the administrator,
 * security.* all to read and the administrator to write. There are few: a list, under the inode's lock.
 */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>

#define TOTAL_MAX (128 * KiB) /* of a file: names and values */

struct xattr {
	struct list link;
	size_t name_size, value_size; /* name_size: with the NUL */
	char text[];                  /* the name, then the value */
};

struct xattrs {
	struct list all;
	size_t total;
	int64_t charged; /* to the file system */
};

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int check_user_name(const struct inode *inode, bool writes)
{
	if (!S_IS(inode->mode, S_IFREG) && !S_IS(inode->mode, S_IFDIR))
		return writes ? -EPERM : -ENODATA;
	if (writes && S_IS(inode->mode, S_IFDIR) && inode->mode & S_ISVTX && !inode_is_ours(inode))
		return -EPERM;
	return inode_permission(inode, writes ? MAY_WRITE : MAY_READ);
}

static int check_powers(const struct inode *inode, const char *name, bool writes)
{
	if (begins_with(name, "user."))
		return check_user_name(inode, writes);
	if (begins_with(name, "trusted.") && !has_power(POWER_SYS_ADMIN))
		return writes ? -EPERM : -ENODATA;
	if (begins_with(name, "security.") && writes && !has_power(POWER_SYS_ADMIN))
		return -EPERM;
	return 0;
}

/* A name that no file system keeps, or one that says nothing. */
static int check_name(const struct inode *inode, const char *name)
{
	static const char *const kept[] = {"user.", "trusted.", "security."};
	if (!inode->super->type->keeps_xattrs)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (begins_with(name, kept[i]))
			return name[strlen(kept[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

static int may_use(const struct path *path, const char *name, bool writes)
{
	const struct inode *inode = path->dentry->inode;
	if (writes && path_is_read_only(path))
		return -EROFS;
	int err = check_powers(inode, name, writes);
	return err ? err : check_name(inode, name);
}

/* The inode's lock is held, as in all that follow. */
static struct xattr *find(const struct inode *inode, const char *name)
{
	struct xattr *xattr;
	if (inode->xattrs)
		list_for_each(xattr, &inode->xattrs->all, link)
			if (strcmp(xattr->text, name) == 0)
				return xattr;
	return NULL;
}

static size_t size_of(const struct xattr *xattr)
{
	return xattr->name_size + xattr->value_size;
}

static int charge(const struct inode *inode, int64_t bytes)
{
	return bytes ? inode->super->type->charge_xattrs(inode->super, bytes) : 0;
}

/* What the file system counts. */
static int64_t memory_of(const struct xattr *xattr)
{
	return (int64_t)(sizeof(*xattr) + size_of(xattr));
}

static void drop(struct inode *inode, struct xattr *xattr)
{
	inode->xattrs->total -= size_of(xattr);
	inode->xattrs->charged -= memory_of(xattr);
	list_remove(&xattr->link);
	kfree(xattr);
}

/* Takes over `fresh` when all is well. */
static int store(struct inode *inode, struct xattr *fresh, unsigned flags)
{
	struct xattr *old = find(inode, fresh->text);
	if (old && flags & XATTR_CREATE)
		return -EEXIST;
	if (!old && flags & XATTR_REPLACE)
		return -ENODATA;
	struct xattrs *xattrs = inode->xattrs;
	if (!xattrs) {
		if (!(xattrs = kzalloc(sizeof(*xattrs))))
			return -ENOMEM;
		list_init(&xattrs->all);
		inode->xattrs = xattrs;
	}
	if (xattrs->total + size_of(fresh) - (old ? size_of(old) : 0) > TOTAL_MAX)
		return -ENOSPC;
	int err = charge(inode, memory_of(fresh) - (old ? memory_of(old) : 0));
	if (err)
		return err;
	if (old)
		drop(inode, old);
	list_push_back(&xattrs->all, &fresh->link);
	xattrs->total += size_of(fresh);
	xattrs->charged += memory_of(fresh);
	inode_touch(&inode->ctime_ns, time_now());
	return 0;
}

int vfs_set_xattr(
    const struct path *path, const char *name, const void *value, size_t size, unsigned flags)
{
	struct inode *inode = path->dentry->inode;
	int err = may_use(path, name, true);
	if (err)
		return err;
	size_t name_size = strlen(name) + 1;
	struct xattr *fresh = kmalloc(sizeof(*fresh) + name_size + size);
	if (!fresh)
		return -ENOMEM;
	fresh->name_size = name_size;
	fresh->value_size = size;
	memcpy(fresh->text, name, name_size);
	memcpy(fresh->text + name_size, value, size);
	err = rwlock_write_lock_killable(&inode->lock);
	if (!err) {
		err = store(inode, fresh, flags);
		rwlock_write_unlock(&inode->lock);
	}
	if (err)
		kfree(fresh);
	return err;
}

int vfs_remove_xattr(const struct path *path, const char *name)
{
	struct inode *inode = path->dentry->inode;
	int err = may_use(path, name, true);
	if (err)
		return err;
	if (rwlock_write_lock_killable(&inode->lock))
		return -EINTR;
	struct xattr *xattr = find(inode, name);
	if (xattr) {
		int ignored = charge(inode, -memory_of(xattr));
		(void)ignored;
		drop(inode, xattr);
		inode_touch(&inode->ctime_ns, time_now());
	}
	rwlock_write_unlock(&inode->lock);
	return xattr ? 0 : -ENODATA;
}

int64_t vfs_get_xattr(const struct path *path, const char *name, void *value, size_t size)
{
	struct inode *inode = path->dentry->inode;
	int64_t result = may_use(path, name, false);
	if (result)
		return result;
	if (rwlock_read_lock_killable(&inode->lock))
		return -EINTR;
	const struct xattr *xattr = find(inode, name);
	if (!xattr)
		result = -ENODATA;
	else if (size && size < xattr->value_size)
		result = -ERANGE;
	else
		result = (int64_t)xattr->value_size;
	if (result > 0 && size)
		memcpy(value, xattr->text + xattr->name_size, (size_t)result);
	rwlock_read_unlock(&inode->lock);
	return result;
}

int64_t vfs_list_xattrs(const struct path *path, char *list, size_t size)
{
	struct inode *inode = path->dentry->inode;
	bool sees_trusted = has_power(POWER_SYS_ADMIN);
	const struct xattr *xattr;
	size_t used = 0;
	if (rwlock_read_lock_killable(&inode->lock))
		return -EINTR;
	if (inode->xattrs)
		list_for_each(xattr, &inode->xattrs->all, link) {
			if (!sees_trusted && begins_with(xattr->text, "trusted."))
				continue;
			if (used + xattr->name_size <= size)
				memcpy(list + used, xattr->text, xattr->name_size);
			used += xattr->name_size;
		}
	rwlock_read_unlock(&inode->lock);
	return size && used > size ? -ERANGE : (int64_t)used;
}

void inode_uncharge_xattrs(const struct inode *inode)
{
	int ignored = charge(inode, -inode->xattrs->charged);
	(void)ignored;
}

void inode_free_xattrs(struct inode *inode)
{
	if (!inode->xattrs)
		return;
	while (!list_is_empty(&inode->xattrs->all))
		drop(inode, list_first(&inode->xattrs->all, struct xattr, link));
	kfree(inode->xattrs);
}
