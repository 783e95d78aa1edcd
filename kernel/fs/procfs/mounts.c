/* /proc/PID/mounts and mountinfo, /proc/filesystems. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <abi/linux/mount.h>
#include <lib/string.h>
#include <mm/slab.h>

/* What is told of a mount, copied: printing may sleep, walking the mounts must not. */
struct mount_look {
	unsigned id, parent;
	uint32_t flags, super_flags;
	uint64_t dev;
	const char *type;
	struct path place; /* its root, in itself */
	const char *root;  /* that, as its file system names it */
	char source[64];
};

struct gather {
	struct mount_look *looks;
	size_t count, room;
};

static bool count_mount(void *ctx, struct mount *mount)
{
	(void)mount;
	++*(size_t *)ctx;
	return true;
}

static bool gather_mount(void *ctx, struct mount *mount)
{
	struct gather *gather = ctx;
	if (gather->count == gather->room)
		return false;
	struct mount_look *look = &gather->looks[gather->count++];
	*look = (struct mount_look){.id = mount->id,
	    .parent = mount->parent ? mount->parent->id : mount->id,
	    .flags = atomic_load(&mount->flags),
	    .super_flags = atomic_load(&mount->super->flags),
	    .dev = mount->super->dev,
	    .type = mount->super->type->name};
	/* Mounted: the tree holds a reference, so this is not the first. The path is dropped after the walk. */
	look->place = (struct path){mount, mount->root};
	path_get(&look->place);
	str_copy(look->source, sizeof(look->source), *mount->source ? mount->source : "none");
	return true;
}

static void show_flags(struct proc_text *text, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {{MS_NOSUID, ",nosuid"}, {MS_NODEV, ",nodev"}, {MS_NOEXEC, ",noexec"},
	    {MS_NOATIME, ",noatime"}};
	const bool is_relatime = !(flags & MS_NOATIME);
	proc_print(text, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (flags & names[i].flag)
			proc_print(text, "%s", names[i].name);
	if (is_relatime)
		proc_print(text, ",relatime");
}

/* Spaces and the like in octal, so that a line stays one. */
static void show_escaped(struct proc_text *text, const char *name)
{
	for (; *name; name++)
		if (strchr(" \t\n\\", *name))
			proc_print(text, "\\%03o", (uint8_t)*name);
		else
			proc_append(text, name, 1);
}

static void show_mount(struct proc_text *text, const struct mount_look *look, const char *where)
{
	show_escaped(text, look->source);
	proc_print(text, " ");
	show_escaped(text, where);
	proc_print(text, " %s ", look->type);
	show_flags(text, look->flags | (look->super_flags & MS_RDONLY));
	proc_print(text, " 0 0\n");
}

static void show_mount_info(
    struct proc_text *text, const struct mount_look *look, const char *where)
{
	proc_print(text, "%u %u %u:%u ", look->id, look->parent, DEVICE_MAJOR(look->dev),
	    DEVICE_MINOR(look->dev));
	show_escaped(text, look->root);
	proc_print(text, " ");
	show_escaped(text, where);
	proc_print(text, " ");
	show_flags(text, look->flags);
	proc_print(text, " - %s ", look->type);
	show_escaped(text, look->source);
	proc_print(text, look->super_flags & MS_RDONLY ? " ro\n" : " rw\n");
}

static void show_mount_device(
    struct proc_text *text, const struct mount_look *look, const char *where)
{
	proc_print(text, "device ");
	show_escaped(text, look->source);
	proc_print(text, " mounted on ");
	show_escaped(text, where);
	proc_print(text, " with fstype %s\n", look->type);
}

static int show_all(struct proc_text *text,
    void (*show)(struct proc_text *text, const struct mount_look *look, const char *where))
{
	size_t count = 0;
	mount_for_each(count_mount, &count);
	struct gather gather = {.room = count};
	char *buf = kmalloc(2 * PATH_MAX_LEN);
	gather.looks = kmalloc_array(max(count, 1ul), sizeof(*gather.looks));
	if (gather.looks && buf)
		mount_for_each(gather_mount, &gather);
	for (size_t i = 0; i < gather.count; i++) {
		struct mount_look *look = &gather.looks[i];
		int err = 0;
		const char *where = vfs_path_name(&look->place, buf, PATH_MAX_LEN, &err);
		look->root =
		    vfs_name_in_file_system(look->place.dentry, buf + PATH_MAX_LEN, PATH_MAX_LEN);
		/* What our root does not reach is nothing to us. */
		if (where && *where == '/' && look->root)
			show(text, look, where);
		path_put(&look->place);
	}
	bool has_memory = gather.looks && buf;
	kfree(gather.looks);
	kfree(buf);
	return has_memory ? 0 : -ENOMEM;
}

int show_mounts(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_all(text, show_mount);
}

int show_mountinfo(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_all(text, show_mount_info);
}

int show_mountstats(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_all(text, show_mount_device);
}

static void show_type(void *ctx, const struct file_system *type)
{
	proc_print(ctx, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
}

int show_filesystems(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	file_system_for_each(show_type, text);
	return 0;
}
