/* timer_create(2) and its family. The work is in kernel/process/posix_timer.c. */
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/posix_timer.h>
#include <process/process.h>

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct linux_sigevent {
	uint64_t value;
	int32_t signal, notify, tid, padding[11];
};
static_assert(sizeof(struct linux_sigevent) == 64, "Linux's ABI");

/* Clocks of used time by number: the own process's and threads' are the usual ones, others have no timers. */
static int plain_clock(int clock)
{
	enum { THREAD = 4, KIND = 3, SCHED = 2 };
	if (clock >= 0 || (clock & KIND) != SCHED)
		return clock;
	uint32_t number = ~((uint32_t)clock >> 3 | 0xe0000000u);
	bool is_thread = clock & THREAD;
	uint32_t own = is_thread ? current_task()->pid->number : current_process()->pid->number;
	if (number && number != own)
		return clock;
	return is_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID;
}

static bool is_own_thread(int tid)
{
	rcu_read_lock();
	const struct task *task = tid > 0 ? task_find_locked((uint32_t)tid) : NULL;
	bool is_own = task && task->process == current_process();
	rcu_read_unlock();
	return is_own;
}

static int read_event(struct posix_timer_request *request, uaddr_t from)
{
	struct linux_sigevent event;
	if (copy_from_user(&event, from, sizeof(event)))
		return -EFAULT;
	bool is_signal = event.signal >= 1 && event.signal <= SIGNAL_COUNT;
	request->signal = is_signal ? event.signal : SIGALRM;
	request->value = event.value;
	request->target = POSIX_TIMER_PROCESS;
	switch (event.notify) {
	case SIGEV_NONE: request->target = POSIX_TIMER_SILENT; return 0;
	case SIGEV_THREAD_ID:
		if (!is_own_thread(event.tid))
			return -EINVAL;
		request->target = POSIX_TIMER_THREAD;
		request->tid = (uint32_t)event.tid;
		FALLTHROUGH;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: return is_signal ? 0 : -EINVAL;
	default: return -EINVAL;
	}
}

int64_t sys_timer_create(int clock, uaddr_t event, uaddr_t id_at)
{
	struct posix_timer_request request = {.clock = plain_clock(clock),
	    .target = POSIX_TIMER_PROCESS,
	    .signal = SIGALRM,
	    .value_is_id = uaddr_is_null(event)};
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
	    clock == CLOCK_REALTIME_COARSE)
		return -EOPNOTSUPP;
	if (!posix_timer_clock_ok(request.clock))
		return -EINVAL;
	int err = uaddr_is_null(event) ? 0 : read_event(&request, event);
	if (err)
		return err;
	int id = posix_timer_create(&request);
	if (id < 0 || !put_user_u32(id_at, (uint32_t)id))
		return min(id, 0);
	int ignored = posix_timer_delete(id); /* another thread may have guessed it */
	(void)ignored;
	return -EFAULT;
}

int64_t sys_timer_settime(int id, unsigned flags, uaddr_t new_at, uaddr_t old_at)
{
	struct signal_interval new, old;
	if (uaddr_is_null(new_at))
		return -EINVAL;
	int err = read_itimerspec(new_at, &new.left, &new.interval);
	if (!err)
		err = posix_timer_set(id, flags & TIMER_ABSTIME, new, &old);
	return err || uaddr_is_null(old_at) ? err : put_itimerspec(old_at, old.left, old.interval);
}

int64_t sys_timer_gettime(int id, uaddr_t to)
{
	struct signal_interval value;
	int err = posix_timer_get(id, &value);
	return err ? err : put_itimerspec(to, value.left, value.interval);
}

int64_t sys_timer_getoverrun(int id)
{
	return posix_timer_overrun(id);
}

int64_t sys_timer_delete(int id)
{
	return posix_timer_delete(id);
}
