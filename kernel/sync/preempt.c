/* The per-CPU words behind preempt.h. */
#include <sync/preempt.h>

PER_CPU(unsigned, preempt_count);
PER_CPU(bool, need_resched);
PER_CPU(unsigned, irq_depth);
PER_CPU(uint32_t, quiescent_count);

NOINLINE void *preempted(void *p)
{
	if (!this_cpu_read(preempt_count))
		sched_preempt();
	return p;
}
