/*
 * What is mounted where: mount(2), umount(2). The tree of mounts is read under RCU and namespace_seq like the tree of names, and changed under
 * mounts_lock (one change at a time, may sleep) and dentry_lock.
 */
#include "vfs_impl.h"

#include <credentials/credentials.h>
#include <lib/string.h>
#include <log/assert.h>

#define MNT_FORCE       1u
#define MNT_DETACH      2u
#define MNT_EXPIRE      4u
#define UMOUNT_NOFOLLOW 8u

static struct mutex mounts_lock;
static struct list mounts = LIST_INIT(mounts); /* dentry_lock; RCU to read forwards */

struct mount *mount_at(const struct mount *parent, const struct dentry *dentry)
{
	struct mount *latest = rcu_dereference(dentry->mounted);
	if (likely(latest && rcu_dereference(latest->parent) == parent))
		return latest;
	const struct list *link = rcu_dereference(mounts.next);
	for (; link != &mounts; link = rcu_dereference(link->next)) {
		struct mount *mount = list_entry(link, struct mount, link);
		if (rcu_dereference(mount->parent) == parent &&
		    rcu_dereference(mount->point) == dentry)
			return mount;
	}
	return NULL;
}

static bool is_any_mounted_at_locked(const struct dentry *dentry)
{
	struct mount *mount;
	list_for_each(mount, &mounts, link)
		if (mount->point == dentry)
			return true;
	return false;
}

/* Takes over the caller's references to the mount and the place. Inside namespace_seq. */
static void attach_locked(struct mount *mount, const struct path *place)
{
	if (place) {
		rcu_assign(mount->point, place->dentry);
		rcu_assign(mount->parent, place->mount);
		rcu_assign(place->dentry->mounted, mount);
		atomic_fetch_or(&place->dentry->flags, DENTRY_MOUNT_POINT);
	}
	mount->link.next = &mounts;
	mount->link.prev = mounts.prev;
	rcu_assign(mounts.prev->next, &mount->link);
	mounts.prev = &mount->link;
}

/* Takes over the caller's reference to the mount; references the place. */
static void attach(struct mount *mount, const struct path *place)
{
	if (place)
		path_get(place);
	spin_lock(&dentry_lock);
	seq_write_begin(&namespace_seq);
	attach_locked(mount, place);
	seq_write_end(&namespace_seq);
	spin_unlock(&dentry_lock);
}

/* The directory that a place is named in, locked: nobody removes or moves the place meanwhile. NULL for who is killed while it waits. */
static struct dentry *lock_name(const struct dentry *dentry)
{
	for (;;) {
		rcu_read_lock();
		struct dentry *parent = rcu_dereference(dentry->parent);
		bool is_taken = dentry_try_get(parent);
		rcu_read_unlock();
		if (!is_taken)
			continue;
		bool is_locked = !rwlock_write_lock_killable(&parent->inode->lock);
		if (likely(is_locked && dentry->parent == parent))
			return parent;
		if (is_locked)
			rwlock_write_unlock(&parent->inode->lock);
		dentry_put(parent);
		if (!is_locked)
			return NULL;
	}
}

static void unlock_name(struct dentry *parent)
{
	rwlock_write_unlock(&parent->inode->lock);
	dentry_put(parent);
}

/* Those that MNT_DETACH took out stay so, and so does each of what was upon them. */
static bool is_in_tree(const struct mount *mount)
{
	return mount == root_mount || mount->parent;
}

/* A name that is gone, one that is made up anew at each look-up (/proc's), or a mount that is in no tree: what is mounted there would
 * never be seen. */
static int check_place(const struct path *place)
{
	if (atomic_load(&place->dentry->flags) & DENTRY_DELETED ||
	    atomic_load(&place->dentry->refs) & DENTRY_UNHASHED)
		return -ENOENT;
	return is_in_tree(place->mount) ? 0 : -EINVAL;
}

/* attach, to what may have been removed since it was found; then the caller's reference goes all the same. */
static int attach_if_there(struct mount *mount, const struct path *place)
{
	struct dentry *parent = lock_name(place->dentry);
	int err = parent ? check_place(place) : -EINTR;
	if (!err)
		attach(mount, place);
	if (parent)
		unlock_name(parent);
	if (err)
		mount_put(mount);
	return err;
}

/* What was below it goes back to the caller as a reference. mount->link keeps its way out, for readers. Inside namespace_seq. */
static struct path detach_locked(struct mount *mount)
{
	struct path place = {mount->parent, mount->point};
	rcu_assign(mount->link.prev->next, mount->link.next);
	mount->link.next->prev = mount->link.prev;
	if (place.dentry && place.dentry->mounted == mount)
		rcu_assign(place.dentry->mounted, NULL);
	/* `point` stays: who has read `parent` goes on there, and finds out later (namespace_seq). */
	rcu_assign(mount->parent, NULL);
	if (place.dentry && !is_any_mounted_at_locked(place.dentry))
		atomic_fetch_and(&place.dentry->flags, ~(uint32_t)DENTRY_MOUNT_POINT);
	return place;
}

static struct path detach(struct mount *mount)
{
	seq_write_begin(&namespace_seq);
	struct path place = detach_locked(mount);
	seq_write_end(&namespace_seq);
	return place;
}

/* From place to place in one step: nobody finds it at neither. The old one goes back to the caller. */
static struct path reattach(struct mount *mount, const struct path *place)
{
	path_get(place);
	spin_lock(&dentry_lock);
	seq_write_begin(&namespace_seq);
	struct path old = detach_locked(mount);
	attach_locked(mount, place);
	seq_write_end(&namespace_seq);
	spin_unlock(&dentry_lock);
	return old;
}

static int mount_new(const char *source, const struct path *at, const char *type_name,
    uint32_t flags, const char *options)
{
	const struct file_system *type = file_system_find(type_name);
	if (!type)
		return -ENODEV;
	struct mount *mount;
	int err = mount_make(source, type, flags, options, &mount);
	return err ? err : attach_if_there(mount, at);
}

static int mount_bind(const char *source, const struct path *at)
{
	struct path from;
	int err = vfs_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	bool from_dir = S_IS(from.dentry->inode->mode, S_IFDIR),
	     to_dir = S_IS(at->dentry->inode->mode, S_IFDIR);
	struct mount *mount = NULL;
	if (!is_in_tree(from.mount))
		err = -EINVAL;
	else if (from_dir != to_dir)
		err = -ENOTDIR;
	else if (!(mount = mount_create(
		       from.mount->super, from.dentry, from.mount->flags, from.mount->source)))
		err = -ENOMEM;
	else
		err = attach_if_there(mount, at);
	path_put(&from);
	return err;
}

/* Through any mount of the file system, or only through this one. */
static bool has_writers(const struct super *super, const struct mount *only)
{
	bool is_found = false;
	const struct mount *mount;
	spin_lock(&dentry_lock);
	list_for_each(mount, &mounts, link)
		if (mount->super == super && (!only || mount == only) &&
		    atomic_load(&mount->writers))
			is_found = true;
	spin_unlock(&dentry_lock);
	return is_found;
}

/* Only this mount becomes another (MS_BIND), or its file system does too. */
static int mount_change(const struct path *at, uint32_t flags, const char *options)
{
	if (at->dentry != at->mount->root)
		return -EINVAL;
	struct super *super = at->mount->super;
	bool is_bind = flags & MS_BIND;
	uint32_t *changed = is_bind ? &at->mount->flags : &super->flags, before = *changed;
	int err = 0;
	if (flags & MS_RDONLY) {
		atomic_fetch_or(changed, MS_RDONLY);
		if (has_writers(super, is_bind ? at->mount : NULL))
			err = -EBUSY;
	}
	if (!err && !is_bind && super->type->remount)
		err = super->type->remount(super, flags, options);
	if (err) {
		atomic_store(changed, before);
		return err;
	}
	if (!is_bind)
		atomic_store(&super->flags, (before & ~MS_RDONLY) | (flags & MS_RDONLY));
	atomic_store(&at->mount->flags, flags & MOUNT_FLAGS);
	return 0;
}

static bool is_below(const struct mount *mount, const struct mount *above)
{
	for (; mount; mount = mount->parent)
		if (mount == above)
			return true;
	return false;
}

static int mount_move(const char *source, const struct path *at)
{
	struct path from;
	int err = vfs_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	if (from.dentry != from.mount->root || !from.mount->parent)
		err = -EINVAL;
	else if (is_below(at->mount, from.mount))
		err = -ELOOP;
	if (!err) {
		struct path place = {0};
		struct dentry *parent = lock_name(at->dentry);
		err = parent ? check_place(at) : -EINTR;
		if (!err)
			place = reattach(from.mount, at);
		if (parent)
			unlock_name(parent);
		if (!err)
			path_put(&place);
	}
	path_put(&from);
	return err;
}

int vfs_mount(const char *source, const char *target, const char *type, unsigned long flags,
    const char *options)
{
	if (!has_power(POWER_SYS_ADMIN))
		return -EPERM;
	struct path at;
	int err = vfs_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	/*
	 * Only a descriptor leads to a link itself, /proc's come and go, or to what has no name any more: nothing
	 * could be reached upon them.
	 */
	if (S_IS(at.dentry->inode->mode, S_IFLNK) ||
	    atomic_load(&at.dentry->flags) & DENTRY_DELETED) {
		path_put(&at);
		return -ENOENT;
	}
	uint32_t set = (uint32_t)flags & ~MS_SILENT;
	if (mutex_lock_killable(&mounts_lock)) {
		path_put(&at);
		return -EINTR;
	}
	if (set & MS_REMOUNT)
		err = mount_change(&at, set, options);
	else if (set & MS_BIND)
		err = mount_bind(source, &at);
	else if (set & MS_MOVE)
		err = mount_move(source, &at);
	else if (set & ~(MOUNT_FLAGS | MS_STRICTATIME | MS_LAZYTIME))
		err = -EINVAL; /* propagation and the rest of mount(2) */
	else if (!S_IS(at.dentry->inode->mode, S_IFDIR))
		err = -ENOTDIR;
	else
		err = mount_new(source, &at, type, set, options);
	mutex_unlock(&mounts_lock);
	path_put(&at);
	return err;
}

static bool has_mounts_upon(const struct mount *mount)
{
	struct mount *other;
	list_for_each(other, &mounts, link)
		if (other->parent == mount)
			return true;
	return false;
}

/* The mounts upon it too, the last first. Their places are let go of outside the lock. */
static void detach_tree(struct mount *mount)
{
	for (;;) {
		struct mount *top = mount, *other;
		spin_lock(&dentry_lock);
		list_for_each(other, &mounts, link)
			if (other != mount && is_below(other, mount))
				top = other;
		struct path place = detach(top);
		spin_unlock(&dentry_lock);
		mount_put(top);
		path_put(&place);
		if (top == mount)
			return;
	}
}

static int unmount_unused(struct mount *mount)
{
	dentry_cache_forget(SIZE_MAX, mount->super);
	spin_lock(&dentry_lock);
	if (has_mounts_upon(mount) || !mount_end_unused(mount)) {
		spin_unlock(&dentry_lock);
		return -EBUSY;
	}
	struct path place = detach(mount);
	spin_unlock(&dentry_lock);
	path_put(&place);
	return 0;
}

int vfs_unmount(const char *target, unsigned flags)
{
	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) || flags & MNT_EXPIRE)
		return -EINVAL;
	if (!has_power(POWER_SYS_ADMIN))
		return -EPERM;
	struct path at;
	int err = vfs_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	struct mount *mount = at.mount;
	if (mutex_lock_killable(&mounts_lock)) {
		path_put(&at);
		return -EINTR;
	}
	if (at.dentry != mount->root)
		err = -EINVAL;
	else if (!mount->parent)
		err = mount == root_mount ? -EBUSY : -EINVAL;
	dentry_put(at.dentry); /* so that only the mount's reference is ours */
	if (!err && flags & MNT_DETACH)
		detach_tree(mount);
	else if (!err)
		err = unmount_unused(mount);
	mutex_unlock(&mounts_lock);
	mount_put(mount);
	return err;
}

void mount_for_each(bool (*fn)(void *ctx, struct mount *mount), void *ctx)
{
	struct mount *mount;
	spin_lock(&dentry_lock);
	list_for_each(mount, &mounts, link)
		if (!fn(ctx, mount))
			break;
	spin_unlock(&dentry_lock);
}

static void mount_root(void)
{
	const struct file_system *type = file_system_find("tmpfs");
	assert(type);
	if (mount_make("tmpfs", type, 0, NULL, &root_mount))
		panic("no memory for the root file system");
	attach(root_mount, NULL);
}

void mount_init(void)
{
	mutex_init(&mounts_lock, "mounts", RANK_MOUNTS);
	mount_root();
}
