/* One step of a walk, to a name of any kind. The same code runs under RCU and with references (walk->end.is_counted). */
#include "walk_impl.h"

void walk_move(struct walk *walk, struct path to)
{
	struct path old = walk->end.at;
	walk->end.at = to;
	if (walk->end.is_counted)
		path_put(&old);
}

int walk_to_root(struct walk *walk)
{
	if (unlikely(walk->flags & LOOKUP_BENEATH))
		return -EXDEV;
	if (unlikely(walk->flags & LOOKUP_NO_MOUNTS) && walk->end.at.mount != walk->root.mount)
		return -EXDEV;
	if (walk->end.is_counted)
		path_get(&walk->root);
	walk_move(walk, walk->root);
	return 0;
}

/* "..": not above the root; from a mount's root to where it is mounted. RCU. */
static struct path parent_of(const struct walk *walk)
{
	struct path at = walk->end.at;
	while (!path_equal(&at, &walk->root)) {
		if (at.dentry != at.mount->root) {
			at.dentry = rcu_dereference(at.dentry->parent);
			break;
		}
		struct mount *parent = rcu_dereference(at.mount->parent);
		if (!parent)
			break;
		at.dentry = rcu_dereference(at.mount->point);
		at.mount = parent;
	}
	cross_mounts(&at);
	return at;
}

static struct path place_on_top(const struct walk *walk)
{
	struct path at = walk->end.at;
	cross_mounts(&at);
	return at;
}

/* To a place that `find` computes, with references if we count. */
static int go(struct walk *walk, struct path (*find)(const struct walk *walk))
{
	const struct mount *before = walk->end.at.mount;
	bool is_done = !walk->end.is_counted;
	if (is_done)
		walk->end.at = find(walk);
	while (!is_done) {
		rcu_read_lock();
		uint32_t seq = seq_read_begin(&namespace_seq);
		struct path to = find(walk);
		is_done = !seq_read_retry(&namespace_seq, seq) && path_try_get(&to);
		rcu_read_unlock();
		if (is_done)
			walk_move(walk, to);
	}
	return walk->flags & LOOKUP_NO_MOUNTS && walk->end.at.mount != before ? -EXDEV : 0;
}

/* What is moved out of its root meanwhile would be led past it. Under RCU the whole walk is done again then. */
static bool may_be_out_of_root(const struct walk *walk)
{
	return walk->flags & WALK_SCOPED && walk->end.is_counted &&
	       seq_read_retry(&namespace_seq, walk->seq);
}

static int go_up(struct walk *walk)
{
	if (unlikely(walk->flags & LOOKUP_BENEATH) && path_equal(&walk->end.at, &walk->root))
		return -EXDEV;
	int err = go(walk, parent_of);
	return !err && unlikely(may_be_out_of_root(walk)) ? -EAGAIN : err;
}

static int find_child(struct walk *walk, const struct name *name, struct dentry **child)
{
	struct dentry *dir = walk->end.at.dentry;
	if (unlikely(name->len > NAME_MAX_LEN))
		return -ENAMETOOLONG;
	if (!walk->end.is_counted) {
		*child = dentry_find(dir, name);
		if (!*child)
			return WALK_NEEDS_REFERENCES;
		dentry_mark_used(*child);
		return 0;
	}
	if (walk->flags & LOOKUP_CACHED)
		return (*child = dentry_find_get(dir, name)) ? 0 : -EAGAIN;
	return lookup_in(dir, name, child);
}

/* Into what is mounted at the child, too. Takes over its reference. */
static int enter(struct walk *walk, struct dentry *child)
{
	if (walk->end.is_counted)
		mount_get(walk->end.at.mount);
	walk_move(walk, (struct path){walk->end.at.mount, child});
	return atomic_load(&child->flags) & DENTRY_MOUNT_POINT ? go(walk, place_on_top) : 0;
}

int walk_step(struct walk *walk, const struct name *name, const char *rest, bool has_slash)
{
	walk->rest = rest;
	if (name_is_dot(name))
		return 0;
	if (name_is_dot_dot(name))
		return go_up(walk);
	struct dentry *child;
	int err = find_child(walk, name, &child);
	if (unlikely(err))
		return err;
	const struct inode *inode = rcu_dereference(child->inode);
	bool is_last = !*rest && !walk->depth;
	if (unlikely(!inode)) {
		err = -ENOENT;
	} else if (S_IS(atomic_load(&inode->mode), S_IFLNK) &&
		   (!is_last || walk->flags & LOOKUP_FOLLOW || has_slash ||
		       walk->wants_directory)) {
		walk->wants_directory |= is_last && has_slash;
		err = walk_follow(walk, child, rest);
	} else {
		walk->wants_directory |= is_last && has_slash;
		return enter(walk, child);
	}
	if (walk->end.is_counted)
		dentry_put(child);
	return err;
}
