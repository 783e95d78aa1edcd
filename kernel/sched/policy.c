/*
 * The scheduler's numbers, and how a thread moves between the queues.
 *
 * A burst is what a thread runs between two times that it blocks. The average of its bursts says what kind of thread it
 * is: one that answers (hot), one that works now and then (normal), one that computes (cold).
 */
#include "policy.h"

struct policy_ticks policy_ticks;

/* SPEC: hot below 1 ms, cold above 10 ms. */
#define HOT_LIMIT_US    1000
#define NORMAL_LIMIT_US 10000

/* The average is not told more than this, so that a thread which computed for an hour needs 3 short bursts to be
 * normal and 11 to be hot, not thousands. */
#define EMA_MAX_US 20000

/* A hot thread that uses its slice up is no longer hot; computing threads switch rarely. */
static const unsigned slice_us[LEVEL_COUNT] = {1000, 3000, 10000, 10000};
#define SLICE_RT_US 10000

/*
 * Nobody starves. A fair thread that has waited for OVERDUE_AGE_US takes every second turn, of SLICE_OVERDUE_US; the
 * turns between are as short. Over real-time threads it takes one turn each RT_GAP_US: 5 % at most.
 */
#define OVERDUE_AGE_US   50000
#define SLICE_OVERDUE_US 1000
#define RT_GAP_US        20000

/* How far behind the queue's clock a sleeper may come back: enough to run soon, too little to hoard. */
#define WAKE_CREDIT_US 1000
/* A woken thread takes the CPU from one of the same queue when it is this far behind it: less is not worth a switch. */
#define PREEMPT_MARGIN_US 500
/* Since it last ran: its data is likely still in the caches of that CPU. */
#define WARM_US 200
/* A slice that is over but for this is over. */
#define TIMER_SLACK_US 10

void policy_set_clock(uint64_t tsc_hz)
{
	uint64_t us = max(tsc_hz / 1000000, (uint64_t)1);
	policy_ticks = (struct policy_ticks){
	    .burst_limit = {HOT_LIMIT_US * us, NORMAL_LIMIT_US * us, UINT64_MAX},
	    .ema_max = EMA_MAX_US * us,
	    .slice_rt = SLICE_RT_US * us,
	    .slice_overdue = SLICE_OVERDUE_US * us,
	    .overdue_age = OVERDUE_AGE_US * us,
	    .rt_gap = RT_GAP_US * us,
	    .wake_credit = WAKE_CREDIT_US * us,
	    .preempt_margin = PREEMPT_MARGIN_US * us,
	    .warm = WARM_US * us,
	    .timer_slack = TIMER_SLACK_US * us,
	};
	for (unsigned level = 0; level < LEVEL_COUNT; level++)
		policy_ticks.slice[level] = slice_us[level] * us;
}

uint32_t policy_vruntime_rate(enum thread_priority priority)
{
	static const uint32_t rates[] = {
	    [PRIORITY_IDLE] = 1024,
	    [PRIORITY_LOW] = 2048,
	    [PRIORITY_NORMAL] = 1024,
	    [PRIORITY_HIGH] = 512,
	    [PRIORITY_REALTIME] = 1024,
	};
	return rates[priority];
}

static void set_queue(struct thread *thread, enum sched_queue queue)
{
	if (thread->queue != queue)
		thread->vruntime_of = NULL;
	thread->queue = (uint8_t)queue;
	thread->burst_limit = policy_ticks.burst_limit[queue];
}

void policy_init_thread(struct thread *thread)
{
	thread->ema_ticks = policy_ticks.burst_limit[QUEUE_HOT];
	set_queue(thread, QUEUE_NORMAL);
	thread->vruntime_rate = policy_vruntime_rate(thread->priority);
}

/* A newcomer with a fresh start would come before all who compute: whoever forks without end would keep the processor. */
void policy_inherit(struct thread *thread, const struct thread *parent, uint64_t burst)
{
	thread->burst_ticks = burst;
	set_queue(thread, parent->queue == QUEUE_COLD ? QUEUE_COLD : QUEUE_NORMAL);
	if (burst > thread->burst_limit)
		policy_sink(thread);
}

void policy_end_burst(struct thread *thread)
{
	uint64_t burst = min(thread->burst_ticks, policy_ticks.ema_max);
	thread->ema_ticks = (3 * thread->ema_ticks + burst) / 4;
	thread->burst_ticks = 0;

	enum sched_queue queue = QUEUE_HOT;
	while (thread->ema_ticks >= policy_ticks.burst_limit[queue])
		queue++;
	set_queue(thread, queue);
}

void policy_sink(struct thread *thread)
{
	enum sched_queue queue = thread->queue;
	while (thread->burst_ticks > policy_ticks.burst_limit[queue])
		queue++;
	set_queue(thread, queue);
}
