/* Load averages: <sched/load.h>. */
#include "sched_impl.h"

#include <sched/load.h>
#include <time/clock.h>

#define LOAD_ONE    (1ull << LOAD_SHIFT)
#define PERIODS_MAX 4096 /* after so many without anything to run all averages are 0 */

/* What is left of an average after a period: e^(-5/60), e^(-5/300), e^(-5/900), in 1/2048. */
static const uint64_t factors[3] = {1884, 2014, 2037};

nsec_t load_next = LOAD_PERIOD;
static struct spinlock load_lock = SPINLOCK_INIT("load averages", RANK_NONE);
static uint64_t averages[3]; /* load_lock to write; a */

/* Threads that run or are ready now. */
static unsigned load_now(void)
{
	unsigned count = 0;
	cpumask_t cpus = atomic_load(&sched_cpus);
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
		if (!(cpus & cpumask_of(cpu)))
			continue;
		struct run_queue *rq = run_queue_of(cpu);
		count += atomic_load(&rq->ready_count) + !atomic_load(&rq->is_idle);
	}
	return count;
}

/* Rounded up while it grows, so that it reaches what it grows to. */
static uint64_t decay(uint64_t average, uint64_t factor, uint64_t load)
{
	uint64_t sum = average * factor + load * (LOAD_ONE - factor);
	return (sum + (load >= average ? LOAD_ONE - 1 : 0)) / LOAD_ONE;
}

static void add_period(uint64_t load)
{
	for (unsigned i = 0; i < 3; i++)
		atomic_store(&averages[i], decay(averages[i], factors[i], load));
}

void load_count(nsec_t now, bool was_idle)
{
	irq_flags_t flags = spin_lock_irqsave(&load_lock);
	if (now >= load_next) {
		uint64_t periods = (now - load_next) / LOAD_PERIOD + 1;
		atomic_store(&load_next, load_next + periods * LOAD_PERIOD);
		/* Had any CPU been busy, it would have counted: what was missed had no load, but for the last. */
		for (uint64_t i = 1; i < min(periods, (uint64_t)PERIODS_MAX); i++)
			add_period(0);
		unsigned own = was_idle, load = load_now();
		add_period((load > own ? load - own : 0) * LOAD_ONE);
	}
	spin_unlock_irqrestore(&load_lock, flags);
}

void load_averages(uint64_t result[3])
{
	load_note(uptime_ns(), false);
	for (unsigned i = 0; i < 3; i++)
		result[i] = atomic_load(&averages[i]);
}
