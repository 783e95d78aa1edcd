/* Clocks and timers of the real machine. */
#include "clock_impl.h"
#include "scale.h"

#include <arch/cpu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <lib/random.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <time/timer.h>

static nsec_t distance(nsec_t a, nsec_t b)
{
	return a > b ? a - b : b - a;
}

/* Many timers on all CPUs. */

#define TIMERS_PER_CPU 1500
#define SPREAD_NS      (200 * NSEC_PER_MSEC)
#define LATE_MAX_NS    (20 * NSEC_PER_SEC) /* an emulated CPU may not get to run for long */

struct shot {
	struct timer timer;
	nsec_t deadline;
	unsigned count, early; /* a */
};

static struct {
	uint64_t seed;
	nsec_t worst_lateness; /* a */
	unsigned missing;      /* a */
} shots;

static void note_shot(struct timer *timer)
{
	struct shot *shot = container_of(timer, struct shot, timer);
	nsec_t now = uptime_ns();
	atomic_fetch_add(&shot->count, 1);
	if (now < shot->deadline)
		atomic_fetch_add(&shot->early, 1);
	nsec_t worst = atomic_load(&shots.worst_lateness);
	while (now > shot->deadline && now - shot->deadline > worst &&
	       !atomic_cas(&shots.worst_lateness, &worst, now - shot->deadline))
		;
}

static void shoot_many(void *arg)
{
	(void)arg;
	uint64_t seed = shots.seed + this_cpu();
	struct shot *own = kmalloc_array(TIMERS_PER_CPU, sizeof(*own));
	CHECK(own);
	for (unsigned i = 0; i < TIMERS_PER_CPU; i++) {
		timer_init(&own[i].timer, note_shot);
		own[i].deadline = uptime_ns() + random_next(&seed) % SPREAD_NS;
		timer_arm(&own[i].timer, own[i].deadline);
	}

	nsec_t deadline = uptime_ns() + SPREAD_NS + LATE_MAX_NS;
	for (unsigned i = 0; i < TIMERS_PER_CPU; i++)
		while (!atomic_load(&own[i].count) && uptime_ns() < deadline)
			thread_sleep(5 * NSEC_PER_MSEC);
	for (unsigned i = 0; i < TIMERS_PER_CPU; i++) {
		bool was_armed = timer_cancel_sync(&own[i].timer);
		if (was_armed || atomic_load(&own[i].count) != 1 || atomic_load(&own[i].early))
			atomic_fetch_add(&shots.missing, 1);
	}
	kfree(own);
}

SELFTEST(thousands_of_timers_fire_once_and_not_early)
{
	shots = (__typeof__(shots)){.seed = selftest_seed()};
	selftest_on_all_cpus(shoot_many, NULL);
	CHECK_EQ(atomic_load(&shots.missing), 0);
	selftest_note("latest by %llu us", atomic_load(&shots.worst_lateness) / NSEC_PER_USEC);
	CHECK(atomic_load(&shots.worst_lateness) < LATE_MAX_NS);
}

/* Everybody arms and cancels the same timers, and handlers re-arm themselves. */

#define SHARED_TIMERS 16
#define QUARREL_NS    (500 * NSEC_PER_MSEC)

static struct shared {
	struct timer timer;
	unsigned inside; /* a: handlers running now */
	unsigned fired;  /* a */
} shared[SHARED_TIMERS];
static unsigned overlaps; /* a */

static void fire_shared(struct timer *timer)
{
	struct shared *s = container_of(timer, struct shared, timer);
	if (atomic_fetch_add(&s->inside, 1))
		atomic_fetch_add(&overlaps, 1);
	unsigned fired = atomic_fetch_add(&s->fired, 1);
	if (fired % 8 == 0)
		timer_arm(timer, uptime_ns() + 10 * NSEC_PER_USEC);
	atomic_fetch_sub(&s->inside, 1);
}

static void quarrel(void *arg)
{
	(void)arg;
	uint64_t seed = shots.seed + this_cpu();
	nsec_t end = uptime_ns() + selftest_rounds(QUARREL_NS);
	while (uptime_ns() < end) {
		uint64_t dice = random_next(&seed);
		struct timer *timer = &shared[dice % SHARED_TIMERS].timer;
		switch (dice >> 32 & 7) {
		case 0: timer_cancel(timer); break;
		case 1: timer_cancel_sync(timer); break;
		default: timer_arm(timer, uptime_ns() + (dice >> 40) % (50 * NSEC_PER_USEC));
		}
	}
}

SELFTEST(timers_that_all_cpus_quarrel_over)
{
	shots.seed = selftest_seed();
	overlaps = 0;
	for (unsigned i = 0; i < SHARED_TIMERS; i++) {
		shared[i] = (struct shared){0};
		timer_init(&shared[i].timer, fire_shared);
	}
	selftest_on_all_cpus(quarrel, NULL);

	unsigned fired = 0;
	for (unsigned i = 0; i < SHARED_TIMERS; i++) {
		/* Its handler may arm it once more while we cancel. */
		while (timer_cancel_sync(&shared[i].timer))
			;
		fired += atomic_load(&shared[i].fired);
		CHECK_EQ(atomic_load(&shared[i].inside), 0);
	}
	CHECK_EQ(atomic_load(&overlaps), 0);
	CHECK(fired > 0);
	selftest_note("%u fired", fired);
}

/* Cancelling says the truth: true, it does not fire; false, it has. */

struct raced {
	struct timer timer;
	nsec_t delay;
	unsigned fired; /* a */
};

static void fire_raced(struct timer *timer)
{
	atomic_fetch_add(&container_of(timer, struct raced, timer)->fired, 1);
}

static void arm_raced(void *arg)
{
	struct raced *raced = arg;
	timer_arm(&raced->timer, uptime_ns() + raced->delay);
}

/* Armed by a call to `cpu`, so that it runs there while it is cancelled here. */
static void race_with(unsigned cpu, uint64_t rounds, uint64_t *seed, unsigned *cancelled)
{
	struct raced raced = {.fired = 0};
	timer_init(&raced.timer, fire_raced);
	for (uint64_t i = 0; i < rounds; i++) {
		unsigned before = atomic_load(&raced.fired);
		raced.delay = random_next(seed) % (20 * NSEC_PER_USEC);
		smp_call(cpumask_of(cpu), arm_raced, &raced);
		delay_ns(random_next(seed) % (20 * NSEC_PER_USEC));
		bool was_armed = timer_cancel_sync(&raced.timer);
		unsigned fired = atomic_load(&raced.fired) - before;
		CHECK_EQ(fired, was_armed ? 0u : 1u);
		*cancelled += was_armed;
	}
}

SELFTEST(cancelling_tells_whether_it_fired)
{
	uint64_t seed = selftest_seed(), rounds = selftest_rounds(500);
	unsigned cancelled = 0;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		race_with(cpu, rounds, &seed, &cancelled);
	selftest_note("%u cancelled in time", cancelled);
}

/* The clock, seen from everywhere. */

static struct {
	uint32_t lock;  /* a */
	nsec_t last;    /* lock */
	unsigned count; /* lock */
	unsigned backwards;
} watch;

static void watch_clock(void *arg)
{
	(void)arg;
	for (uint64_t i = selftest_rounds(20000); i > 0; i--) {
		preempt_disable();
		while (atomic_swap(&watch.lock, 1))
			cpu_relax();
		nsec_t now = uptime_ns();
		watch.backwards += now < watch.last;
		watch.last = now;
		watch.count++;
		atomic_store_release(&watch.lock, 0);
		preempt_enable();
	}
}

SELFTEST(uptime_goes_forward_on_all_cpus)
{
	watch = (__typeof__(watch)){0};
	selftest_on_all_cpus(watch_clock, NULL);
	CHECK_EQ(watch.backwards, 0);
	CHECK(watch.count >= 20000);
}

SELFTEST(uptime_goes_forward_for_a_thread_that_moves)
{
	nsec_t last = uptime_ns();
	for (unsigned round = 0; round < 20; round++) {
		for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
			CHECK_EQ(thread_set_affinity(current_thread(), cpumask_of(cpu)), 0);
			CHECK_EQ(this_cpu(), cpu);
			nsec_t now = uptime_ns();
			CHECK(now >= last);
			last = now;
		}
	}
	CHECK_EQ(thread_set_affinity(current_thread(), ~0ull), 0);
}

static uint64_t ticks_of(const struct clock_counter *counter, uint64_t begin)
{
	return (counter->read() - begin) & counter->mask;
}

/* By then the clock has been refined. */
SELFTEST(uptime_agrees_with_the_counter_beside_it)
{
	const struct clock_counter *counter = clock_best_counter();
	if (!counter)
		selftest_skip("no counter to compare with");
	thread_sleep(300 * NSEC_PER_MSEC);

	/* 40 ms: less than a turn of the narrowest. The best of some tries, because we may be interrupted between two reads. */
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < 5; i++) {
		uint64_t begin = counter->read();
		nsec_t before = uptime_ns();
		thread_sleep(20 * NSEC_PER_MSEC);
		uint64_t ticks = ticks_of(counter, begin);
		nsec_t took = uptime_ns() - before;
		best = min(
		    best, distance(took, scale(ticks, scale_factor(counter->hz, NSEC_PER_SEC))) *
			      1000000 / took);
	}
	selftest_note("%lu ppm from %s", best, counter->name);
	CHECK(best < 1000);
}

SELFTEST(sleeping_and_spinning_are_never_too_short)
{
	for (nsec_t ns = 1; ns < 20 * NSEC_PER_MSEC; ns = ns * 3 + 1) {
		nsec_t begin = uptime_ns();
		thread_sleep(ns);
		nsec_t slept = uptime_ns() - begin;
		CHECK(slept >= ns);
		begin = uptime_ns();
		delay_ns(ns);
		CHECK(uptime_ns() - begin + 1 >= ns); /* both ends are rounded down */
	}
}

SELFTEST(conversions_agree_with_the_clock)
{
	for (nsec_t ahead = 1; ahead < 1000 * NSEC_PER_SEC; ahead *= 7) {
		nsec_t now = uptime_ns();
		uint64_t tsc = cpu_timestamp(), then = uptime_to_tsc(now + ahead);
		/* Time goes by between the two lines. */
		nsec_t until = then > tsc ? tsc_to_ns(then - tsc) : 0;
		CHECK(until <= ahead + 2 && until + LATE_MAX_NS > ahead);
		CHECK(ns_to_tsc(tsc_to_ns(1000000)) <=
		      1000000 + tsc_frequency_hz() / NSEC_PER_SEC + 1);
	}
	CHECK_EQ(ns_to_tsc(0), 0);
	/* Far enough away to saturate, if a tick is shorter than a nanosecond; else far away all the same. */
	uint64_t end = uptime_to_tsc(NSEC_MAX - 1);
	CHECK(end > ns_to_tsc(1000000000 * NSEC_PER_SEC));
	if (tsc_frequency_hz() > NSEC_PER_SEC + NSEC_PER_SEC / 8)
		CHECK_EQ(end, UINT64_MAX);
}

SELFTEST(wall_clock_follows_the_uptime)
{
	nsec_t old = unix_time_ns(), begin = uptime_ns();
	clock_set_unix_time(1000000000 * NSEC_PER_SEC);
	CHECK_EQ(unix_timestamp(), 1000000000);
	thread_sleep(10 * NSEC_PER_MSEC);
	CHECK(unix_time_ns() >= 1000000000 * NSEC_PER_SEC + 10 * NSEC_PER_MSEC);
	clock_set_unix_time(old + (uptime_ns() - begin));
}

static void nothing(struct timer *timer)
{
	(void)timer;
}

BENCH(timer_arm_cancel, 150, "timer arm + cancel")
{
	struct timer timer;
	timer_init(&timer, nothing);
	nsec_t deadline = uptime_ns() + 1000 * NSEC_PER_SEC;
	for (uint64_t i = 0; i < rounds; i++) {
		timer_arm(&timer, deadline);
		timer_cancel(&timer);
	}
}

#define CROWD 1000

BENCH(timer_arm_cancel_1000, 0, "arm 1000 timers at random, then cancel them; per 1000")
{
	static struct timer crowd[CROWD];
	uint64_t seed = 1;
	nsec_t base = uptime_ns() + 1000 * NSEC_PER_SEC;
	for (unsigned i = 0; i < CROWD; i++)
		timer_init(&crowd[i], nothing);
	for (; rounds > 0; rounds--) {
		for (unsigned i = 0; i < CROWD; i++)
			timer_arm(&crowd[i], base + random_next(&seed) % NSEC_PER_SEC);
		for (unsigned i = 0; i < CROWD; i++)
			timer_cancel(&crowd[i]);
	}
}

BENCH(uptime_read, 25, "uptime_ns")
{
	for (uint64_t i = 0; i < rounds; i++)
		(void)uptime_ns();
}
