/* Calls on descriptors themselves: close, dup, fcntl, and what is done to an open object whatever it is. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/io_signal.h>
#include <vfs/vfs.h>

#include "io_signal_impl.h"

#define FIONCLEX 0x5450
#define FIOCLEX  0x5451
#define FIONBIO  0x5421
#define FIOASYNC 0x5452

#define LOCK_SIZE 32 /* of struct flock */

/* What F_SETFL may change. */
#define STATUS_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

int64_t sys_close(int fd)
{
	return cap_close(fd);
}

int64_t sys_dup(int fd)
{
	return cap_dup(fd);
}

int64_t sys_dup2(int old_fd, int new_fd)
{
	if (old_fd == new_fd) {
		int flags = cap_get_flags(old_fd);
		return flags < 0 ? flags : new_fd;
	}
	return cap_dup_to(old_fd, new_fd, 0);
}

int64_t sys_dup3(int old_fd, int new_fd, unsigned flags)
{
	if (flags & ~(unsigned)O_CLOEXEC || old_fd == new_fd)
		return -EINVAL;
	return cap_dup_to(old_fd, new_fd, flags & O_CLOEXEC ? CAP_CLOEXEC : 0);
}

int64_t sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if (first > last || flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		int err = unshare_capabilities();
		if (err)
			return err;
	}
	return cap_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
}

static int64_t set_async(struct object *object, bool on, int fd)
{
	return !object->ops->tells_by_signal ? 0 : io_signal_switch(object, on, fd);
}

static int64_t set_status_flags(struct object *object, uint64_t arg, int fd)
{
	unsigned flags = object->flags;
	if (unlikely((arg ^ flags) & O_ASYNC)) {
		int64_t err = set_async(object, arg & O_ASYNC, fd);
		if (err)
			return err;
		flags = atomic_load(&object->flags);
	}
	/* Other threads may change the same object: all bits at once, last one wins, as on Linux. */
	atomic_store(
	    &object->flags, (flags & ~(unsigned)STATUS_FLAGS) | ((unsigned)arg & STATUS_FLAGS));
	return 0;
}

static bool is_lock_command(int command)
{
	return (command >= F_GETLK && command <= F_SETLKW) ||
	       (command >= F_OFD_GETLK && command <= F_OFD_SETLKW);
}

/* What only some kinds of objects know. Linux reads a lock before it asks what is to be locked. */
static int64_t control(struct object *object, int command, uint64_t arg)
{
	uint8_t lock[LOCK_SIZE];
	if (object->ops->stat != file_stat && is_lock_command(command) &&
	    copy_from_user(lock, (uaddr_t){arg}, sizeof(lock)))
		return -EFAULT;
	return object->ops->control ? object->ops->control(object, command, arg) : -EINVAL;
}

static bool is_still_open(int fd, const struct object *object)
{
	struct capability capability;
	if (!cap_copy(current_capabilities(), fd, &capability))
		return false;
	object_put(capability.object);
	return capability.object == object;
}

/* Whoever closes the descriptor meanwhile thinks that its locks are gone: one that comes after that would stay for ever. */
static int64_t set_lock(int fd, struct cap_ref ref, int command, uint64_t arg)
{
	int64_t err = control(ref.object, command, arg);
	if (err || !ref.counted || !ref.object->ops->close || is_still_open(fd, ref.object))
		return err;
	int ignored = ref.object->ops->close(ref.object, current_capabilities());
	(void)ignored;
	return -EBADF;
}

int64_t sys_fcntl(int fd, int command, uint64_t arg)
{
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= current_fd_limit())
			return -EINVAL;
		return cap_dup_from(fd, (int)arg, command == F_DUPFD_CLOEXEC ? CAP_CLOEXEC : 0);
	case F_GETFD: {
		int flags = cap_get_flags(fd);
		return flags < 0 ? flags : flags & CAP_CLOEXEC ? FD_CLOEXEC : 0;
	}
	case F_SETFD: return cap_set_flags(fd, arg & FD_CLOEXEC ? CAP_CLOEXEC : 0);
	default: break;
	}

	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	int64_t result;
	switch (command) {
	case F_CREATED_QUERY:
		result = ref.object->ops->stat == file_stat && file_of(ref.object)->is_created;
		break;
	case F_GETFL: result = (int64_t)(ref.object->flags & ~(unsigned)O_CLOEXEC); break;
	case F_SETFL:
		result =
		    ref.object->flags & O_PATH ? -EBADF : set_status_flags(ref.object, arg, fd);
		break;
	case F_SETLK:
	case F_SETLKW: result = set_lock(fd, ref, command, arg); break;
	default:
		if (!is_io_signal_command(command))
			result = control(ref.object, command, arg);
		else if (ref.object->flags & O_PATH)
			result = -EBADF;
		else
			result = io_signal_control(ref.object, fd, command, arg);
		break;
	}
	cap_release(ref);
	return result;
}

static int64_t set_nonblock(struct object *object, uaddr_t arg)
{
	uint32_t on;
	if (get_user_u32(&on, arg))
		return -EFAULT;
	if (on)
		atomic_fetch_or(&object->flags, O_NONBLOCK);
	else
		atomic_fetch_and(&object->flags, ~(unsigned)O_NONBLOCK);
	return 0;
}

static int64_t ioctl_async(struct object *object, int fd, uaddr_t arg)
{
	uint32_t on;
	if (get_user_u32(&on, arg))
		return -EFAULT;
	return object->ops->tells_by_signal ? io_signal_switch(object, on, fd) : -ENOTTY;
}

int64_t sys_ioctl(int fd, uint64_t request, uaddr_t arg)
{
	request = (uint32_t)request; /* some libraries take it for a signed number */
	if (request == FIOCLEX || request == FIONCLEX)
		return cap_set_flags(fd, request == FIOCLEX ? CAP_CLOEXEC : 0);
	struct cap_ref ref = cap_lookup(fd, RIGHT_IOCTL);
	if (!ref.object)
		return ref.err;
	int64_t result;
	if (request == FIONBIO)
		result = set_nonblock(ref.object, arg);
	else if (unlikely(request == FIOASYNC))
		result = ioctl_async(ref.object, fd, arg);
	else
		result = ref.object->ops->ioctl ? ref.object->ops->ioctl(ref.object, request, arg)
						: -ENOTTY;
	cap_release(ref);
	return result;
}

static int64_t sync_object(int fd, bool data_only)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_SYNC);
	if (!ref.object)
		return ref.err;
	int64_t err =
	    ref.object->ops->sync ? ref.object->ops->sync(ref.object, data_only) : -EINVAL;
	cap_release(ref);
	return err;
}

int64_t sys_fsync(int fd)
{
	return sync_object(fd, false);
}

int64_t sys_fdatasync(int fd)
{
	return sync_object(fd, true);
}

int64_t sys_ftruncate(int fd, int64_t length)
{
	if (length < 0)
		return -EINVAL;
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	/* Not opened for writing is EINVAL here, and so is an object that has no length. */
	int64_t err = -EINVAL;
	if ((ref.object->flags & O_ACCMODE) != O_RDONLY && !(ref.object->flags & O_PATH) &&
	    ref.object->ops->truncate)
		err = ref.object->ops->truncate(ref.object, (uint64_t)length);
	else if (ref.object->flags & O_PATH)
		err = -EBADF;
	cap_release(ref);
	return err;
}

int64_t sys_fallocate(int fd, unsigned mode, int64_t offset, int64_t length)
{
	if (offset < 0 || length <= 0)
		return -EINVAL;
	int64_t end;
	if (add_overflows(offset, length, &end))
		return -EFBIG;
	struct cap_ref ref = cap_lookup(fd, RIGHT_WRITE);
	if (!ref.object)
		return ref.err;
	int64_t err;
	if (ref.object->ops->is_stream)
		err = -ESPIPE;
	else if (!ref.object->ops->allocate)
		err = -ENODEV;
	else
		err =
		    ref.object->ops->allocate(ref.object, mode, (uint64_t)offset, (uint64_t)length);
	cap_release(ref);
	return err;
}
