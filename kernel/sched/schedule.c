/*
 * Switching from thread to thread on one CPU.
 *
 * The lock of the run queue is taken by the thread that leaves and released by the one that comes. So nobody who holds the lock
 * ever sees a thread that is neither running nor completely saved, and a thread can be given to another CPU the moment
 * the lock is free. What a thread cannot do for itself while it leaves (move elsewhere, end), the next one does for
 * it: enum thread_aftermath.
 *
 * There is no tick. A turn gets an end (slice_end) only when somebody waits, and the timer is armed only when that end comes
 * before what it is armed for already: CPUs that switch often do not touch the timer at all.
 */
#include "sched_impl.h"
#include <arch/smp.h>
#include <arch/user.h>
#include <log/assert.h>
#include <time/clock.h>

PER_CPU(struct run_queue, run_queue);
PER_CPU(struct thread *, current_thread_ptr);

void schedule_arm_slice(struct run_queue *rq)
{
	if (rq->slice_end >= rq->timer_at)
		return;
	uint64_t now = cpu_timestamp();
	uint64_t ticks = rq->slice_end > now ? rq->slice_end - now : 0;
	rq->timer_at = rq->slice_end;
	rq->stats.timer_arms++;
	timer_arm(&rq->slice_timer, uptime_ns() + tsc_to_ns(ticks));
}

/* The timer may come for a turn that has ended long ago: it was not worth re-arming then. */
static void slice_timer_fired(struct timer *timer)
{
	struct run_queue *rq = container_of(timer, struct run_queue, slice_timer);
	rq->timer_at = UINT64_MAX;
	if (rq->slice_end == UINT64_MAX)
		return;
	if (cpu_timestamp() + policy_ticks.timer_slack < rq->slice_end) {
		schedule_arm_slice(rq);
		return;
	}
	rq->slice_expired = true;
	this_cpu_write(need_resched, true);
}

static ALWAYS_INLINE void set_slice(struct run_queue *rq, uint64_t now, uint64_t slice)
{
	rq->slice_end = rq->ready_count ? now + slice : UINT64_MAX;
}

static NOINLINE void finish_aftermath(struct run_queue *rq, struct thread *prev)
{
	preempt_disable();
	if (prev->aftermath == AFTER_MOVE) {
		prev->aftermath = AFTER_NOTHING;
		place_thread(rq, prev);
	} else {
		run_queue_unlock(rq);
		thread_finish_exit(prev);
	}
	preempt_enable_no_resched();
	/* Somebody better may have become ready just now; interrupts are off, so have one come when they are on. The idle
	 * loop looks by itself. */
	if (this_cpu_read(need_resched) && !current_thread()->is_idle)
		smp_send_ipi(this_cpu(), IPI_RESCHEDULE);
}

/* Runs on the new stack. The CPU may be another than when this thread left: everything is read afresh. */
static ALWAYS_INLINE void finish_switch(struct context *previous)
{
	struct run_queue *rq = this_cpu_ptr(run_queue);
	struct thread *prev = container_of(previous, struct thread, context);
	if (unlikely(prev->aftermath))
		finish_aftermath(rq, prev);
	else
		run_queue_unlock(rq);
	if (unlikely(rq->slice_end < rq->timer_at))
		schedule_arm_slice(rq);
}

static ALWAYS_INLINE void switch_to(
    struct run_queue *rq, struct thread *prev, struct thread *next, uint64_t now)
{
	next->state = THREAD_RUNNING;
	next->burst_start = now;
	next->switches++;
	rq->stats.switches++;
	rq->current = next;
	this_cpu_write(current_thread_ptr, next);
	quiescent_pass();
	if (prev->user || next->user)
		sched_switch_user(prev, next);
	finish_switch(context_switch(&prev->context, &next->context));
}

void schedule_finish_first(struct context *previous)
{
	finish_switch(previous);
}

/* Its affinity may have changed while it ran. */
static bool may_stay(const struct run_queue *rq, const struct thread *thread)
{
	return thread->affinity & cpumask_of(rq->cpu);
}

/* The thread stays ready: in this queue, or in another's if it may not stay. */
static void put_back(struct run_queue *rq, struct thread *prev, uint64_t now, enum enqueue how)
{
	if (likely(may_stay(rq, prev))) {
		run_queue_enqueue(rq, prev, now, how);
		return;
	}
	prev->state = THREAD_MOVING;
	prev->enqueued_at = now;
	prev->aftermath = AFTER_MOVE;
}

static void leave_blocked(struct run_queue *rq, struct thread *prev, uint64_t now)
{
	run_queue_note_block(rq, now);
	policy_end_burst(prev);
	prev->blocks++;
	prev->state = THREAD_BLOCKED;
}

/* Puts prev where it belongs (preempted after `ran` ticks), and takes out whom the CPU goes to. */
static struct thread *exchange_slowly(
    struct run_queue *rq, struct thread *prev, enum leave why, uint64_t ran, uint64_t now)
{
	struct thread *next;
	switch (why) {
	case LEAVE_PREEMPTED:
		if (prev->is_idle) {
			prev->state =
			    THREAD_READY; /* but in no queue: it runs when that is empty */
			break;
		}
		rq->stats.preemptions++;
		put_back(rq, prev, now, run_queue_after_turn(rq, prev, ran, now));
		break;
	case LEAVE_YIELDED:
		if (!policy_is_rt(prev) && may_stay(rq, prev))
			return run_queue_yield(rq, prev, now);
		put_back(rq, prev, now, ENQUEUE_BACK);
		break;
	case LEAVE_BLOCKED: leave_blocked(rq, prev, now); break;
	case LEAVE_EXITED:
		prev->state = THREAD_TERMINATED;
		prev->aftermath = AFTER_EXIT;
		break;
	}
	next = run_queue_pick(rq, now);
	return next ? next : rq->idle;
}

/* With the run queue locked; on return it is not. */
static void schedule_locked(
    struct run_queue *rq, struct thread *prev, enum leave why, uint64_t ran, uint64_t now)
{
	this_cpu_write(need_resched, false);
	rq->slice_expired = false;
	struct thread *next = exchange_slowly(rq, prev, why, ran, now);
	set_slice(rq, now, rq->slice);
	if (likely(next != prev)) {
		atomic_store(&rq->current_rt, next->rt_priority);
		atomic_store(&rq->is_idle, next->is_idle);
		switch_to(rq, prev, next, now);
		return;
	}
	prev->state = THREAD_RUNNING;
	quiescent_pass();
	run_queue_unlock(rq);
	schedule_arm_slice(rq);
}

void schedule(enum leave why)
{
	assert_irqs_off();
	struct run_queue *rq = this_cpu_ptr(run_queue);
	struct thread *prev = current_thread();

	run_queue_lock(rq);
	if (why == LEAVE_BLOCKED && !prev->is_waiting) {
		run_queue_unlock(rq);
		return;
	}
	uint64_t now = cpu_timestamp();
	schedule_locked(rq, prev, why, policy_account(prev, now), now);
}

static ALWAYS_INLINE void yield_to_others(void)
{
	irq_disable();
	struct run_queue *rq = this_cpu_ptr(run_queue);
	struct thread *prev = current_thread();
	uint64_t now = cpu_timestamp();

	run_queue_lock(rq);
	policy_account(prev, now);
	struct thread *next = run_queue_exchange(rq, prev, now);
	if (likely(next))
		switch_to(rq, prev, next, now);
	else
		schedule_locked(rq, prev, LEAVE_YIELDED, 0, now);
	irq_enable();
}

void sched_yield(void)
{
	assert_may_sleep();
	if (likely(this_cpu_peek(run_queue.ready_count))) {
		yield_to_others();
		return;
	}
	preempt_disable();
	quiescent_pass();
	preempt_enable();
}

void sched_preempt(void)
{
	if (!irqs_are_off()) {
		irq_disable();
		while (this_cpu_read(need_resched) && !this_cpu_read(preempt_count)) {
			schedule(LEAVE_PREEMPTED);
			irq_enable();
			irq_disable();
		}
		irq_enable();
	} else if (!in_interrupt() && !current_thread()->is_idle) {
		/* Not now, and nobody looks when interrupts come on again: have one come then. */
		smp_send_ipi(this_cpu(), IPI_RESCHEDULE);
	}
}

void sched_preempt_irq(void)
{
	struct run_queue *rq = this_cpu_ptr(run_queue);
	/* The idle loop looks for itself, on its own stack frame. */
	if (current_thread()->is_idle)
		return;
	if (rq->slice_expired)
		balance_push(rq);
	schedule(LEAVE_PREEMPTED);
}

void schedule_kick(unsigned cpu)
{
	bool *flag = per_cpu_ptr(need_resched, cpu);
	if (cpu == this_cpu()) {
		*flag = true;
	} else if (!atomic_load(flag)) {
		atomic_store(flag, true);
		smp_send_ipi(cpu, IPI_RESCHEDULE);
	}
}

void schedule_init_cpu(unsigned cpu, struct thread *idle, struct thread *current)
{
	struct run_queue *rq = run_queue_of(cpu);
	run_queue_init(rq, cpu);
	timer_init(&rq->slice_timer, slice_timer_fired);
	rq->idle = idle;
	rq->current = current;
	rq->is_idle = current == idle;
	this_cpu_write(current_thread_ptr, current);
}
