/* What switching, waking and making threads costs. */
#include "crew.h"
#include "sched_impl.h"
#include <test/selftest.h>

static void yield_until_stopped(struct crew_member *member)
{
	while (!crew_should_stop(member->crew))
		sched_yield();
}

static void with_yielders(unsigned count, uint64_t rounds)
{
	static struct crew crew;
	crew = (struct crew){.work = yield_until_stopped};
	stay_on(0);
	for (unsigned i = 0; i < count; i++)
		crew_add(&crew, "yields", cpumask_of(0));
	crew_start(&crew);
	/* How many switches lie between a yield and its return depends on the queues: count them. */
	const uint64_t *switches = &this_cpu_ptr(run_queue)->stats.switches;
	for (uint64_t end = atomic_load(switches) + rounds; atomic_load(switches) < end;)
		sched_yield();
	crew_finish(&crew);
	stay_anywhere();
}

BENCH(context_switch_yield, 120, "switch between two kernel threads by sched_yield, loop included")
{
	with_yielders(1, rounds);
}

BENCH(context_switch_many, 0, "the same among eight threads")
{
	with_yielders(7, rounds);
}

BENCH(sched_yield_alone, 60, "sched_yield when nobody else is ready")
{
	for (uint64_t round = 0; round < rounds; round++)
		sched_yield();
}

static void do_nothing(struct crew_member *member)
{
	(void)member;
}

BENCH(thread_create_start_join, 0, "thread created, started, run, joined and freed")
{
	static struct crew crew;
	for (uint64_t round = 0; round < rounds; round++) {
		crew = (struct crew){.work = do_nothing};
		crew_add(&crew, "short", ~0ull);
		crew_start(&crew);
		crew_finish(&crew);
	}
}

static void wait_for_next(struct crew_member *member)
{
	while (!crew_should_stop(member->crew)) {
		thread_prepare_to_block();
		thread_wake(member->crew->shared);
		thread_block(NSEC_MAX);
	}
}

BENCH(wake_and_switch, 0, "one thread wakes another and blocks, and is woken back, per wake-up")
{
	static struct crew crew;
	crew = (struct crew){.work = wait_for_next, .shared = current_thread()};
	stay_on(0);
	struct crew_member *member = crew_add(&crew, "wakes back", cpumask_of(0));
	thread_prepare_to_block();
	crew_start(&crew);
	thread_block(NSEC_MAX);
	for (uint64_t round = 0; round < rounds; round += 2) {
		thread_prepare_to_block();
		thread_wake(member->thread);
		thread_block(NSEC_MAX);
	}
	atomic_store(&crew.stop, true);
	thread_wake(member->thread);
	crew_finish(&crew);
	stay_anywhere();
}
