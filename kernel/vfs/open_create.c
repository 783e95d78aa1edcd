/* open(2) of what is not there yet: finding out under the directory's lock, and making it. */
#include "vfs_impl.h"

#include <mm/slab.h>
#include <wait/interruptible.h>

uint32_t mode_for_new(uint32_t mode)
{
	return mode & 07777 & ~atomic_load(&context_of_current()->umask);
}

int create_locked(const struct path *dir, struct dentry *negative, const struct name *name,
    uint32_t mode, uint64_t rdev)
{
	struct inode *parent = dir->dentry->inode, *inode;
	if (!parent->ops->create)
		return -EPERM;
	int err = parent->ops->create(parent, name, mode, rdev, &inode);
	if (err)
		return err;
	inode_set_owner(inode, parent);
	inode_changed_at(parent, inode->btime_ns);
	dentry_instantiate(negative, inode);
	return 0;
}

/* Finds or makes the last name. 1: made; 0: was there. */
static int find_or_create(const struct path *dir, const struct name *name, unsigned flags,
    uint32_t mode, struct dentry **result)
{
	struct inode *parent = dir->dentry->inode;
	struct dentry *dentry = NULL;
	/* What is there needs no lock. */
	if (!(flags & O_EXCL) && (dentry = dentry_find_get(dir->dentry, name))) {
		*result = dentry;
		if (atomic_load(&dentry->inode))
			return 0;
		dentry_put(dentry);
		dentry = NULL;
	}
	if (rwlock_write_lock_killable(&parent->lock))
		return -EINTR;
	int err = parent->is_dead ? -ENOENT : lookup_locked(dir->dentry, name, &dentry);
	ASSUME(err || dentry);
	bool is_new = false;
	if (!err && !dentry->inode) {
		err = may_create(dir);
		if (!err)
			err = create_locked(dir, dentry, name, S_IFREG | mode_for_new(mode), 0);
		is_new = !err;
	} else if (!err && flags & O_EXCL) {
		err = -EEXIST;
	}
	rwlock_write_unlock(&parent->lock);
	if (err && dentry)
		dentry_put(dentry);
	*result = dentry;
	return err ? err : is_new;
}

/* The directory's child became `dentry`; what is mounted there counts, unless it has only just been made. Takes over its reference. */
static struct path place_of(const struct path *dir, struct dentry *dentry, bool is_new)
{
	struct path place = {dir->mount, dentry}, top = place;
	mount_get(dir->mount);
	if (is_new)
		return place;
	for (;;) {
		rcu_read_lock();
		uint32_t seq = seq_read_begin(&namespace_seq);
		top = place;
		cross_mounts(&top);
		bool is_good = !seq_read_retry(&namespace_seq, seq) &&
			       (path_equal(&top, &place) || mount_try_get(top.mount));
		rcu_read_unlock();
		if (is_good)
			break;
	}
	if (!path_equal(&top, &place)) {
		dentry_get(top.dentry);
		path_put(&place);
	}
	return top;
}

/* One try to create at the end of a path. *link: a symlink was there, and is to be followed from *dir: with references. */
static int create_once(const struct walk_request *request, const struct open_request *open,
    struct object **object, struct path *link, struct path *dir)
{
	struct last_place last;
	int err = walk(request, take_last, &last);
	if (err)
		return err;
	*dir = last.dir;
	struct dentry *dentry;
	bool is_special = last_is_special(&last);
	int made = is_special && open->flags & O_EXCL ? -EEXIST : -EISDIR;
	if (!is_special && !last.has_trailing_slash)
		made = find_or_create(dir, &last.last, open->flags, open->mode, &dentry);
	if (unlikely(last.text))
		kfree(last.text);
	if (made < 0) {
		path_put(dir);
		return made;
	}
	struct path place = place_of(dir, dentry, made);
	if (S_IS(place.dentry->inode->mode, S_IFLNK) && !(open->flags & O_NOFOLLOW)) {
		*link = place;
		return 0;
	}
	path_put(dir);
	/* A new file is empty: nothing to cut. */
	err = open_place(&place, made ? open->flags & ~(unsigned)(O_TRUNC | O_CREAT) : open->flags,
	    made, object);
	if (made && !err)
		file_of(*object)->is_created = true;
	return err;
}

/* Where the link leads: a length of text, or in /proc a place, with references. */
static int read_target(const struct path *link, char *text, struct path *jump)
{
	struct inode *inode = link->dentry->inode;
	return inode->link_target || !inode->ops->read_link
		   ? vfs_read_link(link, text, PATH_MAX_LEN - 1)
		   : inode->ops->read_link(inode, text, jump);
}

/* Creating through links: each is followed from the directory that it is in. */
int open_create(
    const struct walk_request *first, const struct open_request *open, struct object **object)
{
	struct walk_request request = *first;
	struct path base = {0};
	char *target = NULL;
	int err;
	for (unsigned links = 0;; links++) {
		struct path link = {0}, dir;
		if (links > WALK_LINKS_MAX) {
			err = -ELOOP;
			break;
		}
		err = create_once(&request, open, object, &link, &dir);
		if (!link.dentry)
			break;
		if (!target)
			target = kmalloc(PATH_MAX_LEN);
		struct path jump = {0};
		int len = target ? read_target(&link, target, &jump) : -ENOMEM;
		path_put(&link);
		if (base.dentry)
			path_put(&base);
		base = dir;
		if (jump.dentry) { /* it leads to what is open, and there is nothing to make */
			err = vfs_open_path(&jump, open->flags, object);
			path_put(&jump);
			break;
		}
		if (len < 0) {
			err = len;
			break;
		}
		target[len] = '\0';
		request.base = &base;
		request.path = target;
	}
	if (base.dentry)
		path_put(&base);
	kfree(target);
	return err;
}

/* O_TMPFILE: a file in the directory's file system without a name in it. */
int open_unnamed(const struct path *dir, const struct open_request *open, struct object **object)
{
	struct inode *parent = dir->dentry->inode;
	if (!S_IS(parent->mode, S_IFDIR))
		return -ENOTDIR;
	int err = path_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (!parent->ops->create)
		return -EOPNOTSUPP;
	struct name none = name_of("", 0), shown = name_of("#tmpfile", 8);
	struct inode *inode;
	if (rwlock_write_lock_killable(&parent->lock))
		return -EINTR;
	err = parent->ops->create(parent, &none, S_IFREG | mode_for_new(open->mode), 0, &inode);
	if (!err)
		inode_set_owner(inode, parent);
	rwlock_write_unlock(&parent->lock);
	if (err)
		return err;
	inode->is_unnamed = !(open->flags & O_EXCL);
	struct dentry *dentry = dentry_create_private(dir->dentry, &shown, inode);
	if (!dentry)
		return -ENOMEM;
	atomic_fetch_or(&dentry->flags, DENTRY_DELETED);
	struct path place = {dir->mount, dentry};
	mount_get(place.mount);
	return open_place(&place, open->flags & ~(unsigned)(O_TMPFILE | O_TRUNC), true, object);
}
