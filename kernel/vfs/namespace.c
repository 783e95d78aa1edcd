/*
 * Names made and removed. All follow one pattern: walk to the directory, lock it, look at the name, check, let the file system do it, and
 * tell the cache.
 */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <wait/interruptible.h>

/* The directory of `path`, locked for writing, and what its last name stands for. Undone by leave. */
struct site {
	struct last_place place;
	struct dentry *dentry; /* maybe negative */
};

static void leave(struct site *site)
{
	rwlock_write_unlock(&site->place.dir.dentry->inode->lock);
	if (site->dentry)
		dentry_put(site->dentry);
	last_place_put(&site->place);
}

static int enter_by(const struct walk_request *request, int special_err, struct site *site)
{
	int err = walk(request, take_last, &site->place);
	if (err)
		return err;
	struct dentry *dir = site->place.dir.dentry;
	if (last_is_special(&site->place)) {
		last_place_put(&site->place);
		return special_err;
	}
	site->dentry = NULL;
	if (rwlock_write_lock_killable(&dir->inode->lock)) {
		last_place_put(&site->place);
		return -EINTR;
	}
	err = dir->inode->is_dead ? -ENOENT : lookup_locked(dir, &site->place.last, &site->dentry);
	ASSUME(err || site->dentry);
	if (err)
		leave(site);
	return err;
}

static int enter(int dir_fd, const char *path, int special_err, struct site *site)
{
	struct walk_request request = {.dir_fd = dir_fd, .path = path, .flags = LOOKUP_PARENT};
	return enter_by(&request, special_err, site);
}

/* For making something: the name must be free. */
static int enter_new(int dir_fd, const char *path, bool is_directory, struct site *site)
{
	int err = enter(dir_fd, path, -EEXIST, site);
	if (err)
		return err;
	if (site->dentry->inode)
		err = -EEXIST;
	else if (site->place.has_trailing_slash && !is_directory)
		err = -ENOENT;
	else
		err = may_create(&site->place.dir);
	if (err)
		leave(site);
	return err;
}

static int make(int dir_fd, const char *path, uint32_t mode, uint64_t rdev)
{
	struct site site;
	int err = enter_new(dir_fd, path, S_IS(mode, S_IFDIR), &site);
	if (err)
		return err;
	if ((S_IS(mode, S_IFCHR) || S_IS(mode, S_IFBLK)) && !has_power(POWER_MKNOD))
		err = -EPERM;
	else
		err = create_locked(&site.place.dir, site.dentry, &site.place.last, mode, rdev);
	leave(&site);
	return err;
}

int vfs_create(int dir_fd, const char *path, uint32_t mode, uint64_t rdev)
{
	switch (mode & S_IFMT) {
	case 0: mode |= S_IFREG; break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK: break;
	case S_IFDIR: return -EPERM;
	default: return -EINVAL;
	}
	return make(dir_fd, path, (mode & S_IFMT) | mode_for_new(mode), rdev);
}

int vfs_mkdir(int dir_fd, const char *path, uint32_t mode)
{
	return make(dir_fd, path, S_IFDIR | (mode_for_new(mode) & 01777), 0);
}

int vfs_symlink(const char *target, int dir_fd, const char *path)
{
	if (!*target)
		return -ENOENT;
	struct site site;
	int err = enter_new(dir_fd, path, false, &site);
	if (err)
		return err;
	struct inode *dir = site.place.dir.dentry->inode, *inode;
	err = dir->ops->symlink ? dir->ops->symlink(dir, &site.place.last, target, &inode) : -EPERM;
	if (!err) {
		inode_set_owner(inode, dir);
		inode_changed(dir);
		dentry_instantiate(site.dentry, inode);
	}
	leave(&site);
	return err;
}

static int link_locked(struct site *site, const struct path *from)
{
	struct inode *dir = site->place.dir.dentry->inode, *inode = from->dentry->inode;
	if (from->mount != site->place.dir.mount)
		return -EXDEV;
	if (S_IS(inode->mode, S_IFDIR) || !dir->ops->link)
		return -EPERM;
	if (!atomic_load(&inode->nlink) && !atomic_load(&inode->is_unnamed))
		return -ENOENT;
	int err = dir->ops->link(dir, &site->place.last, inode);
	if (err)
		return err;
	atomic_store(&inode->is_unnamed, false);
	int64_t now = time_now();
	inode_changed_at(dir, now);
	inode_touch(&inode->ctime_ns, now);
	dentry_instantiate(site->dentry, inode_get(inode));
	return 0;
}

int vfs_link(int old_dir, const char *old, int new_dir, const char *new_path, unsigned flags)
{
	struct path from;
	int err = vfs_lookup(old_dir, old, flags, &from);
	if (err)
		return err;
	struct site site;
	err = enter_new(new_dir, new_path, false, &site);
	if (!err) {
		err = link_locked(&site, &from);
		leave(&site);
	}
	path_put(&from);
	return err;
}

static void entry_is_gone(struct inode *dir, struct inode *victim, struct dentry *dentry)
{
	int64_t now = time_now();
	inode_changed_at(dir, now);
	inode_touch(&victim->ctime_ns, now);
	dentry_delete(dentry);
}

static int unlink_locked(struct site *site)
{
	struct inode *dir = site->place.dir.dentry->inode, *victim = site->dentry->inode;
	if (path_is_read_only(&site->place.dir))
		return -EROFS;
	if (!victim)
		return -ENOENT;
	if (site->place.has_trailing_slash)
		return S_IS(victim->mode, S_IFDIR) ? -EISDIR : -ENOTDIR;
	int err = may_delete(dir, victim, false);
	if (err)
		return err;
	if (atomic_load(&site->dentry->flags) & DENTRY_MOUNT_POINT)
		return -EBUSY;
	if (!dir->ops->unlink)
		return -EPERM;
	err = dir->ops->unlink(dir, &site->place.last, victim);
	if (err)
		return err;
	entry_is_gone(dir, victim, site->dentry);
	return 0;
}

/* Parents before children: the victim's lock keeps anything from being made in it. */
static int remove_locked(struct inode *dir, const struct name *name, struct dentry *dentry)
{
	struct inode *victim = dentry->inode;
	if (atomic_load(&dentry->flags) & DENTRY_MOUNT_POINT)
		return -EBUSY;
	if (!dir->ops->rmdir)
		return -EPERM;
	int err = inode_lock_second(victim);
	if (err)
		return err;
	err = dir->ops->rmdir(dir, name, victim);
	if (!err)
		victim->is_dead = true;
	inode_unlock_second(victim);
	return err;
}

static int rmdir_locked(struct site *site)
{
	struct inode *dir = site->place.dir.dentry->inode, *victim = site->dentry->inode;
	if (path_is_read_only(&site->place.dir))
		return -EROFS;
	if (!victim)
		return -ENOENT;
	int err = may_delete(dir, victim, true);
	if (!err)
		err = remove_locked(dir, &site->place.last, site->dentry);
	if (err)
		return err;
	entry_is_gone(dir, victim, site->dentry);
	dentry_forget_children(site->dentry);
	return 0;
}

/* rmdir's own errors for names that are not names. */
static int special_rmdir_error(const char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= 2 && path[len - 1] == '.' && path[len - 2] == '.' &&
	    (len == 2 || path[len - 3] == '/'))
		return -ENOTEMPTY;
	return path[len - 1] == '.' ? -EINVAL : -EBUSY;
}

int vfs_unlink(int dir_fd, const char *path, bool directory)
{
	struct site site;
	int err =
	    enter(dir_fd, path, directory && *path ? special_rmdir_error(path) : -EISDIR, &site);
	if (err)
		return err;
	err = directory ? rmdir_locked(&site) : unlink_locked(&site);
	leave(&site);
	return err;
}

int vfs_unlink_in(const struct path *dir, const char *name)
{
	struct walk_request request = {.base = dir, .path = name, .flags = LOOKUP_PARENT};
	struct site site;
	int err = enter_by(&request, -EISDIR, &site);
	if (err)
		return err;
	err = unlink_locked(&site);
	leave(&site);
	return err;
}

int vfs_read_link(const struct path *path, char *buf, size_t size)
{
	struct inode *inode = path->dentry->inode;
	if (!S_IS(inode->mode, S_IFLNK))
		return -EINVAL;
	if (inode->link_target) {
		size_t len = min(strlen(inode->link_target), size);
		memcpy(buf, inode->link_target, len);
		return (int)len;
	}
	if (!inode->ops->read_link)
		return -EINVAL;
	char *text = kmalloc(PATH_MAX_LEN);
	if (!text)
		return -ENOMEM;
	int len = inode->ops->read_link(inode, text, NULL);
	if (len > 0) {
		len = (int)min((size_t)len, size);
		memcpy(buf, text, (size_t)len);
	}
	kfree(text);
	return len;
}
