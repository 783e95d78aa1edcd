/* Looking names up: in a directory by the cache or its file system, and whole paths for who wants references to the place. */
#include "vfs_impl.h"

#include <mm/slab.h>

/* Names of such a directory are not cached. */
static bool is_private(const struct dentry *dir)
{
	return dir->inode->is_volatile || dir->inode->is_dead;
}

int lookup_existing_locked(struct dentry *dir, const struct name *name, struct dentry **result)
{
	*result = dentry_find_get(dir, name);
	if (*result)
		return 0;
	if (name->len > dir->super->name_max)
		return -ENAMETOOLONG;
	struct inode *inode;
	int err = dir->inode->ops->lookup(dir->inode, name, &inode);
	if (err)
		return err == -ENOENT ? 0 : err;
	*result = is_private(dir) ? dentry_create_private(dir, name, inode)
				  : dentry_add(dir, name, inode);
	return *result ? 0 : -ENOMEM;
}

int lookup_locked(struct dentry *dir, const struct name *name, struct dentry **result)
{
	int err = lookup_existing_locked(dir, name, result);
	if (err || *result)
		return err;
	if (is_private(dir))
		return -ENOENT;
	*result = dentry_add(dir, name, NULL);
	return *result ? 0 : -ENOMEM;
}

int lookup_in(struct dentry *dir, const struct name *name, struct dentry **result)
{
	*result = dentry_find_get(dir, name);
	if (likely(*result))
		return 0;
	if (rwlock_read_lock_killable(&dir->inode->lock))
		return -EINTR;
	int err = lookup_locked(dir, name, result);
	rwlock_read_unlock(&dir->inode->lock);
	return err;
}

int walk_take(const struct walk_end *end, void *ctx)
{
	struct path *result = ctx;
	if (end->is_counted)
		path_get(&end->at);
	else if (unlikely(!path_try_get(&end->at)))
		return WALK_NEEDS_REFERENCES;
	*result = end->at;
	return 0;
}

int vfs_lookup_from(const struct walk_request *request, struct path *result)
{
	return walk(request, walk_take, result);
}

int vfs_lookup(int dir_fd, const char *path, unsigned flags, struct path *result)
{
	struct walk_request request = {.dir_fd = dir_fd, .path = path, .flags = flags};
	return walk(&request, walk_take, result);
}

int take_last(const struct walk_end *end, void *ctx)
{
	struct last_place *place = ctx;
	place->last = likely(end->last.text) ? end->last : (struct name){.text = ""};
	place->has_trailing_slash = end->has_trailing_slash;
	place->text = NULL;
	if (unlikely(place->last.len > NAME_MAX_LEN))
		return -ENAMETOOLONG;
	int err = walk_take(end, &place->dir);
	if (unlikely(end->is_counted) && !err) {
		place->text = *end->composed;
		*end->composed = NULL;
	}
	return err;
}

void last_place_put(struct last_place *place)
{
	path_put(&place->dir);
	if (unlikely(place->text))
		kfree(place->text);
}

int user_path_copy_long(struct user_path *path, uaddr_t user)
{
	char *text = kmalloc(PATH_MAX_LEN);
	if (unlikely(!text))
		return -ENOMEM;
	int64_t len = strncpy_from_user(text, user, PATH_MAX_LEN);
	if (unlikely(len < 0)) {
		kfree(text);
		return (int)len;
	}
	path->text = text;
	return 0;
}

void user_path_free_long(struct user_path *path)
{
	kfree(path->text);
}

int vfs_lookup_user(int dir_fd, uaddr_t path, unsigned flags, struct path *result)
{
	struct user_path name;
	int err = user_path_copy(&name, path);
	if (err)
		return err;
	err = vfs_lookup(dir_fd, name.text, flags, result);
	user_path_free(&name);
	return err;
}
