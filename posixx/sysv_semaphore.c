/* semget(2) and what belongs to it: System V semaphores. The work is in kernel/sysv. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>

#include "sysv_impl.h"

enum {
	GETPID = 11,
	GETVAL,
	GETALL,
	GETNCNT,
	GETZCNT,
	SETVAL,
	SETALL,
	SEM_STAT,
	SEM_INFO,
	SEM_STAT_ANY
};

struct linux_semid {
	struct linux_ipc_perm permissions;
	int64_t operation_time, unused1, change_time, unused2;
	uint64_t count, unused[2];
};
struct linux_seminfo {
	int32_t map, sets, semaphores, undos, per_set, operations, undo_entries, undo_size,
	    value_max, adjust_max;
};
static_assert(sizeof(struct linux_semid) == 104, "Linux's ABI");

int64_t sys_semget(int key, int count, unsigned flags)
{
	return sysv_set_get(key, count, flags);
}

int64_t sys_semtimedop(int id, uaddr_t ops_at, size_t count, uaddr_t timeout)
{
	nsec_t duration;
	int err = uaddr_is_null(timeout) ? 0 : read_timespec(timeout, &duration);
	if (err)
		return err;
	if (!count || id < 0)
		return -EINVAL;
	if (count > SYSV_OPS_MAX)
		return -E2BIG;
	size_t len = count * sizeof(struct sysv_operation);
	struct sysv_operation *ops = kmalloc(len);
	if (!ops)
		return -ENOMEM;
	err = copy_from_user(ops, ops_at, len);
	if (!err)
		err = sysv_operate(
		    id, ops, count, uaddr_is_null(timeout) ? NSEC_MAX : deadline_after(duration));
	kfree(ops);
	/* Never begun again: the timeout would be, too. */
	return err;
}

int64_t sys_semop(int id, uaddr_t ops, size_t count)
{
	return sys_semtimedop(id, ops, count, (uaddr_t){0});
}

static int64_t tell_set(int id, int command, uaddr_t to)
{
	struct sysv_set_info info;
	int result = sysv_set_stat(id, command != IPC_STAT, command == SEM_STAT_ANY, &info);
	if (result < 0)
		return result;
	struct linux_semid user = {.permissions = sysv_pack(&info.permissions),
	    .operation_time = info.operation_time,
	    .change_time = info.change_time,
	    .count = info.count};
	return copy_to_user(to, &user, sizeof(user)) ? -EFAULT : result;
}

static int64_t tell_set_limits(int command, uaddr_t to)
{
	struct sysv_totals totals;
	int highest = sysv_set_totals(&totals);
	const int32_t all = (int32_t)(SYSV_SLOTS * SYSV_SET_MAX);
	struct linux_seminfo info = {.map = all,
	    .sets = SYSV_SLOTS,
	    .semaphores = all,
	    .undos = all,
	    .per_set = SYSV_SET_MAX,
	    .operations = SYSV_OPS_MAX,
	    .undo_entries = SYSV_OPS_MAX,
	    .undo_size = 20,
	    .value_max = SYSV_VALUE_MAX,
	    .adjust_max = SYSV_VALUE_MAX};
	if (command == SEM_INFO) {
		info.undo_size = (int32_t)totals.objects;
		info.adjust_max = (int32_t)totals.parts;
	}
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static int64_t move_values(int id, bool is_set, uaddr_t at)
{
	struct sysv_set_info info;
	/* How many; permission is asked for below. */
	int err = sysv_set_stat(id, false, true, &info);
	if (err)
		return err;
	size_t len = info.count * sizeof(uint16_t);
	uint16_t *values = kmalloc(len);
	if (!values)
		return -ENOMEM;
	err = is_set ? copy_from_user(values, at, len) : 0;
	if (!err)
		err = is_set ? sysv_set_values(id, -1, values, info.count)
			     : sysv_get_values(id, values, info.count);
	if (!err && !is_set)
		err = copy_to_user(at, values, len);
	kfree(values);
	return err;
}

static int64_t set_value(int id, int number, int value)
{
	uint16_t small = (uint16_t)value;
	if (value < 0 || value > SYSV_VALUE_MAX)
		return -ERANGE;
	return number < 0 ? -EINVAL : sysv_set_values(id, number, &small, 1);
}

int64_t sys_semctl(int id, int number, int command, uint64_t arg)
{
	struct linux_semid user;
	struct sysv_permissions permissions;
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_RMID: return sysv_remove(&sysv_semaphores, id);
	case IPC_SET:
		if (copy_from_user(&user, (uaddr_t){arg}, sizeof(user)))
			return -EFAULT;
		permissions = sysv_unpack(&user.permissions);
		return sysv_set_set(id, &permissions);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY: return tell_set(id, command, (uaddr_t){arg});
	case IPC_INFO:
	case SEM_INFO: return tell_set_limits(command, (uaddr_t){arg});
	case GETALL: return move_values(id, false, (uaddr_t){arg});
	case SETALL: return move_values(id, true, (uaddr_t){arg});
	case SETVAL: return set_value(id, number, (int)arg);
	case GETVAL: return sysv_ask(id, number, SYSV_VALUE);
	case GETPID: return sysv_ask(id, number, SYSV_LAST_PID);
	case GETNCNT: return sysv_ask(id, number, SYSV_WAIT_FOR_MORE);
	case GETZCNT: return sysv_ask(id, number, SYSV_WAIT_FOR_ZERO);
	default: return -EINVAL;
	}
}
