/*
 * The interval timers of a process: one by the clock (alarm, ITIMER_REAL), one by the time it has used in user mode (ITIMER_VIRTUAL), one by
 * all it has used (ITIMER_PROF). The latter two look when they may be due at the earliest, which with n threads is the
 * n-th part of what is left, and at most once a millisecond: they may be late by as much.
 */
#include "process_impl.h"

#include <abi/linux/signal.h>
#include <time/clock.h>

#define CPU_TIMER_STEP  NSEC_PER_MSEC
#define IGNORED_STEP_NS NSEC_PER_MSEC /* how often a timer fires whose signal is ignored, at most */

/* On the clock that the timer goes by. Signal lock held. */
static nsec_t time_of(const struct signal_timer *timer, struct process *process)
{
	if (timer->kind == SIGNAL_TIMER_REAL)
		return uptime_ns();
	struct process_usage usage = process_usage_locked(process);
	return usage.time.user_ns + (timer->kind == SIGNAL_TIMER_PROF ? usage.time.system_ns : 0);
}

static void arm(struct signal_timer *timer, const struct process *process, nsec_t now)
{
	if (timer->kind == SIGNAL_TIMER_REAL) {
		timer_arm(&timer->timer, timer->deadline);
		return;
	}
	nsec_t left = timer->deadline > now ? timer->deadline - now : 0;
	nsec_t wait =
		   max(left / max(atomic_load(&process->task_count), 1u), (nsec_t)CPU_TIMER_STEP),
	       when;
	timer_arm(&timer->timer, add_overflows(uptime_ns(), wait, &when) ? NSEC_MAX : when);
}

/*
 * The signal of the timer by the clock has been taken, or dropped: info NULL. Only now does the time run again, so that however short the interval
 * is, the program that is to take the signals gets to do so. Lock held.
 */
static void message_taken(struct signal_message *message, struct signal_info *info)
{
	struct signal_timer *timer = message->sender;
	if (!timer->deadline || !timer->interval)
		return;
	nsec_t now = uptime_ns(), earliest = info ? now : now + IGNORED_STEP_NS;
	if (timer->deadline <= now)
		timer->deadline +=
		    ((now - timer->deadline) / timer->interval + 1) * timer->interval;
	timer_arm(&timer->timer, max(timer->deadline, earliest));
}

static void fire_by_clock(struct signal_timer *timer)
{
	struct signal_state *state = &timer->process->signals;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	bool is_due = timer->deadline && timer->deadline <= uptime_ns();
	if (!is_due && timer->deadline)
		timer_arm(&timer->timer, timer->deadline);
	if (is_due && !timer->interval)
		timer->deadline = 0;
	spin_unlock_irqrestore(&state->lock, flags);
	if (!is_due)
		return;
	signal_send_message(timer->process, &timer->message);
	flags = spin_lock_irqsave(&state->lock);
	/* Nobody takes what is ignored. */
	if (!timer->message.is_queued)
		message_taken(&timer->message, NULL);
	spin_unlock_irqrestore(&state->lock, flags);
}

/* Interrupt context. What was missed while the process had no time to look is one signal, not many. */
static void timer_fired(struct timer *expired)
{
	struct signal_timer *timer = container_of(expired, struct signal_timer, timer);
	struct process *process = timer->process;
	struct signal_state *state = &process->signals;
	if (timer->kind == SIGNAL_TIMER_REAL) {
		fire_by_clock(timer);
		return;
	}
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	nsec_t now = time_of(timer, process);
	bool is_due = timer->deadline && timer->deadline <= now;
	if (is_due && timer->interval)
		timer->deadline +=
		    ((now - timer->deadline) / timer->interval + 1) * timer->interval;
	else if (is_due)
		timer->deadline = 0;
	if (timer->deadline)
		arm(timer, process, now);
	spin_unlock_irqrestore(&state->lock, flags);
	if (is_due)
		signal_send_message(process, &timer->message);
}

void signal_timers_init(struct process *process)
{
	static const int signals[SIGNAL_TIMER_COUNT] = {SIGALRM, SIGVTALRM, SIGPROF};
	for (unsigned i = 0; i < SIGNAL_TIMER_COUNT; i++) {
		struct signal_timer *timer = &process->signals.timers[i];
		timer_init(&timer->timer, timer_fired);
		timer->kind = (enum signal_timer_kind)i;
		timer->process = process;
		timer->message.info = (struct signal_info){.signal = signals[i], .code = SI_KERNEL};
		timer->message.sender = timer;
		timer->message.taken = i == SIGNAL_TIMER_REAL ? message_taken : NULL;
	}
}

void signal_timers_cancel(struct signal_state *state)
{
	for (unsigned i = 0; i < SIGNAL_TIMER_COUNT; i++) {
		irq_flags_t flags = spin_lock_irqsave(&state->lock);
		state->timers[i].deadline = 0; /* its handler does not arm it again */
		spin_unlock_irqrestore(&state->lock, flags);
		timer_cancel_sync(&state->timers[i].timer);
	}
}

static struct signal_interval look_locked(const struct signal_timer *timer, nsec_t now)
{
	struct signal_interval value = {.interval = timer->interval};
	/* Armed is never told as zero, which would mean that it is not. */
	if (timer->deadline)
		value.left = timer->deadline > now ? timer->deadline - now : 1;
	return value;
}

struct signal_interval signal_timer(enum signal_timer_kind kind)
{
	struct process *process = current_process();
	const struct signal_timer *timer = &process->signals.timers[kind];
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct signal_interval value = look_locked(timer, time_of(timer, process));
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return value;
}

struct signal_interval signal_set_timer(enum signal_timer_kind kind, struct signal_interval value)
{
	struct process *process = current_process();
	struct signal_timer *timer = &process->signals.timers[kind];
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	nsec_t now = time_of(timer, process);
	struct signal_interval old = look_locked(timer, now);
	timer->interval = value.interval;
	timer->deadline = 0;
	if (value.left && add_overflows(now, value.left, &timer->deadline))
		timer->deadline = NSEC_MAX;
	if (value.left)
		arm(timer, process, now);
	else
		timer_cancel(&timer->timer);
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return old;
}
