/* Times as they cross the system-call boundary. */
#pragma once

#include <abi/errno.h>
#include <abi/linux/structs.h>
#include <arch/user_copy.h>
#include <time/clock.h>

/* time.c: after every change of the wall clock. Corrections under way end, and timers by that clock are set anew. */
void wall_clock_was_set(void);

/* How timers are set and read: `value` is when one expires next, `interval` how often after that (0: not again). */
struct linux_itimerspec {
	struct linux_timespec interval, value;
};

static inline struct linux_timespec timespec_of_ns(nsec_t ns)
{
	return (struct linux_timespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

static inline struct linux_timeval timeval_of_ns(nsec_t ns)
{
	return (struct linux_timeval){
	    (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

/* -EINVAL when it is not one. Far away is NSEC_MAX. */
MUST_USE static inline int ns_of_timespec(const struct linux_timespec *time, nsec_t *ns)
{
	if (time->seconds < 0 || time->nanoseconds < 0 ||
	    time->nanoseconds >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if (mul_overflows((nsec_t)time->seconds, NSEC_PER_SEC, ns) ||
	    add_overflows(*ns, (nsec_t)time->nanoseconds, ns))
		*ns = NSEC_MAX;
	return 0;
}

MUST_USE static inline int ns_of_timeval(const struct linux_timeval *time, nsec_t *ns)
{
	if (time->seconds < 0 || time->microseconds < 0 || time->microseconds >= 1000000)
		return -EINVAL;
	if (mul_overflows((nsec_t)time->seconds, NSEC_PER_SEC, ns) ||
	    add_overflows(*ns, (nsec_t)time->microseconds * NSEC_PER_USEC, ns))
		*ns = NSEC_MAX;
	return 0;
}

/* -EFAULT or -EINVAL. */
MUST_USE static inline int read_itimerspec(uaddr_t from, nsec_t *left, nsec_t *interval)
{
	struct linux_itimerspec user;
	if (copy_from_user(&user, from, sizeof(user)))
		return -EFAULT;
	int err = ns_of_timespec(&user.value, left);
	return err ? err : ns_of_timespec(&user.interval, interval);
}

MUST_USE static inline int put_itimerspec(uaddr_t to, nsec_t left, nsec_t interval)
{
	struct linux_itimerspec user = {timespec_of_ns(interval), timespec_of_ns(left)};
	return copy_to_user(to, &user, sizeof(user));
}

/* From user memory: -EFAULT or -EINVAL. */
MUST_USE static inline int read_timespec(uaddr_t from, nsec_t *ns)
{
	struct linux_timespec time;
	return copy_from_user(&time, from, sizeof(time)) ? -EFAULT : ns_of_timespec(&time, ns);
}

/* That long from now, on the uptime clock. */
static inline nsec_t deadline_after(nsec_t duration)
{
	nsec_t deadline;
	return add_overflows(uptime_ns(), duration, &deadline) ? NSEC_MAX : deadline;
}

/* The point on the uptime clock at which the wall clock reads `wall`, as it is set now. */
static inline nsec_t deadline_of_wall(nsec_t wall)
{
	nsec_t now = unix_time_ns();
	return wall == NSEC_MAX ? NSEC_MAX : deadline_after(wall > now ? wall - now : 0);
}
