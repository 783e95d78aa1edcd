/* The timers of timer_create(2): see <process/posix_timer.h>. */
#include "process_impl.h"

#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <mm/slab.h>
#include <process/posix_timer.h>
#include <time/clock.h>

#define CPU_STEP_NS     NSEC_PER_MSEC /* how often a clock of used time is looked at, at most */
#define IGNORED_STEP_NS NSEC_PER_MSEC /* how often a timer fires whose signal is ignored, at most */

struct posix_timer {
	struct list link;
	struct timer timer;
	struct process *process; /* I */
	uint32_t thread;         /* I: which one's time it counts, on CLOCK_THREAD_CPUTIME_ID */
	struct posix_timer_request request; /* I */
	int id;                             /* I */
	bool is_absolute;
	nsec_t deadline, interval; /* on its clock; 0: off */
	int overrun;               /* of the signal taken last */
	/* Of its own, because it may wait longer than the timer lives. */
	struct signal_message *message;
};

bool posix_timer_clock_ok(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_BOOTTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
	case CLOCK_TAI: return true;
	default: return false;
	}
}

static bool is_wall(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static bool counts_cpu_time(int clock)
{
	return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

static nsec_t thread_time(const struct posix_timer *timer)
{
	const struct task *task;
	list_for_each(task, &timer->process->tasks, link)
		if (task->pid->number == timer->thread)
			return task_cpu_ns(task);
	return 0; /* it is gone, and its time stands still */
}

static nsec_t time_of(const struct posix_timer *timer)
{
	if (is_wall(timer->request.clock))
		return unix_time_ns();
	if (timer->request.clock == CLOCK_THREAD_CPUTIME_ID)
		return thread_time(timer);
	if (timer->request.clock != CLOCK_PROCESS_CPUTIME_ID)
		return uptime_ns();
	struct process_usage usage = process_usage_locked(timer->process);
	return usage.time.user_ns + usage.time.system_ns;
}

/* Not before `earliest` on the uptime clock. */
static void arm(struct posix_timer *timer, nsec_t now, nsec_t earliest)
{
	if (timer->request.target == POSIX_TIMER_SILENT)
		return; /* who asks is told */
	nsec_t left = timer->deadline > now ? timer->deadline - now : 0, when;
	if (counts_cpu_time(timer->request.clock))
		left = max(left / max(atomic_load(&timer->process->task_count), 1u), CPU_STEP_NS);
	if (add_overflows(uptime_ns(), left, &when))
		when = NSEC_MAX;
	timer_arm(&timer->timer, max(when, earliest));
}

/* Moves the deadline behind now; how often it was passed. */
static int advance(struct posix_timer *timer, nsec_t now)
{
	if (!timer->interval || timer->deadline > now)
		return 0;
	nsec_t passed = (now - timer->deadline) / timer->interval + 1, way;
	if (mul_overflows(passed, timer->interval, &way) ||
	    add_overflows(timer->deadline, way, &timer->deadline))
		timer->deadline = NSEC_MAX;
	return (int)min(passed, (nsec_t)INT32_MAX);
}

/* The signal is being taken, or dropped: info NULL. Lock held. */
static void message_taken(struct signal_message *message, struct signal_info *info)
{
	struct posix_timer *timer = message->sender;
	timer->overrun = 0;
	if (timer->deadline && timer->interval) {
		nsec_t now = time_of(timer);
		timer->overrun = advance(timer, now);
		arm(timer, now, info ? 0 : uptime_ns() + IGNORED_STEP_NS);
	}
	if (info)
		info->overrun = timer->overrun;
}

/* The thread that the signal is for, or NULL. Under rcu_read_lock. */
static struct task *target_of(const struct posix_timer *timer)
{
	struct task *task = task_find_locked(timer->request.tid);
	return task && task->process == timer->process ? task : NULL;
}

static void send(struct posix_timer *timer)
{
	if (timer->request.target == POSIX_TIMER_PROCESS) {
		signal_send_message(timer->process, timer->message);
		return;
	}
	rcu_read_lock();
	struct task *task = target_of(timer);
	if (task)
		signal_send_message_to(task, timer->message);
	rcu_read_unlock();
}

/* Interrupt context. */
static void timer_fired(struct timer *expired)
{
	struct posix_timer *timer = container_of(expired, struct posix_timer, timer);
	struct spinlock *lock = &timer->process->signals.lock;
	irq_flags_t flags = spin_lock_irqsave(lock);
	nsec_t now = time_of(timer);
	bool is_due = timer->deadline && timer->deadline <= now;
	if (timer->deadline && !is_due)
		arm(timer, now, 0);
	bool is_waiting = timer->message->is_queued;
	if (is_due && !is_waiting)
		timer->deadline = timer->interval ? timer->deadline + timer->interval : 0;
	spin_unlock_irqrestore(lock, flags);
	if (!is_due || is_waiting)
		return; /* when the signal is taken, the rest is counted */
	send(timer);
	flags = spin_lock_irqsave(lock);
	/* Nobody takes what is ignored. */
	if (timer->deadline && !timer->message->is_queued)
		message_taken(timer->message, NULL);
	spin_unlock_irqrestore(lock, flags);
}

static struct posix_timer *find_locked(const struct process *process, int id)
{
	struct posix_timer *timer;
	list_for_each(timer, &process->signals.posix_timers, link)
		if (timer->id == id)
			return timer;
	return NULL;
}

static struct posix_timer *new_timer(const struct posix_timer_request *request)
{
	struct posix_timer *timer = kzalloc(sizeof(*timer));
	if (!timer)
		return NULL;
	timer->message = kzalloc(sizeof(*timer->message));
	if (!timer->message) {
		kfree(timer);
		return NULL;
	}
	timer_init(&timer->timer, timer_fired);
	timer->process = current_process();
	timer->thread = current_task()->pid->number;
	timer->request = *request;
	timer->message->info = (struct signal_info){
	    .signal = request->signal, .code = SI_TIMER, .value = request->value};
	timer->message->is_static = true;
	timer->message->taken = message_taken;
	timer->message->sender = timer;
	return timer;
}

int posix_timer_create(const struct posix_timer_request *request)
{
	struct process *process = current_process();
	struct signal_state *state = &process->signals;
	struct posix_timer *timer = new_timer(request);
	if (!timer)
		return -EAGAIN;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	int id = -EAGAIN;
	if (state->posix_timer_count < process_limit(process, RLIMIT_SIGPENDING)) {
		do {
			id = state->next_posix_timer;
			state->next_posix_timer = id == INT32_MAX ? 0 : id + 1;
		} while (find_locked(process, id));
		timer->id = timer->message->info.timer_id = id;
		if (request->value_is_id)
			timer->message->info.value = (uint32_t)id;
		state->posix_timer_count++;
		list_push_back(&state->posix_timers, &timer->link);
	}
	spin_unlock_irqrestore(&state->lock, flags);
	if (id < 0) {
		kfree(timer->message);
		kfree(timer);
	}
	return id;
}

static struct signal_interval look(const struct posix_timer *timer, nsec_t now)
{
	struct signal_interval value = {.interval = timer->interval};
	if (!timer->deadline)
		return value;
	if (timer->deadline > now)
		value.left = timer->deadline - now;
	else if (timer->interval)
		value.left = timer->interval - (now - timer->deadline) % timer->interval;
	else
		/* About to fire is not told as zero, which would mean off. */
		value.left = timer->request.target != POSIX_TIMER_SILENT;
	return value;
}

int posix_timer_set(
    int id, bool absolute, struct signal_interval value, struct signal_interval *old)
{
	struct spinlock *lock = &current_process()->signals.lock;
	irq_flags_t flags = spin_lock_irqsave(lock);
	struct posix_timer *timer = find_locked(current_process(), id);
	if (timer) {
		nsec_t now = time_of(timer);
		*old = look(timer, now);
		timer->interval = value.interval;
		timer->is_absolute = absolute;
		timer->deadline = 0;
		if (!value.left)
			timer_cancel(&timer->timer);
		else if (absolute)
			timer->deadline = value.left;
		else if (add_overflows(now, value.left, &timer->deadline))
			timer->deadline = NSEC_MAX;
		if (timer->deadline)
			arm(timer, now, 0);
	}
	spin_unlock_irqrestore(lock, flags);
	return timer ? 0 : -EINVAL;
}

int posix_timer_get(int id, struct signal_interval *value)
{
	struct spinlock *lock = &current_process()->signals.lock;
	irq_flags_t flags = spin_lock_irqsave(lock);
	const struct posix_timer *timer = find_locked(current_process(), id);
	if (timer)
		*value = look(timer, time_of(timer));
	spin_unlock_irqrestore(lock, flags);
	return timer ? 0 : -EINVAL;
}

int posix_timer_overrun(int id)
{
	struct spinlock *lock = &current_process()->signals.lock;
	irq_flags_t flags = spin_lock_irqsave(lock);
	const struct posix_timer *timer = find_locked(current_process(), id);
	int overrun = timer ? timer->overrun : -EINVAL;
	spin_unlock_irqrestore(lock, flags);
	return overrun;
}

/* Off the list already, and off. */
static void free_timer(struct posix_timer *timer)
{
	struct signal_state *state = &timer->process->signals;
	timer_cancel_sync(&timer->timer);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	struct signal_message *message = timer->message;
	message->taken = NULL;
	if (message->is_queued) {
		/* What was sent stays sent; who takes it frees it. */
		message->is_static = false;
		message = NULL;
	}
	spin_unlock_irqrestore(&state->lock, flags);
	kfree(message);
	kfree(timer);
}

/* Lock held. */
static void unlink_locked(struct signal_state *state, struct posix_timer *timer)
{
	list_remove(&timer->link);
	state->posix_timer_count--;
	timer->deadline = 0; /* its handler does not arm it again */
}

int posix_timer_delete(int id)
{
	struct signal_state *state = &current_process()->signals;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	struct posix_timer *timer = find_locked(current_process(), id);
	if (timer)
		unlink_locked(state, timer);
	spin_unlock_irqrestore(&state->lock, flags);
	if (!timer)
		return -EINVAL;
	free_timer(timer);
	return 0;
}

void posix_timers_delete_all(struct process *process)
{
	struct signal_state *state = &process->signals;
	for (;;) {
		if (likely(list_is_empty(&state->posix_timers)))
			return;
		irq_flags_t flags = spin_lock_irqsave(&state->lock);
		struct posix_timer *timer = NULL;
		if (!list_is_empty(&state->posix_timers)) {
			timer = list_first(&state->posix_timers, struct posix_timer, link);
			unlink_locked(state, timer);
		}
		spin_unlock_irqrestore(&state->lock, flags);
		if (timer)
			free_timer(timer);
	}
}

static bool follow_clock(void *ctx, struct process *process)
{
	(void)ctx;
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct posix_timer *timer;
	list_for_each(timer, &process->signals.posix_timers, link) {
		bool rests = !timer->deadline || timer->message->is_queued;
		if (!is_wall(timer->request.clock) || rests)
			continue;
		nsec_t now = time_of(timer);
		arm(timer, now, 0);
	}
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return true;
}

void posix_timers_follow_clock(void)
{
	process_for_each(follow_clock, NULL);
}
