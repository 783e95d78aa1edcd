/* POSIX message queues: mq_open(2) and its family. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <mm/slab.h>
#include <mqueue/mqueue.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/signal.h>

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD };

struct linux_mq_attr {
	int64_t flags, messages_max, bytes_max, messages, reserved[4];
};

static int copy_name(uaddr_t from, char *name)
{
	int64_t len = strncpy_from_user(name, from, NAME_MAX_LEN + 1);
	return len < 0 ? (int)len : 0;
}

int64_t sys_mq_open(uaddr_t name_at, int flags, unsigned mode, uaddr_t limits_at)
{
	char name[NAME_MAX_LEN + 1];
	struct linux_mq_attr attr;
	struct mqueue_limits limits;
	struct mqueue_open open = {
	    .flags = (unsigned)flags & (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK), .mode = mode};
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	int err = copy_name(name_at, name);
	if (!err && flags & O_CREAT && !uaddr_is_null(limits_at)) {
		err = copy_from_user(&attr, limits_at, sizeof(attr));
		if (!err && (attr.messages_max <= 0 || attr.bytes_max <= 0))
			err = -EINVAL;
		limits = (struct mqueue_limits){
		    .messages = (uint64_t)attr.messages_max, .bytes = (uint64_t)attr.bytes_max};
		open.limits = &limits;
		if (!err)
			err = mqueue_limits_ok(&limits);
	}
	struct object *object;
	if (!err)
		err = objects_check_room();
	if (!err)
		err = mqueue_open(name, &open, &object);
	if (err)
		return err;
	return cap_install_new(object, open.flags, CAP_CLOEXEC);
}

int64_t sys_mq_unlink(uaddr_t name_at)
{
	char name[NAME_MAX_LEN + 1];
	int err = copy_name(name_at, name);
	return err ? err : mqueue_unlink(name);
}

/* Timeouts are points on the wall clock. */
static int read_deadline(uaddr_t timeout, nsec_t *deadline)
{
	nsec_t time;
	*deadline = NSEC_MAX;
	if (uaddr_is_null(timeout))
		return 0;
	int err = read_timespec(timeout, &time);
	if (!err)
		*deadline = deadline_of_wall(time);
	return err;
}

static struct cap_ref find_queue(int fd, uint32_t right)
{
	struct cap_ref ref = cap_lookup(fd, right);
	if (!ref.object || object_is_mqueue(ref.object))
		return ref;
	cap_release(ref);
	return (struct cap_ref){.err = -EBADF};
}

static int send_copy(
    struct object *object, uaddr_t text, size_t len, unsigned priority, nsec_t deadline)
{
	if (len > mqueue_look(object).bytes)
		return -EMSGSIZE;
	struct mqueue_message *message = kmalloc(sizeof(*message) + len);
	if (!message)
		return -ENOMEM;
	message->priority = priority;
	message->len = len;
	int err = copy_from_user(message->text, text, len);
	if (!err)
		err = mqueue_send(object, message, deadline);
	if (err)
		kfree(message);
	return err;
}

int64_t sys_mq_timedsend(int fd, uaddr_t text, size_t len, unsigned priority, uaddr_t timeout)
{
	nsec_t deadline;
	int err = read_deadline(timeout, &deadline);
	if (!err && priority >= MQUEUE_PRIORITIES)
		err = -EINVAL;
	if (err)
		return err;
	struct cap_ref ref = find_queue(fd, RIGHT_WRITE);
	if (!ref.object)
		return ref.err;
	err = send_copy(ref.object, text, len, priority, deadline);
	cap_release(ref);
	return err;
}

int64_t sys_mq_timedreceive(int fd, uaddr_t text, size_t size, uaddr_t priority_at, uaddr_t timeout)
{
	struct mqueue_message *message;
	nsec_t deadline;
	int err = read_deadline(timeout, &deadline);
	if (err)
		return err;
	struct cap_ref ref = find_queue(fd, RIGHT_READ);
	if (!ref.object)
		return ref.err;
	err = mqueue_receive(ref.object, size, deadline, &message);
	cap_release(ref);
	if (err)
		return err;
	int64_t result = (int64_t)message->len;
	if ((!uaddr_is_null(priority_at) && put_user_u32(priority_at, message->priority)) ||
	    copy_to_user(text, message->text, message->len))
		result = -EFAULT;
	kfree(message);
	return result;
}

static int read_notice(uaddr_t from, struct mqueue_notice *notice)
{
	struct {
		uint64_t value;
		int32_t signal, notify;
	} event;
	if (copy_from_user(&event, from, sizeof(event)))
		return -EFAULT;
	*notice = (struct mqueue_notice){.value = event.value};
	switch (event.notify) {
	case SIGEV_NONE: return 0;
	case SIGEV_SIGNAL:
		notice->signal = event.signal;
		return event.signal >= 1 && event.signal <= SIGNAL_COUNT ? 0 : -EINVAL;
	case SIGEV_THREAD: return -EBADF; /* by a socket that there cannot be */
	default: return -EINVAL;
	}
}

int64_t sys_mq_notify(int fd, uaddr_t event)
{
	struct mqueue_notice notice;
	bool is_on = !uaddr_is_null(event);
	int err = is_on ? read_notice(event, &notice) : 0;
	if (err)
		return err;
	struct cap_ref ref = find_queue(fd, 0);
	if (!ref.object)
		return ref.err;
	err = mqueue_notify(ref.object, is_on ? &notice : NULL);
	cap_release(ref);
	return err;
}

int64_t sys_mq_getsetattr(int fd, uaddr_t fresh_at, uaddr_t old_at)
{
	struct linux_mq_attr fresh, old = {0};
	bool is_set = !uaddr_is_null(fresh_at);
	if (is_set && copy_from_user(&fresh, fresh_at, sizeof(fresh)))
		return -EFAULT;
	if (is_set && fresh.flags & ~(int64_t)O_NONBLOCK)
		return -EINVAL;
	struct cap_ref ref = find_queue(fd, 0);
	if (!ref.object)
		return ref.err;
	struct mqueue_limits now = mqueue_look(ref.object);
	old.flags = ref.object->flags & O_NONBLOCK;
	old.messages_max = (int64_t)now.messages;
	old.bytes_max = (int64_t)now.bytes;
	old.messages = (int64_t)now.waiting;
	if (is_set && fresh.flags)
		atomic_fetch_or(&ref.object->flags, O_NONBLOCK);
	else if (is_set)
		atomic_fetch_and(&ref.object->flags, ~(unsigned)O_NONBLOCK);
	cap_release(ref);
	return uaddr_is_null(old_at) ? 0 : copy_to_user(old_at, &old, sizeof(old));
}
