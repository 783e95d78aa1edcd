/* The policy at work: who runs when, and where. The exact policy is tested under simulated time in run_queue_test.c. */
#include "crew.h"
#include "sched_impl.h"
#include <abi/errno.h>
#include <arch/smp.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <time/timer.h>

static bool is_ratio(uint64_t a, uint64_t b, unsigned times)
{
	return a * 10 >= b * times * 7 && a * 10 <= b * times * 14;
}

static bool is_shared_by_priority(struct crew *crew)
{
	uint64_t ran[4];
	for (unsigned i = 0; i < ARRAY_LEN(ran); i++)
		ran[i] = crew_scheduled_us(&crew->members[i]);
	return ran[0] > 0 && is_ratio(ran[0], ran[1], 1) && is_ratio(ran[0], ran[2], 2) &&
	       is_ratio(ran[3], ran[0], 2);
}

SELFTEST(spinners_share_a_cpu_by_priority)
{
	static struct crew crew;
	crew = (struct crew){.work = crew_spin};
	static const enum thread_priority priorities[] = {
	    PRIORITY_NORMAL, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITY_HIGH};
	for (unsigned i = 0; i < ARRAY_LEN(priorities); i++) {
		struct crew_member *member = crew_add(&crew, "spinner", cpumask_of(last_cpu()));
		CHECK_EQ(thread_set_priority(member->thread, priorities[i]), 0);
	}
	crew_start(&crew);
	bool is_fair = comes_true_in_time(is_shared_by_priority, &crew, 600 * NSEC_PER_MSEC);
	uint64_t ran[4];
	for (unsigned i = 0; i < 4; i++)
		ran[i] = crew_scheduled_us(&crew.members[i]) / 1000;
	crew_finish(&crew);
	selftest_note("normal %lu and %lu, low %lu, high %lu ms", ran[0], ran[1], ran[2], ran[3]);
	CHECK(is_fair);
}

/* A thread that never yields is stopped, by the timer alone and by a wake-up. */
SELFTEST(endless_loop_is_preempted)
{
	static struct crew crew;
	crew = (struct crew){.work = crew_spin};
	crew_add(&crew, "endless", cpumask_of(0));
	crew_add(&crew, "endless", cpumask_of(0));
	crew_start(&crew);
	stay_on(0);
	thread_sleep(200 * NSEC_PER_MSEC);
	stay_anywhere();
	uint64_t counts[] = {
	    atomic_load(&crew.members[0].count), atomic_load(&crew.members[1].count)};
	uint8_t queue = crew.members[0].thread->queue;
	crew_finish(&crew);
	CHECK(counts[0] > 0);
	CHECK(counts[1] > 0);
	CHECK_EQ(queue, QUEUE_COLD);
}

/* A timer of the test's own, so that what the host's timer is late by is not the scheduler's. */
struct alarm {
	struct timer timer;
	struct thread *thread;
	uint64_t rang_at; /* TSC; written and read on one CPU */
};

static void ring(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);
	alarm->rang_at = cpu_timestamp();
	thread_wake(alarm->thread);
}

/* From the wake-up to the first instruction, the median of some times. An alarm that rings late may do so just when the turn of a
 * cold thread ends anyway: only those on time count. NSEC_MAX when there are too few. */
static nsec_t median_until_it_runs(struct alarm *alarm, nsec_t deadline)
{
	enum { ROUNDS = 11 };
	uint64_t late[ROUNDS];
	for (unsigned i = 0; i < ROUNDS;) {
		nsec_t wanted = uptime_ns() + NSEC_PER_MSEC;
		if (wanted > deadline)
			return NSEC_MAX;
		thread_prepare_to_block();
		timer_arm(&alarm->timer, wanted);
		CHECK_EQ(thread_block(NSEC_MAX), 0);
		uint64_t by = cpu_timestamp() - alarm->rang_at;
		if (alarm->rang_at > uptime_to_tsc(wanted + NSEC_PER_MSEC))
			continue;
		unsigned k = i++;
		for (; k > 0 && late[k - 1] > by; k--)
			late[k] = late[k - 1];
		late[k] = by;
	}
	return tsc_to_ns(late[ROUNDS / 2]);
}

/* Is woken by a timer on a CPU that cold threads keep busy: how late does it run? */
SELFTEST(hot_thread_preempts_cold_ones_at_once)
{
	static struct crew crew;
	static struct alarm alarm;
	crew = (struct crew){.work = crew_spin};
	alarm = (struct alarm){.thread = current_thread()};
	timer_init(&alarm.timer, ring);
	for (unsigned i = 0; i < 3; i++)
		crew_add(&crew, "cold", cpumask_of(last_cpu()));
	crew_start(&crew);
	stay_on(last_cpu());
	thread_sleep(60 * NSEC_PER_MSEC);
	nsec_t late = NSEC_MAX, deadline = uptime_ns() + PATIENCE_NS;
	while (late >= NSEC_PER_MSEC && uptime_ns() < deadline)
		late = min(late, median_until_it_runs(&alarm, deadline));
	stay_anywhere();
	crew_finish(&crew);
	selftest_note("runs %llu us after it is woken", late / NSEC_PER_USEC);
	/* If it had to wait for their turns to end, it would be 9 ms. */
	CHECK(late < NSEC_PER_MSEC);
}

enum { HOT = 8, WATCHERS = 4, BOUND_MS = 60 + 2 * (HOT + WATCHERS - 1) };

/* What a crowd shares that is on one CPU and never leaves it idle. */
struct crowd {
	uint64_t
	    clock; /* a: TSC ticks in which one of them ran: stands still while the host is away */
	struct {
		uint64_t ran_at, longest_wait; /* a: by that clock */
	} watchers[WATCHERS];
};

/* They are always first, and together they want the CPU twice over. */
static void be_hot(struct crew_member *member, struct crowd *crowd)
{
	while (!crew_should_stop(member->crew)) {
		compute_for(300 * NSEC_PER_USEC);
		atomic_fetch_add(&crowd->clock, ns_to_tsc(300 * NSEC_PER_USEC));
		thread_sleep(200 * NSEC_PER_USEC);
		atomic_store(&member->count, member->count + 1);
	}
}

/* Spins, and keeps the longest time for which it did not run. */
static void watch_the_clock(struct crew_member *member, struct crowd *crowd, unsigned number)
{
	while (!crew_should_stop(member->crew)) {
		uint64_t now = atomic_fetch_add(&crowd->clock, crew_own_ticks(member));
		uint64_t waited = now - atomic_load(&crowd->watchers[number].ran_at);
		if (waited > atomic_load(&crowd->watchers[number].longest_wait))
			atomic_store(&crowd->watchers[number].longest_wait, waited);
		atomic_store(&crowd->watchers[number].ran_at, now);
		atomic_store(&member->count, member->count + 1);
	}
}

static void hot_or_watch(struct crew_member *member)
{
	if (member->number < HOT)
		be_hot(member, member->crew->shared);
	else
		watch_the_clock(member, member->crew->shared, member->number - HOT);
}

/* The longest wait of any watcher while the crowd runs for so long; waits that have not ended count. */
static uint64_t longest_wait_ms(struct crowd *crowd, nsec_t window, nsec_t deadline)
{
	uint64_t start = atomic_load(&crowd->clock), worst = 0;
	for (unsigned i = 0; i < WATCHERS; i++)
		atomic_store(&crowd->watchers[i].longest_wait, 0);
	while (atomic_load(&crowd->clock) - start < ns_to_tsc(window)) {
		if (uptime_ns() > deadline)
			return UINT64_MAX;
		thread_sleep(20 * NSEC_PER_MSEC);
	}
	for (unsigned i = 0; i < WATCHERS; i++) {
		uint64_t ran_at = atomic_load(&crowd->watchers[i].ran_at);
		worst = max(worst, atomic_load(&crowd->watchers[i].longest_wait));
		worst = max(worst, atomic_load(&crowd->clock) - ran_at);
	}
	return tsc_to_ns(worst) / NSEC_PER_MSEC;
}

SELFTEST(nobody_starves)
{
	static const enum thread_priority low[] = {
	    PRIORITY_IDLE, PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_IDLE};
	static struct crew crew;
	static struct crowd crowd;
	crowd = (struct crowd){0};
	crew = (struct crew){.work = hot_or_watch, .shared = &crowd};
	for (unsigned i = 0; i < HOT + WATCHERS; i++) {
		struct crew_member *member = crew_add(&crew, "crowd", cpumask_of(last_cpu()));
		if (i >= HOT)
			CHECK_EQ(thread_set_priority(member->thread, low[i - HOT]), 0);
	}
	crew_start(&crew);
	/* The exact bound is held in simulated time; here interrupts come late. */
	uint64_t wait = UINT64_MAX, counts = UINT64_MAX;
	nsec_t deadline = uptime_ns() + PATIENCE_NS;
	while (wait > 2 * BOUND_MS && uptime_ns() < deadline)
		wait = min(wait, longest_wait_ms(&crowd, 400 * NSEC_PER_MSEC, deadline));
	for (unsigned i = 0; i < HOT + WATCHERS; i++)
		counts = min(counts, atomic_load(&crew.members[i].count));
	crew_finish(&crew);
	selftest_note("longest wait %lu ms, bound %u ms", wait, BOUND_MS);
	CHECK(wait <= 2 * BOUND_MS);
	CHECK(counts > 10);
}

SELFTEST(nonsense_policies_are_refused)
{
	struct thread *self = current_thread();
	CHECK_EQ(thread_set_policy(self, POLICY_FIFO, 0), -EINVAL);
	CHECK_EQ(thread_set_policy(self, POLICY_RR, 100), -EINVAL);
	CHECK_EQ(thread_set_policy(self, POLICY_FAIR, 5), -EINVAL);
	CHECK_EQ(thread_set_policy(self, (enum sched_policy)9, 5), -EINVAL);
	CHECK_EQ(thread_set_priority(self, PRIORITY_REALTIME), -EINVAL);
	CHECK_EQ(thread_set_affinity(self, 0), -EINVAL);
	CHECK_EQ(thread_set_affinity(self, ~atomic_load(&sched_cpus)), -EINVAL);
	CHECK_EQ(self->policy, POLICY_FAIR);
	CHECK_EQ(self->priority, PRIORITY_NORMAL);
}

static bool have_all_run(struct crew *crew)
{
	for (unsigned i = 0; i < crew->size; i++)
		if (!atomic_load(&crew->members[i].cpus_seen))
			return false;
	return true;
}

SELFTEST(affinity_is_honoured_from_the_start)
{
	static struct crew crew;
	require_cpus(2);
	crew = (struct crew){.work = crew_spin};
	for_each_cpu_in(cpu, atomic_load(&sched_cpus)) {
		crew_add(&crew, "pinned", cpumask_of(cpu));
		crew_add(&crew, "pinned", cpumask_of(cpu));
	}
	crew_start(&crew);
	bool all_ran = comes_true(have_all_run, &crew, 100 * NSEC_PER_MSEC);
	unsigned wrong = 0;
	for (unsigned i = 0; i < crew.size; i++)
		wrong += (atomic_load(&crew.members[i].cpus_seen) &
			     ~crew.members[i].thread->affinity) != 0;
	crew_finish(&crew);
	CHECK(all_ran);
	CHECK_EQ(wrong, 0);
}

/* A running thread, and one that is ready, move before the call returns; a sleeping one wakes in the right place. */
SELFTEST(affinity_changes_take_effect_at_once)
{
	static struct crew crew;
	require_cpus(2);
	unsigned last = last_cpu();
	crew = (struct crew){.work = crew_spin};
	crew_add(&crew, "moved", cpumask_of(0));
	crew_add(&crew, "moved", cpumask_of(0));
	crew_start(&crew);
	unsigned wrong = 0;
	for (unsigned round = 0; round < 30; round++) {
		cpumask_t to = cpumask_of(round % 2 ? 0 : last);
		stay_on(round % 2 ? last : 0);
		for (unsigned i = 0; i < 2; i++)
			wrong += thread_set_affinity(crew.members[i].thread, to) != 0;
		for (unsigned i = 0; i < 2; i++)
			wrong += (crew_cpus_from_now(&crew.members[i], NSEC_PER_MSEC) & ~to) != 0;
	}
	stay_anywhere();
	crew_finish(&crew);
	CHECK_EQ(wrong, 0);
}

/* Every CPU has run one, and none has much more to do than its share of two. */
static bool is_spread(struct crew *crew)
{
	cpumask_t all = atomic_load(&sched_cpus), seen = 0;
	unsigned load_max = 0;
	for_each_cpu_in(cpu, all) {
		const struct run_queue *rq = run_queue_of(cpu);
		load_max =
		    max(load_max, atomic_load(&rq->ready_count) + !atomic_load(&rq->is_idle));
	}
	for (unsigned i = 0; i < crew->size; i++)
		seen |= atomic_load(&crew->members[i].cpus_seen);
	return seen == all && load_max <= 4;
}

/* All started on one CPU: idle ones come and take, and it gives away. */
SELFTEST(spinners_spread_over_all_cpus)
{
	static struct crew crew;
	require_cpus(2);
	crew = (struct crew){.work = crew_spin};
	unsigned cpus = (unsigned)__builtin_popcountll(atomic_load(&sched_cpus));
	for (unsigned i = 0; i < min(2 * cpus, (unsigned)CREW_MAX); i++)
		crew_add(&crew, "spread", cpumask_of(0));
	crew_start(&crew);
	thread_sleep(20 * NSEC_PER_MSEC);
	/* Nobody is woken by this: they lie in one queue, and the others must fetch them or be given them. */
	for (unsigned i = 0; i < crew.size; i++)
		(void)!thread_set_affinity(crew.members[i].thread, ~0ull);
	bool spread = comes_true(is_spread, &crew, 400 * NSEC_PER_MSEC);
	crew_finish(&crew);
	CHECK(spread);
}

/* No tick: one thread alone on its CPU is not interrupted by the scheduler. */
SELFTEST(lonely_thread_is_left_alone)
{
	static struct crew crew;
	crew = (struct crew){.work = crew_spin};
	require_cpus(2);
	stay_on(0);
	crew_add(&crew, "lonely", cpumask_of(last_cpu()));
	crew_start(&crew);
	thread_sleep(50 * NSEC_PER_MSEC);
	struct sched_stats before, after;
	sched_stats_of_cpu(last_cpu(), &before);
	thread_sleep(200 * NSEC_PER_MSEC);
	sched_stats_of_cpu(last_cpu(), &after);
	stay_anywhere();
	crew_finish(&crew);
	/* A kernel thread may have passed by. */
	CHECK(after.timer_arms - before.timer_arms <= 2);
	CHECK(after.switches - before.switches <= 8);
}

static void yield_until_stopped(struct crew_member *member)
{
	while (!crew_should_stop(member->crew)) {
		sched_yield();
		atomic_store(&member->count, member->count + 1);
	}
}

static bool has_equal_time(struct crew *crew)
{
	uint64_t least = UINT64_MAX, most = 0;
	for (unsigned i = 0; i < crew->size; i++) {
		uint64_t ran = crew_scheduled_us(&crew->members[i]);
		least = min(least, ran);
		most = max(most, ran);
	}
	return least > 0 && most * 10 <= least * 14;
}

SELFTEST(yielders_get_equal_time)
{
	static struct crew crew;
	crew = (struct crew){.work = yield_until_stopped};
	for (unsigned i = 0; i < 5; i++)
		crew_add(&crew, "yields", cpumask_of(last_cpu()));
	crew_start(&crew);
	bool is_fair = comes_true_in_time(has_equal_time, &crew, 300 * NSEC_PER_MSEC);
	uint64_t turns = UINT64_MAX;
	for (unsigned i = 0; i < 5; i++)
		turns = min(turns, atomic_load(&crew.members[i].count));
	crew_finish(&crew);
	CHECK(turns > 100);
	CHECK(is_fair);
}
