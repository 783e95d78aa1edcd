/* Open directories: listed, searched in, never read or written. */
#include "vfs_impl.h"

static uint64_t parent_ino(const struct dentry *dentry)
{
	rcu_read_lock();
	uint64_t ino = rcu_dereference(dentry->parent)->inode->ino;
	rcu_read_unlock();
	return ino;
}

static int64_t list_locked(struct file *file, uint64_t *pos, list_emit_t emit, void *ctx)
{
	struct inode *inode = file->inode;
	if (inode->is_dead)
		return -ENOENT;
	if (*pos == LIST_SELF) {
		if (!emit(ctx, ".", 1, inode->ino, DT_OF_MODE(S_IFDIR), LIST_PARENT))
			return 0;
		*pos = LIST_PARENT;
	}
	if (*pos == LIST_PARENT) {
		if (!emit(ctx, "..", 2, parent_ino(file->path.dentry), DT_OF_MODE(S_IFDIR),
			LIST_FIRST))
			return 0;
		*pos = LIST_FIRST;
	}
	return inode->ops->list ? inode->ops->list(inode, pos, emit, ctx) : 0;
}

static int64_t list_directory(struct object *object, uint64_t *pos, list_emit_t emit, void *ctx)
{
	struct file *file = file_of(object);
	if (rwlock_read_lock_killable(&file->inode->lock))
		return -EINTR;
	int64_t result = list_locked(file, pos, emit, ctx);
	rwlock_read_unlock(&file->inode->lock);
	return result;
}

static int64_t read_directory(struct object *object, struct io *io, uint64_t *pos)
{
	(void)object;
	(void)io;
	(void)pos;
	return -EISDIR;
}

static int64_t seek_directory(struct object *object, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return object_seek_in(object, offset, whence, 0);
}

const struct object_ops directory_ops = {
    .type = OBJECT_FILE,
    .release = file_release,
    .free = file_free,
    .close = file_close,
    .read = read_directory,
    .seek = seek_directory,
    .stat = file_stat,
    .list = list_directory,
    .sync = file_sync,
    .control = file_control,
    .poll = object_always_ready,
};
