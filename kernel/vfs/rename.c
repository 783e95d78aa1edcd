/*
 * rename(2). Moves between directories are one at a time (rename_lock), so that no directory becomes its own ancestor; both directories
 * are locked, the one above first.
 */
#include "vfs_impl.h"

#include <mm/slab.h>

static struct mutex rename_lock;

void rename_init(void)
{
	mutex_init(&rename_lock, "rename", RANK_RENAME);
}

struct move {
	struct last_place from, to;
	unsigned flags;
	struct dentry *old, *new; /* new: maybe negative or NULL */
	struct dentry *trap; /* the child of one directory that the other is or lies in, if any */
	struct dentry_name *fresh, *other_fresh;
};

static struct inode *old_dir(const struct move *move)
{
	return move->from.dir.dentry->inode;
}

static struct inode *new_dir(const struct move *move)
{
	return move->to.dir.dentry->inode;
}

/* What has the new name now, or NULL. */
static struct inode *target_of(const struct move *move)
{
	return move->new ? move->new->inode : NULL;
}

/* The child of `above` on the way to `below`, or NULL: it is not above. Under rename_lock nothing moves. */
static struct dentry *child_towards(struct dentry *above, struct dentry *below)
{
	for (; below->parent != below; below = below->parent)
		if (below->parent == above)
			return below;
	return NULL;
}

/* 0, or -EINTR and neither is. */
static int lock_in_order(struct inode *first, struct inode *second)
{
	if (rwlock_write_lock_killable(&first->lock))
		return -EINTR;
	int err = inode_lock_second(second);
	if (err)
		rwlock_write_unlock(&first->lock);
	return err;
}

static int lock_directories(struct move *move)
{
	struct dentry *from = move->from.dir.dentry, *to = move->to.dir.dentry;
	move->trap = NULL;
	if (from->inode == to->inode)
		return rwlock_write_lock_killable(&from->inode->lock);
	if (mutex_lock_killable(&rename_lock))
		return -EINTR;
	bool to_first = (uintptr_t)to < (uintptr_t)from;
	if ((move->trap = child_towards(from, to)))
		to_first = false;
	else if ((move->trap = child_towards(to, from)))
		to_first = true;
	int err = to_first ? lock_in_order(to->inode, from->inode)
			   : lock_in_order(from->inode, to->inode);
	if (err)
		mutex_unlock(&rename_lock);
	/* Debug builds know only one of them as held; unlock in the same way. */
	else if (to_first)
		move->flags |= 1u << 31;
	return err;
}

static void unlock_directories(struct move *move)
{
	struct inode *from = old_dir(move), *to = new_dir(move);
	if (from == to) {
		rwlock_write_unlock(&from->lock);
		return;
	}
	bool to_first = move->flags >> 31;
	inode_unlock_second(to_first ? from : to);
	rwlock_write_unlock(to_first ? &to->lock : &from->lock);
	mutex_unlock(&rename_lock);
}

static int look_up_both(struct move *move)
{
	if (old_dir(move)->is_dead || new_dir(move)->is_dead)
		return -ENOENT;
	int err = lookup_locked(move->from.dir.dentry, &move->from.last, &move->old);
	if (!err)
		err = lookup_existing_locked(move->to.dir.dentry, &move->to.last, &move->new);
	return err;
}

static bool is_dir(const struct dentry *dentry)
{
	return S_IS(dentry->inode->mode, S_IFDIR);
}

/* The names as such: what Linux answers before it looks at permissions. */
static int check_names(const struct move *move)
{
	bool exchanges = move->flags & RENAME_EXCHANGE;
	if (!move->old->inode)
		return -ENOENT;
	if (move->flags & RENAME_NOREPLACE && target_of(move))
		return -EEXIST;
	if (exchanges && !target_of(move))
		return -ENOENT;
	if (!is_dir(move->old)) {
		if (move->from.has_trailing_slash || (!exchanges && move->to.has_trailing_slash))
			return -ENOTDIR;
	}
	if (exchanges && !is_dir(move->new) && move->to.has_trailing_slash)
		return -ENOTDIR;
	/* A directory cannot go below itself, nor replace what it lies in. */
	if (move->old == move->trap)
		return -EINVAL;
	if (move->new == move->trap && move->trap)
		return exchanges ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_target(const struct move *move)
{
	if (!target_of(move))
		return inode_permission(new_dir(move), MAY_WRITE | MAY_EXEC);
	bool want_directory = move->flags & RENAME_EXCHANGE ? is_dir(move->new) : is_dir(move->old);
	return may_delete(new_dir(move), move->new->inode, want_directory);
}

/* A directory's ".." changes: that is a write to it. */
static int check_moved(const struct move *move)
{
	if (old_dir(move) == new_dir(move))
		return 0;
	int err = is_dir(move->old) ? inode_permission(move->old->inode, MAY_WRITE) : 0;
	if (!err && move->flags & RENAME_EXCHANGE && is_dir(move->new))
		err = inode_permission(move->new->inode, MAY_WRITE);
	return err;
}

static bool is_mount_point(const struct dentry *dentry)
{
	return atomic_load(&dentry->flags) & DENTRY_MOUNT_POINT;
}

static int check_rights(const struct move *move)
{
	int err = may_delete(old_dir(move), move->old->inode, is_dir(move->old));
	if (!err)
		err = check_target(move);
	if (!err)
		err = check_moved(move);
	if (!err && (is_mount_point(move->old) || (move->new &&is_mount_point(move->new))))
		err = -EBUSY;
	if (!err && !old_dir(move)->ops->rename)
		err = -EPERM;
	return err;
}

static int allocate_names(struct move *move)
{
	move->fresh = dentry_name_create(&move->to.last);
	move->other_fresh =
	    move->flags & RENAME_EXCHANGE ? dentry_name_create(&move->from.last) : NULL;
	if (move->fresh && (move->other_fresh || !(move->flags & RENAME_EXCHANGE)))
		return 0;
	kfree(move->fresh);
	kfree(move->other_fresh);
	return -ENOMEM;
}

static int rename_in_file_system(struct move *move)
{
	struct inode *replaced = target_of(move);
	bool ends_directory =
	    replaced && S_IS(replaced->mode, S_IFDIR) && !(move->flags & RENAME_EXCHANGE);
	int err = ends_directory ? inode_lock_second(replaced) : 0;
	if (err)
		return err;
	err = old_dir(move)->ops->rename(old_dir(move), &move->from.last, move->old->inode,
	    new_dir(move), &move->to.last, replaced,
	    move->flags & (RENAME_NOREPLACE | RENAME_EXCHANGE));
	if (ends_directory) {
		replaced->is_dead = !err;
		inode_unlock_second(replaced);
	}
	return err;
}

/* The cache follows. Cannot fail. */
static void commit(struct move *move)
{
	int64_t now = time_now();
	struct inode *replaced = target_of(move);
	inode_changed_at(old_dir(move), now);
	inode_changed_at(new_dir(move), now);
	inode_touch(&move->old->inode->ctime_ns, now);
	if (replaced)
		inode_touch(&replaced->ctime_ns, now);
	if (move->flags & RENAME_EXCHANGE) {
		dentry_exchange(move->old, move->fresh, move->new, move->other_fresh);
		return;
	}
	if (move->new)
		dentry_delete(move->new);
	dentry_move(move->old, move->to.dir.dentry, move->fresh, move->to.last.hash);
	if (replaced && is_dir(move->new))
		dentry_forget_children(move->new);
}

static int rename_locked(struct move *move)
{
	int err = look_up_both(move);
	if (!err)
		err = path_is_read_only(&move->from.dir) ? -EROFS : check_names(move);
	/* Two names of one file: nothing to do, POSIX says. */
	if (err || move->old->inode == target_of(move))
		return err;
	err = check_rights(move);
	if (!err)
		err = allocate_names(move);
	if (err)
		return err;
	err = rename_in_file_system(move);
	if (err) {
		kfree(move->fresh);
		kfree(move->other_fresh);
		return err;
	}
	commit(move);
	return 0;
}

static int rename_between(struct move *move)
{
	if (move->from.dir.mount != move->to.dir.mount)
		return -EXDEV;
	if (last_is_special(&move->from) || last_is_special(&move->to))
		return move->flags & RENAME_NOREPLACE && last_is_special(&move->to) ? -EEXIST
										    : -EBUSY;
	move->old = move->new = NULL;
	int err = lock_directories(move);
	if (err)
		return err;
	err = rename_locked(move);
	unlock_directories(move);
	if (move->old)
		dentry_put(move->old);
	if (move->new)
		dentry_put(move->new);
	return err;
}

int vfs_rename(int old_fd, const char *old, int new_fd, const char *new_path, unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	struct move move;
	struct walk_request from = {.dir_fd = old_fd, .path = old, .flags = LOOKUP_PARENT},
			    to = {.dir_fd = new_fd, .path = new_path, .flags = LOOKUP_PARENT};
	int err = walk(&from, take_last, &move.from);
	if (err)
		return err;
	err = walk(&to, take_last, &move.to);
	if (!err) {
		move.flags = flags;
		err = rename_between(&move);
		last_place_put(&move.to);
	}
	last_place_put(&move.from);
	return err;
}
