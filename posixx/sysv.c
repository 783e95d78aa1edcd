/* System V IPC: msgget(2), semget, shmget and what belongs to them. The work is in kernel/sysv. */
#include <abi/errno.h>
#include <arch/mmu.h>
#include <arch/user_copy.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>
#include <sysv/sysv.h>
#include <wait/interruptible.h>

enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };
enum { MSG_STAT = 11, MSG_INFO, MSG_STAT_ANY };
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

struct linux_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t sequence, padding;
	uint64_t unused[2];
};
struct linux_msqid {
	struct linux_ipc_perm permissions;
	int64_t send_time, receive_time, change_time;
	uint64_t bytes, messages, bytes_max;
	int32_t last_sender, last_receiver;
	uint64_t unused[2];
};
struct linux_msginfo {
	int32_t pool, map, max, queue_bytes, queues, segment_size, messages;
	uint16_t segments;
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
struct linux_shmid {
	struct linux_ipc_perm permissions;
	uint64_t size;
	int64_t attach_time, detach_time, change_time;
	int32_t creator, last_user;
	uint64_t attached, unused[2];
};
struct linux_shm_limits {
	uint64_t max, min, segments, per_process, pages, unused[4];
};
struct linux_shm_info {
	int32_t segments;
	uint64_t pages, resident, swapped, swap_attempts, swap_successes;
};
static_assert(sizeof(struct linux_shmid) == 112 && sizeof(struct linux_shm_limits) == 72 &&
		  sizeof(struct linux_shm_info) == 48,
    "Linux's ABI");
static_assert(sizeof(struct linux_msqid) == 120 && sizeof(struct linux_semid) == 104 &&
		  sizeof(struct linux_msginfo) == 32,
    "Linux's ABI");

/* A wait that a handler ended is not begun again, whatever SA_RESTART says. */
static int64_t restart(int64_t result)
{
	return result == -EINTR ? -ERESTARTNOHAND : result;
}

static struct linux_ipc_perm pack(const struct sysv_permissions *from)
{
	return (struct linux_ipc_perm){.key = from->key,
	    .uid = from->uid,
	    .gid = from->gid,
	    .cuid = from->cuid,
	    .cgid = from->cgid,
	    .mode = from->mode,
	    .sequence = (uint16_t)from->generation};
}

static struct sysv_permissions unpack(const struct linux_ipc_perm *from)
{
	return (struct sysv_permissions){.uid = from->uid, .gid = from->gid, .mode = from->mode};
}

int64_t sys_msgget(int key, unsigned flags)
{
	return sysv_queue_get(key, flags);
}

int64_t sys_msgsnd(int id, uaddr_t message, size_t len, unsigned flags)
{
	uint64_t type;
	if (get_user_u64(&type, message))
		return -EFAULT;
	if (len > SYSV_MESSAGE_MAX || id < 0 || (int64_t)type < 1)
		return -EINVAL;
	uint8_t *text = kmalloc(max(len, (size_t)1));
	if (!text)
		return -ENOMEM;
	int64_t result = -EFAULT;
	if (!copy_from_user(text, uaddr_add(message, sizeof(type)), len))
		result = restart(sysv_send(id, (int64_t)type, text, len, flags));
	kfree(text);
	return result;
}

int64_t sys_msgrcv(int id, uaddr_t to, size_t size, int64_t type, unsigned flags)
{
	struct sysv_message *message;
	int64_t len = sysv_receive(id, size, type, flags, &message);
	if (len < 0)
		return restart(len);
	if (put_user_u64(to, (uint64_t)sysv_message_type(message)) ||
	    copy_to_user(uaddr_add(to, sizeof(uint64_t)), sysv_message_text(message), (size_t)len))
		len = -EFAULT;
	sysv_message_free(message);
	return len;
}

static int64_t tell_queue(int id, int command, uaddr_t to)
{
	struct sysv_queue_info info;
	int result = sysv_queue_stat(id, command != IPC_STAT, command == MSG_STAT_ANY, &info);
	if (result < 0)
		return result;
	struct linux_msqid user = {.permissions = pack(&info.permissions),
	    .send_time = info.send_time,
	    .receive_time = info.receive_time,
	    .change_time = info.change_time,
	    .bytes = info.bytes,
	    .messages = info.messages,
	    .bytes_max = info.bytes_max,
	    .last_sender = (int32_t)info.last_sender,
	    .last_receiver = (int32_t)info.last_receiver};
	return copy_to_user(to, &user, sizeof(user)) ? -EFAULT : result;
}

static int64_t tell_queue_limits(int command, uaddr_t to)
{
	struct sysv_totals totals;
	int highest = sysv_queue_totals(&totals);
	struct linux_msginfo info = {.pool = SYSV_SLOTS * SYSV_QUEUE_BYTES / 1024,
	    .map = SYSV_QUEUE_BYTES,
	    .max = SYSV_MESSAGE_MAX,
	    .queue_bytes = SYSV_QUEUE_BYTES,
	    .queues = (int32_t)atomic_load(&sysv_messages.max),
	    .segment_size = 16,
	    .messages = SYSV_QUEUE_BYTES,
	    .segments = UINT16_MAX};
	if (command == MSG_INFO) {
		info.pool = (int32_t)totals.objects;
		info.map = (int32_t)totals.parts;
		info.messages = (int32_t)totals.bytes;
	}
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static int64_t change_queue(int id, uaddr_t from)
{
	struct linux_msqid user;
	if (copy_from_user(&user, from, sizeof(user)))
		return -EFAULT;
	struct sysv_queue_info info = {
	    .permissions = unpack(&user.permissions), .bytes_max = user.bytes_max};
	return sysv_queue_set(id, &info);
}

int64_t sys_msgctl(int id, int command, uaddr_t buf)
{
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_RMID: return sysv_remove(&sysv_messages, id);
	case IPC_SET: return change_queue(id, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY: return tell_queue(id, command, buf);
	case IPC_INFO:
	case MSG_INFO: return tell_queue_limits(command, buf);
	default: return -EINVAL;
	}
}

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
	struct linux_semid user = {.permissions = pack(&info.permissions),
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
		permissions = unpack(&user.permissions);
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

int64_t sys_shmget(int key, size_t size, unsigned flags)
{
	return sysv_segment_get(key, size, flags);
}

int64_t sys_shmat(int id, uaddr_t addr, unsigned flags)
{
	return sysv_attach(current_process()->space, id, addr.va, flags);
}

int64_t sys_shmdt(uaddr_t addr)
{
	return sysv_detach(current_process()->space, addr.va);
}

static int64_t tell_segment(int id, int command, uaddr_t to)
{
	struct sysv_segment_info info;
	int result = sysv_segment_stat(id, command != IPC_STAT, command == SHM_STAT_ANY, &info);
	if (result < 0)
		return result;
	struct linux_shmid user = {.permissions = pack(&info.permissions),
	    .size = info.size,
	    .attach_time = info.attach_time,
	    .detach_time = info.detach_time,
	    .change_time = info.change_time,
	    .creator = (int32_t)info.creator,
	    .last_user = (int32_t)info.last_user,
	    .attached = info.attached};
	return copy_to_user(to, &user, sizeof(user)) ? -EFAULT : result;
}

static int64_t tell_segment_limits(uaddr_t to)
{
	struct sysv_totals totals;
	uint64_t segments = atomic_load(&sysv_segments.max);
	struct linux_shm_limits limits = {.max = atomic_load(&sysv_segment_max),
	    .min = 1,
	    .segments = segments,
	    .per_process = segments,
	    .pages = atomic_load(&sysv_segment_pages_max)};
	int highest = sysv_segment_totals(&totals);
	return copy_to_user(to, &limits, sizeof(limits)) ? -EFAULT : highest;
}

static int64_t tell_segment_totals(uaddr_t to)
{
	struct sysv_totals totals;
	int highest = sysv_segment_totals(&totals);
	struct linux_shm_info info = {.segments = (int32_t)totals.objects,
	    .pages = totals.parts,
	    .resident = totals.bytes / PAGE_SIZE};
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

int64_t sys_shmctl(int id, int command, uaddr_t buf)
{
	struct linux_shmid user;
	struct sysv_permissions permissions;
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_RMID: return sysv_segment_remove(id);
	case IPC_SET:
		if (copy_from_user(&user, buf, sizeof(user)))
			return -EFAULT;
		permissions = unpack(&user.permissions);
		return sysv_segment_set(id, &permissions);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY: return tell_segment(id, command, buf);
	case IPC_INFO: return tell_segment_limits(buf);
	case SHM_INFO: return tell_segment_totals(buf);
	case SHM_LOCK:
	case SHM_UNLOCK: return sysv_segment_lock(id, command == SHM_LOCK);
	default: return -EINVAL;
	}
}
