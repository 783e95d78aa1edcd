/* Starting the scheduler on each CPU, and what it tells about itself. */
#include "sched_impl.h"
#include <lib/fmt.h>
#include <log/assert.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <time/clock.h>

static struct thread boot_thread;
static PER_CPU(struct thread, idle_thread);

static struct thread *init_idle(unsigned cpu)
{
	struct thread *idle = per_cpu_ptr(idle_thread, cpu);
	char name[THREAD_NAME_MAX];
	snprintf(name, sizeof(name), "idle/%u", cpu);
	thread_init(idle, name);
	idle->is_idle = true;
	idle->priority = PRIORITY_IDLE;
	idle->affinity = cpumask_of(cpu);
	idle->burst_limit = UINT64_MAX;
	idle->burst_start = cpu_timestamp();
	idle->cpu = cpu;
	return idle;
}

static void adopt(struct thread *thread)
{
	thread->state = THREAD_RUNNING;
	thread->burst_start = cpu_timestamp();
}

static NORETURN void idle_first(void *arg, struct context *previous)
{
	(void)arg;
	schedule_finish_first(previous);
	idle_loop();
}

void sched_init(void)
{
	policy_set_clock(tsc_frequency_hz());
	thread_init_cache();
	thread_init(&boot_thread, "main");
	adopt(&boot_thread);
	thread_get(&boot_thread); /* it may end, but its memory is not the cache's to free */

	struct thread *idle = init_idle(this_cpu());
	idle->stack = kernel_stack_alloc();
	if (!idle->stack)
		panic("no memory for the idle thread");
	context_init(&idle->context, idle->stack, KERNEL_STACK_SIZE, idle_first, NULL);

	schedule_init_cpu(this_cpu(), idle, &boot_thread);
	atomic_fetch_or(&sched_cpus, cpumask_of(this_cpu()));
	thread_init_reaper();
}

void sched_start_cpu(void)
{
	if (current_thread())
		thread_exit(0);

	irq_disable();
	struct thread *idle = init_idle(this_cpu());
	adopt(idle);
	schedule_init_cpu(this_cpu(), idle, idle);
	atomic_fetch_or(&sched_cpus, cpumask_of(this_cpu()));
	idle_loop();
}

void sched_stats_of_cpu(unsigned cpu, struct sched_stats *stats)
{
	struct run_queue *rq = run_queue_of(cpu);
	irq_flags_t flags = spin_lock_irqsave(&rq->lock);
	*stats = (struct sched_stats){
	    .switches = rq->stats.switches,
	    .preemptions = rq->stats.preemptions,
	    .steals = rq->stats.steals,
	    .pushes = rq->stats.pushes,
	    .wakeups = rq->stats.wakeups,
	    .overdue = rq->stats.overdue,
	    .idle_ticks = rq->idle->run_ticks,
	    .queued_idle = rq->levels[LEVEL_IDLE].count,
	    .queued_rt = rq->rt_count,
	    .timer_arms = rq->stats.timer_arms,
	    .is_slice_timer_armed = rq->timer_at != UINT64_MAX,
	};
	if (rq->current == rq->idle)
		stats->idle_ticks += cpu_timestamp() - rq->idle->burst_start;
	for (unsigned queue = 0; queue < QUEUE_COUNT; queue++)
		stats->queued[queue] = rq->levels[queue].count;
	spin_unlock_irqrestore(&rq->lock, flags);
}
