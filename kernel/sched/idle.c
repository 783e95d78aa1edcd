/*
 * What a CPU does when it has nothing to do: it looks for work elsewhere, then halts until an interrupt comes.
 *
 * The idle thread is never preempted by an interrupt; it looks at its run queue itself, with interrupts off, and HLT
 * turns them on in the same breath. Whoever gives this CPU work also sends an interrupt, which either comes after
 * the look and ends the HLT, or came before and what it announced is seen.
 */
#include "sched_impl.h"
#include <arch/cpu.h>
#include <arch/smp.h>
#include <log/assert.h>

NORETURN void idle_loop(void)
{
	struct run_queue *rq = this_cpu_ptr(run_queue);
	cpumask_t self = cpumask_of(rq->cpu);
	for (;;) {
		irq_disable();
		quiescent_idle_exit();
		if (atomic_load(&rq->ready_count) || balance_pull(rq)) {
			if (atomic_load(&sched_idle_cpus) & self)
				atomic_fetch_and(&sched_idle_cpus, ~self);
			schedule(LEAVE_PREEMPTED);
			continue;
		}
		this_cpu_write(need_resched, false);
		if (!(atomic_load(&sched_idle_cpus) & self))
			atomic_fetch_or(&sched_idle_cpus, self);
		/* Who enqueued before need_resched was cleared may not have sent an interrupt: look again. */
		atomic_fence();
		if (!atomic_load(&rq->ready_count)) {
			quiescent_idle_enter();
			cpu_wait_for_interrupt();
		}
	}
}
