/*
 * Which CPU a thread runs on. There is no periodic balancing: a CPU that runs out of work takes some from others, a thread
 * that wakes looks for an idle CPU, and a CPU whose turns end by the timer (it has more than it can do) gives away.
 *
 * What is read of other CPUs here is read without their locks, and may be old: a wrong guess costs time, never correctness.
 */
#include "sched_impl.h"
#include <mm/page_alloc.h>

cpumask_t sched_cpus, sched_idle_cpus;

/* Whether the CPU was idle and is now ours to give work to. */
static bool claim_idle(unsigned cpu)
{
	cpumask_t bit = cpumask_of(cpu);
	return atomic_load(&sched_idle_cpus) & bit &&
	       atomic_fetch_and(&sched_idle_cpus, ~bit) & bit;
}

static cpumask_t cpus_near(cpumask_t cpus, unsigned near_cpu)
{
	cpumask_t near = 0;
	unsigned node = node_of_cpu(near_cpu);
	for_each_cpu_in(cpu, cpus)
		if (node_of_cpu(cpu) == node)
			near |= cpumask_of(cpu);
	return near;
}

/* Any of them, or CPU_MAX. */
static unsigned claim_idle_of(cpumask_t cpus)
{
	for_each_cpu_in(cpu, cpus)
		if (claim_idle(cpu))
			return cpu;
	return CPU_MAX;
}

static unsigned claim_idle_near(cpumask_t cpus, unsigned prev)
{
	if (cpus & cpumask_of(prev) && claim_idle(prev))
		return prev;
	cpumask_t near = cpus ? cpus_near(cpus, prev) : 0;
	unsigned cpu = claim_idle_of(near);
	return cpu < CPU_MAX ? cpu : claim_idle_of(cpus & ~near);
}

static unsigned load_of(unsigned cpu)
{
	const struct run_queue *rq = run_queue_of(cpu);
	return atomic_load(&rq->ready_count) + !atomic_load(&rq->is_idle);
}

/* The least loaded, `prefer` in case of doubt. A real-time thread goes where it can run at once. */
static unsigned find_least_loaded(cpumask_t cpus, unsigned prefer, unsigned rt_priority)
{
	unsigned best = CPU_MAX, best_load = UINT32_MAX;
	for_each_cpu_in(cpu, cpus) {
		unsigned load = 2 * load_of(cpu) + (cpu != prefer);
		if (rt_priority && atomic_load(&run_queue_of(cpu)->current_rt) >= rt_priority)
			load += 1u << 20;
		if (load < best_load) {
			best = cpu;
			best_load = load;
		}
	}
	return best;
}

/*
 * It blocked here a moment ago and whoever runs now will soon block too: waiting for that costs less than waking another
 * processor and filling its cache. If that guess is wrong, the end of the running thread's turn is at most a
 * hot slice away, and an idle CPU is given the thread then.
 */
static bool is_warm_here(const struct run_queue *rq, const struct thread *thread)
{
	const struct thread *current = rq->current;
	return rq->ready_count == 0 && !rq->is_idle && !policy_is_rt(thread) &&
	       !policy_is_rt(current) && current->queue == QUEUE_HOT &&
	       thread->queue == QUEUE_HOT && thread->switches &&
	       cpu_timestamp() - thread->burst_start < policy_ticks.warm;
}

unsigned balance_choose_cpu(struct run_queue *rq, const struct thread *thread)
{
	unsigned prev = rq->cpu;
	cpumask_t allowed = thread->affinity & atomic_load(&sched_cpus);
	if (allowed == cpumask_of(prev))
		return prev;
	if (allowed & cpumask_of(prev) && is_warm_here(rq, thread))
		return prev;
	unsigned cpu = claim_idle_near(atomic_load(&sched_idle_cpus) & allowed, prev);
	return cpu < CPU_MAX ? cpu : find_least_loaded(allowed, prev, thread->rt_priority);
}

static bool pull_from(struct run_queue *rq, cpumask_t victims)
{
	for_each_cpu_in(cpu, victims) {
		struct run_queue *victim = run_queue_of(cpu);
		if (!atomic_load(&victim->ready_count) || !run_queue_try_lock(victim))
			continue;
		struct thread *thread = run_queue_steal(victim, rq->cpu);
		victim->stats.steals += thread != NULL;
		run_queue_unlock(victim);
		if (thread) {
			place_thread_on(thread, rq->cpu);
			return true;
		}
	}
	return false;
}

bool balance_pull(struct run_queue *rq)
{
	cpumask_t others = atomic_load(&sched_cpus) & ~cpumask_of(rq->cpu);
	if (!others)
		return false;
	cpumask_t near = cpus_near(others, rq->cpu);
	return pull_from(rq, near) || pull_from(rq, others & ~near);
}

void balance_push(struct run_queue *rq)
{
	cpumask_t others = atomic_load(&sched_cpus) & ~cpumask_of(rq->cpu);
	if (!others)
		return;
	cpumask_t idle = atomic_load(&sched_idle_cpus) & others;
	unsigned claimed = claim_idle_near(idle, rq->cpu);
	unsigned target = claimed < CPU_MAX ? claimed : find_least_loaded(others, CPU_MAX, 0);

	struct thread *thread = NULL;
	/* Two apart: with less, the move would only turn the difference round. */
	if (load_of(target) + 2 <= load_of(rq->cpu)) {
		run_queue_lock(rq);
		thread = run_queue_steal(rq, target);
		rq->stats.pushes += thread != NULL;
		run_queue_unlock(rq);
	}
	if (thread)
		place_thread_on(thread, target);
	else if (claimed < CPU_MAX)
		atomic_fetch_or(&sched_idle_cpus, cpumask_of(claimed));
}
