/*
 * Files by number instead of by name: name_to_handle_at(2). A handle says which file system and which inode; to open it the names of that file
 * system are searched, which costs time for each directory there is, but nothing needs to be kept for it.
 */
#include "vfs_impl.h"

#include <lib/string.h>
#include <mm/slab.h>

int vfs_handle_of(const struct path *path, struct vfs_handle *handle)
{
	const struct super *super = path->mount->super;
	/* What is made up at each look-up has no lasting numbers. */
	if (super->root_dentry->inode->is_volatile || path_is_anonymous(path))
		return -EOPNOTSUPP;
	*handle = (struct vfs_handle){path->dentry->inode->ino, super->dev};
	return 0;
}

/* A directory on the way down, and how far it has been looked through. */
struct frame {
	struct frame *above;
	struct dentry *dir; /* reference */
	uint64_t pos;
};

struct hit {
	uint64_t ino, next_pos;
	size_t len; /* 0: none */
	char name[NAME_MAX_LEN];
};

/* Stops at what is looked for, and at directories. */
static bool stop_at(
    void *ctx, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next_pos)
{
	struct hit *hit = ctx;
	if (ino != hit->ino && type != DT_OF_MODE(S_IFDIR))
		return true;
	memcpy(hit->name, name, len);
	hit->len = len;
	hit->next_pos = next_pos;
	return false;
}

static struct frame *push(struct frame *above, struct dentry *dir)
{
	struct frame *frame = kmalloc(sizeof(*frame));
	if (frame)
		*frame = (struct frame){above, dir, LIST_FIRST};
	return frame;
}

static struct frame *pop(struct frame *frame)
{
	struct frame *above = frame->above;
	dentry_put(frame->dir);
	kfree(frame);
	return above;
}

/* The next candidate in the directory, with a reference; NULL: none is left, or we are killed. */
static struct dentry *next_candidate(struct frame *frame, struct hit *hit)
{
	struct inode *inode = frame->dir->inode;
	struct dentry *child = NULL;
	do {
		hit->len = 0;
		if (rwlock_read_lock_killable(&inode->lock))
			return NULL;
		if (!inode->is_dead && inode->ops->list) {
			int64_t ignored = inode->ops->list(inode, &frame->pos, stop_at, hit);
			(void)ignored;
		}
		rwlock_read_unlock(&inode->lock);
		if (!hit->len)
			return NULL;
		frame->pos = hit->next_pos;
		struct name name = name_of(hit->name, hit->len);
		if (lookup_in(frame->dir, &name, &child))
			child = NULL; /* it is gone meanwhile */
		if (child && !child->inode) {
			dentry_put(child);
			child = NULL;
		}
	} while (!child);
	return child;
}

static struct dentry *find(struct dentry *root, struct hit *hit)
{
	if (root->inode->ino == hit->ino)
		return dentry_get(root);
	struct dentry *found = NULL;
	struct frame *frame = push(NULL, dentry_get(root));
	if (!frame)
		dentry_put(root);
	while (frame) {
		struct dentry *child = found ? NULL : next_candidate(frame, hit);
		struct frame *below = NULL;
		if (!child)
			frame = pop(frame);
		else if (child->inode->ino == hit->ino)
			found = child;
		else if (S_IS(child->inode->mode, S_IFDIR) && (below = push(frame, child)))
			frame = below;
		else
			dentry_put(child);
	}
	return found;
}

int vfs_open_handle(const struct path *place, const struct vfs_handle *handle, unsigned flags,
    struct object **object)
{
	struct super *super = place->mount->super;
	if (super->dev != handle->dev || super->root_dentry->inode->is_volatile)
		return -ESTALE;
	struct hit *hit = kmalloc(sizeof(*hit));
	if (!hit)
		return -ENOMEM;
	hit->ino = handle->ino;
	struct path path = {place->mount, find(super->root_dentry, hit)};
	kfree(hit);
	if (!path.dentry)
		return -ESTALE;
	int err = vfs_open_path(&path, flags, object);
	dentry_put(path.dentry);
	return err;
}
