/* timerfd_create(2) and its family. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <credentials/credentials.h>
#include <event/timerfd.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>

int64_t sys_timerfd_create(int clock, unsigned flags)
{
	bool is_alarm = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
	bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (!is_alarm && !is_wall && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	/* Nothing sleeps here that it could wake. */
	if (is_alarm && !has_power(POWER_WAKE_ALARM))
		return -EPERM;
	struct object *object;
	int err = timerfd_create(clock, flags, &object);
	if (err)
		return err;
	return cap_install_new(object, O_RDWR, flags & O_CLOEXEC ? CAP_CLOEXEC : 0);
}

static struct cap_ref timer_of_fd(int fd)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_READ);
	if (!ref.object || object_is_timerfd(ref.object))
		return ref;
	cap_release(ref);
	return (struct cap_ref){.err = -EINVAL};
}

int64_t sys_timerfd_settime(int fd, unsigned flags, uaddr_t new_at, uaddr_t old_at)
{
	struct timerfd_value new, old;
	int err = read_itimerspec(new_at, &new.left, &new.interval);
	if (err)
		return err;
	if (flags & ~(TIMERFD_ABSOLUTE | TIMERFD_CANCEL_ON_SET))
		return -EINVAL;
	struct cap_ref ref = timer_of_fd(fd);
	if (!ref.object)
		return ref.err;
	err = timerfd_set(ref.object, flags, new, &old);
	cap_release(ref);
	if (!err && !uaddr_is_null(old_at))
		err = put_itimerspec(old_at, old.left, old.interval);
	return err;
}

int64_t sys_timerfd_gettime(int fd, uaddr_t to)
{
	struct cap_ref ref = timer_of_fd(fd);
	if (!ref.object)
		return ref.err;
	struct timerfd_value value = timerfd_get(ref.object);
	cap_release(ref);
	return put_itimerspec(to, value.left, value.interval);
}
