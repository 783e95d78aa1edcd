/* The file system of devices: <devfs/devfs.h>. */
#include "devfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mount.h>
#include <devfs/devfs.h>
#include <lib/string.h>
#include <log/log.h>
#include <vfs/vfs.h>

struct link {
	const char *name, *target;
};

static const struct link links[] = {
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
};

struct fill {
	struct inode *root;
	int err;
};

static struct name name_from(const char *text)
{
	return name_of(text, strlen(text));
}

static void add(struct fill *fill, const char *name, uint32_t mode, uint64_t number)
{
	struct inode *inode;
	struct name key = name_from(name);
	if (fill->err)
		return;
	fill->err = fill->root->ops->create(fill->root, &key, mode, number, &inode);
	if (!fill->err)
		inode_put(inode);
}

static void add_node(void *ctx, const struct device_node *node)
{
	add(ctx, node->name, node->mode, node->number);
}

static void add_link(struct fill *fill, const struct link *link)
{
	struct inode *inode;
	struct name key = name_from(link->name);
	if (fill->err)
		return;
	fill->err = fill->root->ops->symlink(fill->root, &key, link->target, &inode);
	if (!fill->err)
		inode_put(inode);
}

/* Each mount is a directory of its own, filled anew. */
static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *options, struct super **super)
{
	const struct file_system *tmpfs = file_system_find("tmpfs");
	(void)options;
	int err = tmpfs->mount(tmpfs, source, flags, "mode=755", super);
	if (err)
		return err;
	struct fill fill = {.root = (*super)->root};
	device_node_for_each(add_node, &fill);
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		add_link(&fill, &links[i]);
	add(&fill, "pts", S_IFDIR | 0755, 0);
	add(&fill, "shm", S_IFDIR | S_ISVTX | 0777, 0);
	if (fill.err) {
		inode_put((*super)->root);
		tmpfs->unmount(*super);
		super_destroy(*super);
		return fill.err;
	}
	(*super)->type = type;
	return 0;
}

static void unmount(struct super *super)
{
	file_system_find("tmpfs")->unmount(super);
}

static int statfs(struct super *super, struct kstatfs *stat)
{
	return file_system_find("tmpfs")->statfs(super, stat);
}

static const struct file_system types[] = {
    {.name = "devtmpfs", .mount = mount, .unmount = unmount, .statfs = statfs},
    {.name = "devfs", .mount = mount, .unmount = unmount, .statfs = statfs},
};

void devfs_register(void)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		file_system_register(&types[i]);
	memory_devices_register();
}

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags)
{
	if (!file_system_find(type))
		return;
	int err = vfs_mkdir(AT_FDCWD, target, 0755);
	if (!err || err == -EEXIST)
		err = vfs_mount(source, target, type, flags, "");
	if (err)
		log_warn("devfs", "%s is not mounted (error %d)", target, -err);
}

void mount_usual(void)
{
	mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID);
	mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_at("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC);
	mount_at("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV);
	int err = vfs_mkdir(AT_FDCWD, "/tmp", 01777);
	if (err && err != -EEXIST)
		log_warn("devfs", "/tmp is not made (error %d)", -err);
}
