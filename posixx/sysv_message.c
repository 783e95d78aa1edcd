/* msgget(2) and what belongs to it: System V message queues. The work is in kernel/sysv. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <mm/slab.h>
#include <posixx/syscalls.h>
#include <wait/interruptible.h>

#include "sysv_impl.h"

enum { MSG_STAT = 11, MSG_INFO, MSG_STAT_ANY };

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
static_assert(
    sizeof(struct linux_msqid) == 120 && sizeof(struct linux_msginfo) == 32, "Linux's ABI");

/* A wait that a handler ended is not begun again, whatever SA_RESTART says. */
static int64_t restart(int64_t result)
{
	return result == -EINTR ? -ERESTARTNOHAND : result;
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
	struct linux_msqid user = {.permissions = sysv_pack(&info.permissions),
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
	    .permissions = sysv_unpack(&user.permissions), .bytes_max = user.bytes_max};
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
