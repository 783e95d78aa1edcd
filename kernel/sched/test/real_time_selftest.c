/* Real-time threads at work: their order, their turns, and the little that they leave to others. */
#include "crew.h"
#include "sched_impl.h"
#include <arch/smp.h>
#include <test/selftest.h>
#include <time/clock.h>

struct order {
	uint32_t count; /* a */
	unsigned seen[8];
};

static void note_order(struct crew_member *member)
{
	struct order *order = member->crew->shared;
	compute_for(2 * NSEC_PER_MSEC);
	order->seen[atomic_fetch_add(&order->count, 1)] = member->number;
}

SELFTEST(fifo_runs_by_priority_then_by_arrival)
{
	static struct crew crew;
	static struct order order;
	static const unsigned priorities[] = {20, 20, 20, 60}, expected[] = {3, 0, 1, 2};
	crew = (struct crew){.work = note_order, .shared = &order};
	order = (struct order){0};
	stay_on(0);
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FIFO, 99), 0);
	for (unsigned i = 0; i < ARRAY_LEN(priorities); i++) {
		struct crew_member *member = crew_add(&crew, "fifo", cpumask_of(0));
		CHECK_EQ(thread_set_policy(member->thread, POLICY_FIFO, priorities[i]), 0);
	}
	crew_start(&crew);
	CHECK_EQ(atomic_load(&order.count), 0);
	crew_finish(&crew);
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FAIR, 0), 0);
	CHECK_EQ(current_thread()->priority, PRIORITY_NORMAL);
	stay_anywhere();
	for (unsigned i = 0; i < ARRAY_LEN(expected); i++)
		CHECK_EQ(order.seen[i], expected[i]);
}

/* `shared` counts how often the CPU went from one to the other. */
static void count_turns(struct crew_member *member)
{
	struct order *order = member->crew->shared;
	for (unsigned ms = 0; ms < 60; ms++) {
		for (unsigned i = 0; i < 20; i++) {
			compute_for(50 * NSEC_PER_USEC);
			if (order->seen[0] != member->number) {
				order->seen[0] = member->number;
				order->count++;
			}
		}
	}
}

static unsigned turns_under(enum sched_policy policy)
{
	static struct crew crew;
	static struct order order;
	crew = (struct crew){.work = count_turns, .shared = &order};
	order = (struct order){0};
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(
		    thread_set_policy(crew_add(&crew, "turns", cpumask_of(0))->thread, policy, 30),
		    0);
	crew_start(&crew);
	crew_finish(&crew);
	return order.count;
}

SELFTEST(rr_takes_turns_and_fifo_does_not)
{
	stay_on(0);
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FIFO, 99), 0);
	unsigned rr = turns_under(POLICY_RR), fifo = turns_under(POLICY_FIFO);
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FAIR, 0), 0);
	stay_anywhere();
	selftest_note("%u turns by RR, %u by FIFO", rr, fifo);
	CHECK(rr >= 5);
	CHECK(fifo <= 1);
}

/* The turns of a fair thread on a CPU that a real-time thread would have for itself. */
struct turns {
	uint32_t runner;   /* a: the number of the member that runs */
	uint64_t began_at; /* the last turn; both are on one CPU */
	uint64_t count, shortest,
	    closest; /* a: since the window began; closest: from begin to begin */
};

/* The first member is the real-time one. A turn lasts until the other sees that it runs again, so none is taken for shorter than
 * it was, whatever the host does. */
static void note_turns(struct crew_member *member)
{
	struct turns *turns = member->crew->shared;
	while (!crew_should_stop(member->crew)) {
		cpu_relax();
		if (atomic_load(&turns->runner) == member->number)
			continue;
		uint64_t ago = cpu_timestamp() - turns->began_at;
		atomic_store(&turns->runner, member->number);
		if (member->number == 0) {
			atomic_store(&turns->shortest, min(atomic_load(&turns->shortest), ago));
			atomic_store(&turns->count, atomic_load(&turns->count) + 1);
		} else {
			atomic_store(&turns->closest, min(atomic_load(&turns->closest), ago));
			turns->began_at += ago;
		}
	}
}

/* One of a millisecond every 50. */
static bool has_short_turns_far_apart(struct crew *crew)
{
	struct turns *turns = crew->shared;
	uint64_t count = atomic_swap(&turns->count, 0);
	nsec_t shortest = tsc_to_ns(atomic_swap(&turns->shortest, UINT64_MAX));
	nsec_t closest = tsc_to_ns(atomic_swap(&turns->closest, UINT64_MAX));
	bool is_right = count >= 4 && shortest < 3 * NSEC_PER_MSEC && closest > 35 * NSEC_PER_MSEC;
	if (is_right)
		selftest_note("%lu turns, the shortest of %llu us, the closest %llu us apart",
		    count, shortest / NSEC_PER_USEC, closest / NSEC_PER_USEC);
	return is_right;
}

SELFTEST(real_time_leaves_room_for_others)
{
	static struct crew crew;
	static struct turns turns;
	turns = (struct turns){.shortest = UINT64_MAX, .closest = UINT64_MAX};
	crew = (struct crew){.work = note_turns, .shared = &turns};
	struct crew_member *hog = crew_add(&crew, "hog", cpumask_of(last_cpu()));
	CHECK_EQ(thread_set_policy(hog->thread, POLICY_FIFO, 50), 0);
	crew_add(&crew, "fair", cpumask_of(last_cpu()));
	/* This thread must be able to run, also where there is one CPU only. */
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FIFO, 99), 0);
	crew_start(&crew);
	bool is_right = comes_true(has_short_turns_far_apart, &crew, 400 * NSEC_PER_MSEC);
	crew_finish(&crew);
	CHECK_EQ(thread_set_policy(current_thread(), POLICY_FAIR, 0), 0);
	CHECK(is_right);
}
