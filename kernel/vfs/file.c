/* What all open files of inodes share, and places opened with O_PATH. */
#include "vfs_impl.h"

#include <log/assert.h>
#include <mm/slab.h>

static struct slab_cache *files;

void file_init(void)
{
	files = slab_cache_create("file", sizeof(struct file), 0);
	if (!files)
		panic("no memory for files");
}

struct file *file_create(const struct path *path, const struct object_ops *ops, unsigned flags)
{
	struct file *file = slab_alloc(files, 0);
	if (unlikely(!file)) {
		path_put(path);
		return NULL;
	}
	object_init(&file->object, ops, flags);
	file->path = *path;
	file->inode = path->dentry->inode;
	file->data = NULL;
	file->is_writer = file->is_created = false;
	return file;
}

void file_release(struct object *object)
{
	struct file *file = file_of(object);
	if (file->is_writer) {
		inode_end_write(file->inode);
		mount_end_write(file->path.mount);
	}
	if (unlikely(atomic_load(&file->inode->locks)))
		file_locks_release(file);
	path_put(&file->path);
}

void file_free(struct object *object)
{
	slab_free(files, file_of(object));
}

int file_stat(struct object *object, struct kstat *stat)
{
	return vfs_stat(&file_of(object)->path, stat);
}

int file_sync(struct object *object, bool data_only)
{
	(void)object;
	(void)data_only;
	return 0;
}

const struct object_ops path_ops = {
    .type = OBJECT_FILE,
    .release = file_release,
    .free = file_free,
    .stat = file_stat,
    .poll = object_always_ready,
};
