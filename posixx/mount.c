/* Calls on whole file systems: mount(2), statfs(2), sync(2). */
#include "path_impl.h"

#include <abi/linux/structs.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/capability.h>

#define MS_MAGIC      0xc0ed0000ull /* what old programs put into the upper half of the flags */
#define MS_MAGIC_MASK 0xffff0000ull

#define ST_VALID 0x20 /* statfs flags are meant */

/* A string that may be missing: then it stays as it is. */
static int copy_optional(struct user_path *text, uaddr_t user)
{
	if (!uaddr_is_null(user))
		return user_path_copy(text, user);
	return 0;
}

/* mount(2) takes up to a page of options, which need not end. */
static int copy_options(struct user_path *text, uaddr_t user)
{
	int err = copy_optional(text, user);
	return err == -ENAMETOOLONG ? -EINVAL : err;
}

int64_t sys_mount(uaddr_t source, uaddr_t target, uaddr_t type, uint64_t flags, uaddr_t data)
{
	struct user_path texts[4];
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		user_path_set_empty(&texts[i]);
	if ((flags & MS_MAGIC_MASK) == MS_MAGIC)
		flags &= ~MS_MAGIC_MASK;
	int err = copy_optional(&texts[0], source);
	if (!err)
		err = user_path_copy(&texts[1], target);
	if (!err)
		err = copy_optional(&texts[2], type);
	if (!err)
		err = copy_options(&texts[3], data);
	if (!err)
		err = vfs_mount(texts[0].text, texts[1].text, texts[2].text, flags, texts[3].text);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		user_path_free(&texts[i]);
	return err;
}

int64_t sys_umount2(uaddr_t target, unsigned flags)
{
	struct user_path name;
	int err = user_path_copy(&name, target);
	if (err)
		return err;
	err = vfs_unmount(name.text, flags);
	user_path_free(&name);
	return err;
}

static int64_t put_statfs(const struct path *place, uaddr_t buf)
{
	struct kstatfs stat;
	int err = vfs_statfs(place, &stat);
	if (err)
		return err;
	struct linux_statfs out = {
	    .type = (int64_t)stat.type,
	    .bsize = (int64_t)stat.block_size,
	    .blocks = (int64_t)stat.blocks,
	    .bfree = (int64_t)stat.free,
	    .bavail = (int64_t)stat.available,
	    .files = (int64_t)stat.files,
	    .ffree = (int64_t)stat.files_free,
	    .fsid = {(int32_t)place->mount->super->dev, 0},
	    .namelen = (int64_t)stat.name_max,
	    .frsize = (int64_t)stat.block_size,
	    .flags = (int64_t)(stat.flags | ST_VALID),
	};
	return copy_to_user(buf, &out, sizeof(out));
}

int64_t sys_statfs(uaddr_t path, uaddr_t buf)
{
	struct path place;
	int err = vfs_lookup_user(AT_FDCWD, path, LOOKUP_FOLLOW, &place);
	if (err)
		return err;
	int64_t result = put_statfs(&place, buf);
	path_put(&place);
	return result;
}

int64_t sys_fstatfs(int fd, uaddr_t buf)
{
	struct path place;
	int err = place_of_fd(fd, &place);
	if (err)
		return err;
	int64_t result = put_statfs(&place, buf);
	path_put(&place);
	return result;
}

/* All file systems of the kernel's own are memory: there is nothing to bring anywhere. */
int64_t sys_sync(void)
{
	return 0;
}

int64_t sys_syncfs(int fd)
{
	struct path place;
	int err = place_of_fd(fd, &place);
	if (!err)
		path_put(&place);
	return err;
}

#define DEVICE_NAME_LEN 6

struct linux_ustat {
	int32_t free_blocks;
	uint64_t free_inodes;
	char name[DEVICE_NAME_LEN], pack[DEVICE_NAME_LEN];
};
static_assert(sizeof(struct linux_ustat) == 32, "Linux's ABI");

struct device_search {
	uint64_t dev;
	struct path found;
};

static bool is_not_of_device(void *ctx, struct mount *mount)
{
	struct device_search *search = ctx;
	if (mount->super->dev != search->dev)
		return true;
	search->found = (struct path){mount, mount->root};
	path_get(&search->found);
	return false;
}

int64_t sys_ustat(unsigned dev, uaddr_t buf)
{
	struct device_search search = {.dev = dev};
	struct kstatfs stat;
	mount_for_each(is_not_of_device, &search);
	if (!search.found.mount)
		return -EINVAL;
	int err = vfs_statfs(&search.found, &stat);
	path_put(&search.found);
	if (err)
		return err;
	struct linux_ustat out;
	memset(&out, 0, sizeof(out)); /* the padding too */
	out.free_blocks = (int32_t)stat.free;
	out.free_inodes = stat.files_free;
	return copy_to_user(buf, &out, sizeof(out));
}

enum { SYSFS_INDEX = 1, SYSFS_NAME, SYSFS_COUNT };

struct type_search {
	const char *name; /* or by index */
	uint64_t index, count;
	const struct file_system *found;
};

static void look_at_type(void *ctx, const struct file_system *type)
{
	struct type_search *search = ctx;
	uint64_t index = search->count++;
	if (search->name ? strcmp(search->name, type->name) != 0 : index != search->index)
		return;
	search->index = index;
	search->found = type;
}

static int64_t index_of_type(uaddr_t user_name)
{
	struct type_search search = {0};
	struct user_path name;
	int err = user_path_copy(&name, user_name);
	if (err)
		return err;
	search.name = name.text;
	file_system_for_each(look_at_type, &search);
	user_path_free(&name);
	return search.found ? (int64_t)search.index : -EINVAL;
}

/* sysfs(2), the kinds of file systems; not the file system of that name. */
int64_t sys_sysfs(int option, uint64_t arg, uaddr_t buf)
{
	struct type_search search = {.index = (unsigned)arg};
	if (option == SYSFS_INDEX)
		return index_of_type((uaddr_t){arg});
	if (option != SYSFS_NAME && option != SYSFS_COUNT)
		return -EINVAL;
	file_system_for_each(look_at_type, &search);
	if (option == SYSFS_COUNT)
		return (int64_t)search.count;
	if (!search.found)
		return -EINVAL;
	return copy_to_user(buf, search.found->name, strlen(search.found->name) + 1);
}
