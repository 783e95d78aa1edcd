/* Interval timers: alarm(2), setitimer(2). The work is in kernel/process/signal_timer.c. */
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>

int64_t sys_alarm(unsigned seconds)
{
	struct signal_interval old = signal_set_timer(
	    SIGNAL_TIMER_REAL, (struct signal_interval){.left = seconds * NSEC_PER_SEC});
	nsec_t left = (old.left + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return (int64_t)(old.left && !left ? 1 : left);
}

struct linux_itimerval {
	struct linux_timeval interval, value;
};

static int write_itimer(uaddr_t to, struct signal_interval timer)
{
	/* Less than a microsecond is told as one: zero would mean that it is off. */
	if (timer.left && timer.left < NSEC_PER_USEC)
		timer.left = NSEC_PER_USEC;
	struct linux_itimerval value = {timeval_of_ns(timer.interval), timeval_of_ns(timer.left)};
	return copy_to_user(to, &value, sizeof(value));
}

int64_t sys_getitimer(int which, uaddr_t value)
{
	if (which < 0 || which >= SIGNAL_TIMER_COUNT)
		return -EINVAL;
	return write_itimer(value, signal_timer((enum signal_timer_kind)which));
}

int64_t sys_setitimer(int which, uaddr_t value, uaddr_t old)
{
	struct linux_itimerval user = {0};
	struct signal_interval new;
	if (!uaddr_is_null(value) && copy_from_user(&user, value, sizeof(user)))
		return -EFAULT;
	if (which < 0 || which >= SIGNAL_TIMER_COUNT || ns_of_timeval(&user.value, &new.left) ||
	    ns_of_timeval(&user.interval, &new.interval))
		return -EINVAL;
	struct signal_interval before = signal_set_timer((enum signal_timer_kind)which, new);
	return uaddr_is_null(old) ? 0 : write_itimer(old, before);
}
