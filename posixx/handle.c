/* name_to_handle_at(2) and open_by_handle_at(2). */
#include "path_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <arch/user_copy.h>
#include <credentials/credentials.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <vfs/vfs.h>

#define HANDLE_BYTES_MAX 128
#define HANDLE_TYPE      0x45 /* ours */
#define AT_HANDLE_FID    0x200u

struct linux_file_handle {
	uint32_t bytes;
	int32_t type;
	struct vfs_handle handle;
};

#define HEAD_BYTES offsetof(struct linux_file_handle, handle)

static int tell_handle(const struct path *path, uaddr_t to, uaddr_t mount_id)
{
	struct linux_file_handle out = {0};
	uint32_t room;
	if (get_user_u32(&room, to))
		return -EFAULT;
	if (room > HANDLE_BYTES_MAX)
		return -EINVAL;
	int err = vfs_handle_of(path, &out.handle);
	if (err)
		return err;
	bool fits = room >= sizeof(out.handle);
	out.bytes = sizeof(out.handle);
	out.type = HANDLE_TYPE;
	if (put_user_u32(mount_id, path->mount->id) ||
	    copy_to_user(to, &out, fits ? sizeof(out) : HEAD_BYTES))
		return -EFAULT;
	return fits ? 0 : -EOVERFLOW;
}

int64_t sys_name_to_handle_at(
    int dir, uaddr_t path_at, uaddr_t handle, uaddr_t mount_id, unsigned flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_FOLLOW | AT_HANDLE_FID))
		return -EINVAL;
	struct path path;
	int err = vfs_lookup_user(dir, path_at,
	    (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) |
		(flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0),
	    &path);
	if (err)
		return err;
	err = tell_handle(&path, handle, mount_id);
	path_put(&path);
	return err;
}

int64_t sys_open_by_handle_at(int mount_fd, uaddr_t handle_at, int flags)
{
	struct linux_file_handle handle;
	struct path place;
	if (!has_power(POWER_DAC_READ_SEARCH))
		return -EPERM;
	if (copy_from_user(&handle, handle_at, HEAD_BYTES))
		return -EFAULT;
	if (!handle.bytes || handle.bytes > HANDLE_BYTES_MAX)
		return -EINVAL;
	int err = objects_check_room();
	if (!err)
		err = vfs_lookup(mount_fd, "", LOOKUP_EMPTY, &place);
	if (err)
		return err;
	struct object *object;
	if (handle.bytes != sizeof(handle.handle) || handle.type != HANDLE_TYPE)
		err = -ESTALE;
	else if (copy_from_user(&handle, handle_at, sizeof(handle)))
		err = -EFAULT;
	else
		err = vfs_open_handle(&place, &handle.handle,
		    (unsigned)flags & ~(unsigned)(O_CREAT | O_EXCL), &object);
	path_put(&place);
	return err ? err : path_install(object, (unsigned)flags);
}
