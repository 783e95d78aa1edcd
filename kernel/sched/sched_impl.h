/*
 * What the files of the scheduler share.
 *
 *   policy.c       the numbers, and how a thread moves between queues; run_queue.c: the choice on one CPU. Both pure
 *   schedule.c     switching; block.c: waiting and waking; idle.c: nothing to do
 *   place.c        into which run queue a thread goes; balance.c: on which CPU
 *   thread.c       making and ending threads; attributes.c: changing how they are scheduled
 *   sched.c        the start on each CPU; load.c: load averages
 */
#pragma once

#include "run_queue.h"
#include <sync/preempt.h>

DECLARE_PER_CPU(struct run_queue, run_queue);

/* CPUs that schedule, and those of them whose idle thread is about to halt or has. Read and written atomically. */
extern cpumask_t sched_cpus;
extern cpumask_t sched_idle_cpus;

static inline struct run_queue *run_queue_of(unsigned cpu)
{
	return per_cpu_ptr(run_queue, cpu);
}

/*
 * Run queues are locked with interrupts off, always, so that nothing needs to be counted to keep preemption out. Debug builds
 * count all the same: their checks go by it.
 */
static ALWAYS_INLINE void run_queue_lock(struct run_queue *rq)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		spin_lock(&rq->lock);
	else
		spin_acquire(&rq->lock);
}

static ALWAYS_INLINE bool run_queue_try_lock(struct run_queue *rq)
{
	return IS_ENABLED(CONFIG_DEBUG) ? spin_try_lock(&rq->lock) : spin_try_acquire(&rq->lock);
}

static ALWAYS_INLINE void run_queue_unlock(struct run_queue *rq)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		spin_unlock(&rq->lock);
	else
		spin_release(&rq->lock);
}

/* Locks the run queue of thread->cpu; from then on the thread's state stands still. Interrupts off. */
static inline struct run_queue *thread_lock_run_queue(struct thread *thread)
{
	for (;;) {
		unsigned cpu = atomic_load(&thread->cpu);
		struct run_queue *rq = run_queue_of(cpu);
		run_queue_lock(rq);
		if (likely(thread->cpu == cpu))
			return rq;
		run_queue_unlock(rq);
	}
}

/* schedule.c */

enum leave {
	LEAVE_PREEMPTED,
	LEAVE_YIELDED,
	LEAVE_BLOCKED, /* returns at once when the wake-up has come already */
	LEAVE_EXITED,
};
/* Gives the CPU to the best thread. Interrupts off, before and after; returns when the caller runs again. */
void schedule(enum leave why);
void schedule_init_cpu(unsigned cpu, struct thread *idle, struct thread *current);
/* First C code on a new stack: completes the switch, interrupts still off. */
void schedule_finish_first(struct context *previous);
/* Makes `cpu` pass through schedule(). Under its run queue's lock; a remote CPU is interrupted. */
void schedule_kick(unsigned cpu);
/* Arms this CPU's slice timer for rq->slice_end, unless it comes earlier anyway. Interrupts off. */
void schedule_arm_slice(struct run_queue *rq);

/* place.c. Both: interrupts off. */

/* Enters a thread that is in no queue into that of the best CPU, and lets that CPU know if it must. `rq`, of thread->cpu, is
 * locked; on return nothing is. */
void place_thread(struct run_queue *rq, struct thread *thread);
/* The same, for a thread that was taken out of another queue for `cpu`. Nothing is locked. */
void place_thread_on(struct thread *thread, unsigned cpu);

/* balance.c. Interrupts off, nothing locked. */

/* Moves one thread from another CPU's queue into this one's. */
bool balance_pull(struct run_queue *rq);
/* Moves one of our waiting threads to a CPU that has less to do, if there is one. */
void balance_push(struct run_queue *rq);
unsigned balance_choose_cpu(struct run_queue *rq, const struct thread *thread);

/* thread.c */
void thread_init(struct thread *thread, const char *name);
void thread_finish_exit(struct thread *thread);
void thread_init_cache(void);
void thread_init_reaper(void);

/* block.c */
void block_timer_fired(struct timer *timer);

/* idle.c. The calling context is this CPU's idle thread. */
NORETURN void idle_loop(void);
