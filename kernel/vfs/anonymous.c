/*
 * Places for what is open and has no name anywhere: a pipe that is opened again through /proc/PID/fd. They are in a file system that nobody can
 * mount; each look-up makes a dentry of its own, which goes with its last reference.
 */
#include "vfs_impl.h"

#include <lib/fmt.h>
#include <lib/string.h>
#include <log/assert.h>

#define NAME_MAX_SHOWN 32

static const struct file_system anonymous_type = {.name = "anonymous"};
static const struct inode_ops root_ops = {};
static struct mount *anonymous_mount;

void anonymous_init(void)
{
	struct super *super = super_create(&anonymous_type, MS_NOUSER);
	struct inode *root = super ? inode_create(super, S_IFDIR) : NULL;
	if (!root)
		panic("no memory for files without names");
	root->ops = &root_ops;
	root->file_ops = &directory_ops;
	super->root = root;
	super->root_dentry = dentry_create_root(super, root);
	if (super->root_dentry)
		anonymous_mount = mount_create(super, super->root_dentry, 0, "none");
	if (!anonymous_mount)
		panic("no memory for files without names");
}

bool path_is_anonymous(const struct path *path)
{
	return path->mount == anonymous_mount;
}

unsigned anonymous_mount_id(void)
{
	return anonymous_mount->id;
}

struct inode *anonymous_inode(uint32_t mode)
{
	struct inode *inode = inode_create(anonymous_mount->super, mode);
	if (inode)
		inode->ops = &root_ops;
	return inode;
}

int anonymous_place_of(struct inode *inode, const char *text, struct path *path)
{
	struct name name = name_of(text, strlen(text));
	struct dentry *dentry =
	    dentry_create_private(anonymous_mount->super->root_dentry, &name, inode);
	if (!dentry)
		return -ENOMEM;
	*path = (struct path){anonymous_mount, dentry};
	mount_get(anonymous_mount);
	return 0;
}

int anonymous_place(const struct anonymous_file *file, struct path *path)
{
	char text[NAME_MAX_SHOWN];
	struct inode *inode = anonymous_inode(file->mode);
	if (!inode)
		return -ENOMEM;
	inode->file_ops = &path_ops;
	inode->uid = file->uid;
	inode->gid = file->gid;
	snprintf(text, sizeof(text), "%s:[%lu]", file->kind, file->ino);
	int err = anonymous_place_of(inode, text, path);
	if (err)
		return err;
	inode->ops = file->ops;
	inode->data = file->data;
	return 0;
}
