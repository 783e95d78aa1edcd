/* epoll_create(2) and its family, eventfd(2). */
#include "poller.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <event/epoll.h>
#include <event/eventfd.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/signal.h>
#include <time/clock.h>

#define EVENTS_MAX (INT32_MAX / (int)sizeof(struct epoll_event))

static int64_t install(struct object *object, unsigned flags)
{
	return cap_install_new(object, O_RDWR, flags & O_CLOEXEC ? CAP_CLOEXEC : 0);
}

int64_t sys_eventfd2(unsigned value, unsigned flags)
{
	struct object *object;
	if (flags & ~(unsigned)(EVENT_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	int err = eventfd_create(value, flags, flags, &object);
	return err ? err : install(object, flags);
}

int64_t sys_eventfd(unsigned value)
{
	return sys_eventfd2(value, 0);
}

int64_t sys_epoll_create1(unsigned flags)
{
	struct object *object;
	if (flags & ~(unsigned)O_CLOEXEC)
		return -EINVAL;
	int err = epoll_create(&object);
	return err ? err : install(object, flags);
}

/* The size was a hint once. */
int64_t sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

int64_t sys_epoll_ctl(int set_fd, int operation, int fd, uaddr_t user_event)
{
	struct epoll_event event = {0};
	if (operation != EPOLL_CTL_DEL && copy_from_user(&event, user_event, sizeof(event)))
		return -EFAULT;
	struct cap_ref set = cap_lookup(set_fd, 0);
	if (!set.object)
		return set.err;
	struct cap_ref target = cap_lookup(fd, 0);
	int64_t result = target.err;
	if (target.object) {
		if (target.object->flags & O_PATH)
			result = -EBADF;
		else if (!object_can_wait(target.object))
			result = -EPERM;
		else if (!object_is_epoll(set.object))
			result = -EINVAL;
		else
			result = epoll_control(set.object, operation, fd, target.object, &event);
		cap_release(target);
	}
	cap_release(set);
	return result;
}

static NOINLINE int64_t wait_with_reference(int fd, uaddr_t events, int count, nsec_t deadline)
{
	struct cap_ref set = cap_lookup(fd, 0);
	if (!set.object)
		return set.err;
	int64_t ready = -EINVAL;
	if (object_is_epoll(set.object))
		ready = epoll_wait(set.object, events, (size_t)count, deadline);
	cap_release(set);
	return ready;
}

static ALWAYS_INLINE int64_t do_wait(int fd, uaddr_t events, int count, nsec_t deadline)
{
	if (unlikely(count <= 0 || count > EVENTS_MAX))
		return -EINVAL;
	if (unlikely(!user_range_ok(events, (size_t)count * sizeof(struct epoll_event))))
		return -EFAULT;
	/* What nobody else can close needs no reference to be given back. */
	struct object *own = cap_borrow(fd, 0);
	if (likely(own) && likely(object_is_epoll(own)))
		return epoll_wait(own, events, (size_t)count, deadline);
	return wait_with_reference(fd, events, count, deadline);
}

static nsec_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? NSEC_MAX : poll_deadline_after((nsec_t)timeout_ms * NSEC_PER_MSEC);
}

static NOINLINE int64_t wait_for_ms(int fd, uaddr_t events, int count, int timeout_ms)
{
	return do_wait(fd, events, count, deadline_of(timeout_ms));
}

int64_t sys_epoll_wait(int fd, uaddr_t events, int count, int timeout_ms)
{
	if (timeout_ms > 0)
		return wait_for_ms(fd, events, count, timeout_ms);
	/* Without a look at the clock. */
	return do_wait(fd, events, count, timeout_ms ? NSEC_MAX : 0);
}

static int64_t wait_with_mask(
    int fd, uaddr_t events, int count, nsec_t deadline, uaddr_t mask, size_t size)
{
	int err = poll_mask_begin(mask, size);
	if (err)
		return err;
	int64_t result = do_wait(fd, events, count, deadline);
	if (!uaddr_is_null(mask))
		signal_mask_end(result == -EINTR);
	return result;
}

int64_t sys_epoll_pwait(
    int fd, uaddr_t events, int count, int timeout_ms, uaddr_t mask, size_t size)
{
	return wait_with_mask(fd, events, count, deadline_of(timeout_ms), mask, size);
}

int64_t sys_epoll_pwait2(
    int fd, uaddr_t events, int count, uaddr_t timeout, uaddr_t mask, size_t size)
{
	nsec_t deadline;
	int err = poll_read_timeout(timeout, false, &deadline);
	return err ? err : wait_with_mask(fd, events, count, deadline, mask, size);
}
