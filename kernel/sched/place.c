/* Entering threads into run queues: which CPU, and whether it needs to be told. */
#include "sched_impl.h"
#include <arch/smp.h>
#include <log/assert.h>
#include <time/clock.h>

/* The running thread is stopped at once or, having had the CPU for itself so far, given a turn that ends. */
static void enqueue_and_unlock(struct run_queue *rq, struct thread *thread)
{
	uint64_t now = cpu_timestamp();
	bool starts_slice = false;
	run_queue_enqueue(rq, thread, now, ENQUEUE_BACK);
	if (run_queue_should_preempt(rq, thread, now))
		schedule_kick(rq->cpu);
	else if (rq->slice_end != UINT64_MAX)
		; /* its turn ends anyway */
	else if (rq->cpu == this_cpu())
		starts_slice = true;
	else
		schedule_kick(rq->cpu); /* only a CPU itself arms its timer */

	if (starts_slice)
		rq->slice_end = now + run_queue_slice(rq, rq->current, now);
	run_queue_unlock(rq);
	if (starts_slice)
		schedule_arm_slice(rq);
}

void place_thread(struct run_queue *rq, struct thread *thread)
{
	for (;;) {
		unsigned cpu = balance_choose_cpu(rq, thread);
		if (cpu != rq->cpu) {
			atomic_store(&thread->cpu, cpu);
			run_queue_unlock(rq);
			rq = run_queue_of(cpu);
			run_queue_lock(rq);
		}
		/* While no lock was held, its affinity may have changed. */
		if (likely(thread->affinity & cpumask_of(cpu)))
			break;
	}
	rq->stats.wakeups++;
	enqueue_and_unlock(rq, thread);
}

void place_thread_on(struct thread *thread, unsigned cpu)
{
	debug_assert(thread->state == THREAD_MOVING && thread->cpu == cpu);
	struct run_queue *rq = run_queue_of(cpu);
	run_queue_lock(rq);
	if (likely(thread->affinity & cpumask_of(cpu)))
		enqueue_and_unlock(rq, thread);
	else
		place_thread(rq, thread);
}
