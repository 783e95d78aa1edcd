/* Extended attributes: setxattr(2), getxattr(2), listxattr(2), removexattr(2). */
#include "path_impl.h"

#include <mm/slab.h>
#include <object/capability.h>

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536

/* What is to be done with a file's attributes; the files of a call differ, but not this. */
struct request {
	int64_t (*act)(const struct path *place, const struct request *request);
	uaddr_t name, value; /* value: or the list */
	size_t size;
	unsigned flags;
};

static int copy_name(char *name, uaddr_t user)
{
	int64_t len = strncpy_from_user(name, user, XATTR_NAME_MAX + 1);
	if (len < 0)
		return len == -ENAMETOOLONG ? -ERANGE : (int)len;
	return len ? 0 : -ERANGE;
}

/* Linux reads all of the value before it asks the file system, so a bad pointer is told first. NULL: something that is no file. */
static int64_t set(const struct path *place, const struct request *request)
{
	char name[XATTR_NAME_MAX + 1];
	if (request->flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	int err = copy_name(name, request->name);
	if (err)
		return err;
	if (request->size > XATTR_SIZE_MAX)
		return -E2BIG;
	void *value = kmalloc(request->size + 1);
	if (!value)
		return -ENOMEM;
	err = copy_from_user(value, request->value, request->size);
	if (!err)
		err = place ? vfs_set_xattr(place, name, value, request->size, request->flags)
			    : -EOPNOTSUPP;
	kfree(value);
	return err;
}

static int64_t remove(const struct path *place, const struct request *request)
{
	char name[XATTR_NAME_MAX + 1];
	int err = copy_name(name, request->name);
	if (err)
		return err;
	return place ? vfs_remove_xattr(place, name) : -EOPNOTSUPP;
}

/* What was found goes to the caller, unless only its length was asked for. */
static int64_t give(const struct request *request, const void *buf, int64_t len)
{
	if (len > 0 && request->size && copy_to_user(request->value, buf, (size_t)len))
		return -EFAULT;
	return len;
}

static int64_t get(const struct path *place, const struct request *request)
{
	char name[XATTR_NAME_MAX + 1];
	int err = copy_name(name, request->name);
	if (err)
		return err;
	size_t size = min(request->size, (size_t)XATTR_SIZE_MAX);
	void *buf = kmalloc(size + 1);
	if (!buf)
		return -ENOMEM;
	int64_t len = place ? vfs_get_xattr(place, name, buf, size) : -EOPNOTSUPP;
	len = give(request, buf, len);
	kfree(buf);
	return len;
}

static int64_t list(const struct path *place, const struct request *request)
{
	if (!place)
		return 0;
	size_t size = min(request->size, (size_t)XATTR_SIZE_MAX);
	void *buf = kmalloc(size + 1);
	if (!buf)
		return -ENOMEM;
	int64_t len = give(request, buf, vfs_list_xattrs(place, buf, size));
	kfree(buf);
	return len;
}

static int64_t at_path(uaddr_t path, unsigned lookup, const struct request *request)
{
	struct path place;
	int err = vfs_lookup_user(AT_FDCWD, path, lookup, &place);
	if (err)
		return err;
	int64_t result = request->act(&place, request);
	path_put(&place);
	return result;
}

/* Any right that O_PATH does not leave. */
static int64_t at_fd(int fd, const struct request *request)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_IOCTL);
	if (!ref.object)
		return ref.err;
	bool is_file = ref.object->ops->stat == file_stat;
	int64_t result = request->act(is_file ? &file_of(ref.object)->path : NULL, request);
	cap_release(ref);
	return result;
}

int64_t sys_setxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, unsigned flags)
{
	return at_path(path, LOOKUP_FOLLOW, &(struct request){set, name, value, size, flags});
}

int64_t sys_lsetxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, unsigned flags)
{
	return at_path(path, 0, &(struct request){set, name, value, size, flags});
}

int64_t sys_fsetxattr(int fd, uaddr_t name, uaddr_t value, size_t size, unsigned flags)
{
	return at_fd(fd, &(struct request){set, name, value, size, flags});
}

int64_t sys_getxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size)
{
	return at_path(path, LOOKUP_FOLLOW, &(struct request){get, name, value, size, 0});
}

int64_t sys_lgetxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size)
{
	return at_path(path, 0, &(struct request){get, name, value, size, 0});
}

int64_t sys_fgetxattr(int fd, uaddr_t name, uaddr_t value, size_t size)
{
	return at_fd(fd, &(struct request){get, name, value, size, 0});
}

int64_t sys_removexattr(uaddr_t path, uaddr_t name)
{
	return at_path(path, LOOKUP_FOLLOW, &(struct request){.act = remove, .name = name});
}

int64_t sys_lremovexattr(uaddr_t path, uaddr_t name)
{
	return at_path(path, 0, &(struct request){.act = remove, .name = name});
}

int64_t sys_fremovexattr(int fd, uaddr_t name)
{
	return at_fd(fd, &(struct request){.act = remove, .name = name});
}

int64_t sys_listxattr(uaddr_t path, uaddr_t names, size_t size)
{
	return at_path(
	    path, LOOKUP_FOLLOW, &(struct request){.act = list, .value = names, .size = size});
}

int64_t sys_llistxattr(uaddr_t path, uaddr_t names, size_t size)
{
	return at_path(path, 0, &(struct request){.act = list, .value = names, .size = size});
}

int64_t sys_flistxattr(int fd, uaddr_t names, size_t size)
{
	return at_fd(fd, &(struct request){.act = list, .value = names, .size = size});
}
