/*
 * What the scheduler's decisions are made of: lengths of time, the three queues, weights. Pure: no run queue, no clock, no
 * processor. All times are TSC ticks, so that the hot paths convert nothing.
 */
#pragma once

#include <sched/thread.h>

/* The levels that a fair thread can wait at, best first: the three queues, and below them the idle priority. */
enum level {
	LEVEL_HOT = QUEUE_HOT,
	LEVEL_NORMAL = QUEUE_NORMAL,
	LEVEL_COLD = QUEUE_COLD,
	LEVEL_IDLE,
	LEVEL_COUNT,
};

#define RT_PRIORITY_MAX 99

/* Lengths of time; policy.c gives them in microseconds, with the reasons. */
struct policy_ticks {
	uint64_t burst_limit[QUEUE_COUNT]; /* a longer burst belongs into the next queue */
	uint64_t ema_max;
	uint64_t slice[LEVEL_COUNT];
	uint64_t slice_rt;
	uint64_t slice_overdue;
	uint64_t overdue_age;
	uint64_t rt_gap;
	uint64_t wake_credit;
	uint64_t preempt_margin;
	uint64_t warm;
	uint64_t timer_slack;
};
extern struct policy_ticks policy_ticks;

void policy_set_clock(uint64_t tsc_hz);

static inline bool policy_is_rt(const struct thread *thread)
{
	return thread->rt_priority != 0;
}

/* Of a fair thread. */
static inline enum level policy_level(const struct thread *thread)
{
	return thread->priority == PRIORITY_IDLE ? LEVEL_IDLE : (enum level)thread->queue;
}

/* The weight of a priority, as vruntime per tick in 1/1024: normal runs by the clock, high at half its speed. */
uint32_t policy_vruntime_rate(enum thread_priority priority);

/* A thread's first guess, until it has shown what it is. */
void policy_init_thread(struct thread *thread);
/* Before it starts: it goes on with the burst of its parent, which has run `burst` ticks. */
void policy_inherit(struct thread *thread, const struct thread *parent, uint64_t burst);
/* It blocks: its burst is complete and enters the average, which decides its queue. */
void policy_end_burst(struct thread *thread);
/* It has run on past its queue's limit: it sinks at once, without waiting for the burst to end. */
void policy_sink(struct thread *thread);

/* Notes the time that the running thread has used up to `now`; returns it. */
static ALWAYS_INLINE uint64_t policy_account(struct thread *thread, uint64_t now)
{
	uint64_t ticks = now - thread->burst_start;
	thread->burst_start = now;
	thread->run_ticks += ticks;
	thread->vruntime += ticks * thread->vruntime_rate >> 10;
	thread->burst_ticks += ticks;
	if (unlikely(thread->burst_ticks > thread->burst_limit))
		policy_sink(thread);
	return ticks;
}
