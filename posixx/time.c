/* Clocks, and sleeping on them. */
#include <abi/linux/process.h>
#include <event/timerfd.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/posix_timer.h>
#include <process/process.h>
#include <time/discipline.h>

/* Clocks of other processes and threads: the number's complement above three bits. */
#define CPU_CLOCK_OF_THREAD 4
#define CPU_CLOCK_KIND      3
#define CPU_CLOCK_KIND_FD   3

#define CLOCK_STEP_NS    1
#define CPU_SLEEP_MIN_NS NSEC_PER_MSEC

/* A clock that names a process or thread by number, in the manner of clock_getcpuclockid(3). */
static int read_cpu_clock(int clock, nsec_t *ns)
{
	uint32_t number = ~((uint32_t)clock >> 3 | 0xe0000000u);
	if ((clock & CPU_CLOCK_KIND) == CPU_CLOCK_KIND_FD)
		return -EINVAL;
	int err = -EINVAL;
	if (clock & CPU_CLOCK_OF_THREAD) {
		spin_lock(&process_tree_lock);
		rcu_read_lock();
		const struct task *task = number ? task_find_locked(number) : current_task();
		if (task && task->process == current_process()) {
			*ns = task_cpu_ns(task);
			err = 0;
		}
		rcu_read_unlock();
		spin_unlock(&process_tree_lock);
		return err;
	}
	struct process *process = process_find(number ? number : current_process()->pid->number);
	if (!process)
		return -EINVAL;
	*ns = process_cpu_ns(process);
	process_put(process);
	return 0;
}

static NOINLINE int read_other_clock(int clock, nsec_t *ns)
{
	switch (clock) {
	case CLOCK_PROCESS_CPUTIME_ID: *ns = process_cpu_ns(current_process()); return 0;
	case CLOCK_THREAD_CPUTIME_ID: *ns = task_cpu_ns(current_task()); return 0;
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: *ns = unix_time_ns(); return 0;
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: *ns = uptime_ns(); return 0;
	default: return clock < 0 ? read_cpu_clock(clock, ns) : -EINVAL;
	}
}

static int read_clock(int clock, nsec_t *ns)
{
	switch (clock) {
	case CLOCK_MONOTONIC: *ns = uptime_ns(); return 0;
	case CLOCK_REALTIME: *ns = unix_time_ns(); return 0;
	default: return read_other_clock(clock, ns);
	}
}

static NOINLINE int64_t put_other_clock(int clock, uaddr_t to)
{
	nsec_t ns;
	int err = read_other_clock(clock, &ns);
	if (err)
		return err;
	struct linux_timespec time = timespec_of_ns(ns);
	return copy_to_user(to, &time, sizeof(time));
}

static NOINLINE int64_t put_new_second(enum clock_scale scale, nsec_t now, uaddr_t to)
{
	clock_begin_second(scale, now);
	struct linux_timespec time = timespec_of_ns(now);
	return copy_to_user(to, &time, sizeof(time));
}

static ALWAYS_INLINE int64_t put_time(enum clock_scale scale, nsec_t now, uaddr_t to)
{
	uint64_t second;
	if (unlikely(!clock_guess_second(scale, now, &second)))
		return put_new_second(scale, now, to);
	struct linux_timespec time = {(int64_t)second, (int64_t)(now - second * NSEC_PER_SEC)};
	return copy_to_user(to, &time, sizeof(time));
}

int64_t sys_clock_gettime(int clock, uaddr_t to)
{
	if (likely(clock == CLOCK_MONOTONIC))
		return put_time(CLOCK_SCALE_UPTIME, uptime_ns(), to);
	if (clock == CLOCK_REALTIME)
		return put_time(CLOCK_SCALE_UNIX, unix_time_ns(), to);
	return put_other_clock(clock, to);
}

void wall_clock_was_set(void)
{
	discipline_clear();
	posix_timers_follow_clock();
	timerfds_follow_clock();
}

/* It may not be set to before the machine was started. */
static int set_wall_clock(nsec_t ns)
{
	if (ns < uptime_ns() || ns > INT64_MAX)
		return -EINVAL;
	if (!has_power(POWER_SYS_TIME))
		return -EPERM;
	clock_set_unix_time(ns);
	wall_clock_was_set();
	return 0;
}

int64_t sys_clock_settime(int clock, uaddr_t from)
{
	nsec_t ns;
	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	int err = read_timespec(from, &ns);
	return err ? err : set_wall_clock(ns);
}

int64_t sys_clock_getres(int clock, uaddr_t to)
{
	nsec_t ns;
	int err = read_clock(clock, &ns);
	if (err)
		return err;
	struct linux_timespec step = timespec_of_ns(CLOCK_STEP_NS);
	return uaddr_is_null(to) ? 0 : copy_to_user(to, &step, sizeof(step));
}

int64_t sys_gettimeofday(uaddr_t tv, uaddr_t tz)
{
	nsec_t ns = unix_time_ns();
	clock_begin_second(CLOCK_SCALE_UNIX, ns);
	struct linux_timeval now = timeval_of_ns(ns);
	if (!uaddr_is_null(tv) && copy_to_user(tv, &now, sizeof(now)))
		return -EFAULT;
	return uaddr_is_null(tz) ? 0 : put_user_u64(tz, 0);
}

/* There is no time zone to set: the clock is UTC. */
int64_t sys_settimeofday(uaddr_t tv, uaddr_t tz)
{
	struct linux_timeval time;
	uint64_t zone;
	nsec_t ns = 0;
	if (!uaddr_is_null(tv)) {
		if (copy_from_user(&time, tv, sizeof(time)))
			return -EFAULT;
		if (ns_of_timeval(&time, &ns))
			return -EINVAL;
	}
	if (!uaddr_is_null(tz) && get_user_u64(&zone, tz))
		return -EFAULT;
	if (!has_power(POWER_SYS_TIME))
		return -EPERM;
	return uaddr_is_null(tv) ? 0 : set_wall_clock(ns);
}

int64_t sys_time(uaddr_t to)
{
	int64_t now = (int64_t)clock_begin_second(CLOCK_SCALE_UNIX, unix_time_ns());
	if (!uaddr_is_null(to) && put_user_u64(to, (uint64_t)now))
		return -EFAULT;
	return now;
}

/* 0: the deadline has passed; -EINTR: a signal came first. */
static int sleep_until(nsec_t deadline)
{
	for (;;) {
		thread_prepare_to_block();
		if (uptime_ns() >= deadline || signal_is_pending())
			break;
		int ignored = thread_block(deadline);
		(void)ignored;
	}
	thread_cancel_block();
	return uptime_ns() >= deadline ? 0 : -EINTR;
}

static int64_t sleep_and_tell(struct task *task)
{
	if (!sleep_until(task->restart.deadline_ns))
		return 0;
	nsec_t now = uptime_ns();
	struct linux_timespec left =
	    timespec_of_ns(task->restart.deadline_ns > now ? task->restart.deadline_ns - now : 0);
	if (!uaddr_is_null(task->restart.address) &&
	    copy_to_user(task->restart.address, &left, sizeof(left)))
		return -EFAULT;
	task->restart.fn = sleep_and_tell;
	return -ERESTART_RESTARTBLOCK;
}

static int64_t sleep_for(nsec_t duration, uaddr_t remain)
{
	struct task *task = current_task();
	task->restart.deadline_ns = deadline_after(duration);
	task->restart.address = remain;
	return sleep_and_tell(task);
}

int64_t sys_nanosleep(uaddr_t request, uaddr_t remain)
{
	nsec_t duration;
	int err = read_timespec(request, &duration);
	return err ? err : sleep_for(duration, remain);
}

/* Until the process has used that much time: another of its threads has to use it. */
static int64_t sleep_on_cpu_time(nsec_t until)
{
	for (;;) {
		nsec_t used = process_cpu_ns(current_process());
		if (used >= until)
			return 0;
		if (sleep_until(deadline_after(max(until - used, (nsec_t)CPU_SLEEP_MIN_NS))))
			return -ERESTARTNOHAND;
	}
}

int64_t sys_clock_nanosleep(int clock, unsigned flags, uaddr_t request, uaddr_t remain)
{
	nsec_t time;
	bool is_absolute = flags & TIMER_ABSTIME;
	if (clock < 0)
		return -EINVAL;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW ||
	    clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	nsec_t now;
	int err = read_clock(clock, &now);
	if (!err)
		err = read_timespec(request, &time);
	if (err)
		return err;
	if (clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_on_cpu_time(is_absolute ? time : now + time);
	if (!is_absolute)
		return sleep_for(time, remain);
	bool is_wall =
	    clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
	nsec_t deadline = is_wall ? deadline_of_wall(time) : time;
	return sleep_until(deadline) ? -ERESTARTNOHAND : 0;
}

int64_t sys_restart_syscall(void)
{
	struct task *task = current_task();
	int64_t (*fn)(struct task *) = task->restart.fn;
	return fn ? fn(task) : -EINTR;
}
