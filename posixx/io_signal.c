/* fcntl(2)'s commands on who is told by signals: of an object's changes, and of whoever wants a leased file. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <arch/user_copy.h>
#include <process/io_signal.h>
#include <process/signal.h>
#include <vfs/vfs.h>

#include "io_signal_impl.h"

struct linux_owner {
	int32_t kind, number;
};

static int64_t set_owner(struct object *object, int number)
{
	if (number == INT32_MIN)
		return -EINVAL;
	struct io_owner owner = {number < 0 ? IO_OWNER_GROUP : IO_OWNER_PROCESS,
	    (uint32_t)(number < 0 ? -number : number)};
	return io_signal_set_owner(object, owner);
}

static int64_t get_owner(const struct object *object)
{
	struct io_owner owner = io_signal_owner(object);
	return owner.kind == IO_OWNER_GROUP ? -(int64_t)owner.number : (int64_t)owner.number;
}

static int64_t set_owner_of_kind(struct object *object, uaddr_t from)
{
	struct linux_owner owner;
	if (copy_from_user(&owner, from, sizeof(owner)))
		return -EFAULT;
	if (owner.kind < IO_OWNER_THREAD || owner.kind > IO_OWNER_GROUP)
		return -EINVAL;
	if (owner.number < 0)
		return -ESRCH;
	return io_signal_set_owner(
	    object, (struct io_owner){(enum io_owner_kind)owner.kind, (uint32_t)owner.number});
}

static int64_t get_owner_of_kind(const struct object *object, uaddr_t to)
{
	struct io_owner owner = io_signal_owner(object);
	struct linux_owner out = {(int32_t)owner.kind, (int32_t)owner.number};
	return copy_to_user(to, &out, sizeof(out));
}

static int64_t set_lease(struct object *object, int fd, int type)
{
	if (object->ops->stat != file_stat)
		return -EINVAL;
	int err = file_set_lease(object, type);
	if (err || type == F_UNLCK)
		return err;
	err = io_signal_be_told(object, fd);
	if (err) {
		int ignored = file_set_lease(object, F_UNLCK);
		(void)ignored;
	}
	return err;
}

bool is_io_signal_command(int command)
{
	return command == F_SETLEASE || command == F_GETLEASE ||
	       (command >= F_SETOWN && command <= F_GETSIG) || command == F_SETOWN_EX ||
	       command == F_GETOWN_EX;
}

int64_t io_signal_control(struct object *object, int fd, int command, uint64_t arg)
{
	switch (command) {
	case F_SETLEASE: return set_lease(object, fd, (int)arg);
	case F_GETLEASE: return object->ops->stat == file_stat ? file_get_lease(object) : F_UNLCK;
	case F_SETOWN: return set_owner(object, (int)arg);
	case F_GETOWN: return get_owner(object);
	case F_SETOWN_EX: return set_owner_of_kind(object, (uaddr_t){arg});
	case F_GETOWN_EX: return get_owner_of_kind(object, (uaddr_t){arg});
	case F_SETSIG: return arg > SIGNAL_COUNT ? -EINVAL : io_signal_set_number(object, (int)arg);
	default: return io_signal_number(object); /* F_GETSIG */
	}
}
