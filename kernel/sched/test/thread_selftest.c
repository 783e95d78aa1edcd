/* Threads come, wait, are woken and go. */
#include "crew.h"
#include <abi/errno.h>
#include <lib/random.h>
#include <mm/kernel_map.h>
#include <mm/page_table.h>
#include <mm/slab.h>
#include <test/selftest.h>
#include <time/clock.h>

static void add_one(void *arg)
{
	atomic_fetch_add((uint64_t *)arg, 1);
}

static void exit_with_42(void *arg)
{
	(void)arg;
	thread_exit(42);
}

SELFTEST(thousands_of_threads_come_and_go)
{
	enum { BATCH = 250 };
	static struct thread *threads[BATCH];
	uint64_t ran = 0, rounds = selftest_rounds(12);
	for (uint64_t round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < BATCH; i++) {
			threads[i] = thread_create("one of many", add_one, &ran);
			CHECK(threads[i] != NULL);
			thread_start(threads[i]);
		}
		for (unsigned i = 0; i < BATCH; i++) {
			CHECK_EQ(thread_join(threads[i]), 0);
			thread_put(threads[i]);
		}
	}
	CHECK_EQ(atomic_load(&ran), rounds * BATCH);
}

SELFTEST(spawned_threads_are_freed_by_themselves)
{
	unsigned before = thread_count();
	uint64_t ran = 0;
	for (unsigned i = 0; i < 500; i++)
		CHECK_EQ(thread_spawn("spawned", add_one, &ran), 0);
	nsec_t deadline = uptime_ns() + 20 * NSEC_PER_SEC;
	while ((atomic_load(&ran) < 500 || thread_count() != before) && uptime_ns() < deadline)
		thread_sleep(NSEC_PER_MSEC);
	CHECK_EQ(atomic_load(&ran), 500);
	CHECK_EQ(thread_count(), before);
}

SELFTEST(exit_code_reaches_every_joiner)
{
	struct thread *thread = thread_create("exits", exit_with_42, NULL);
	CHECK(thread != NULL);
	thread_start(thread);
	CHECK_EQ(thread_join(thread), 42);
	CHECK_EQ(thread_join(thread), 42);
	thread_put(thread);
}

SELFTEST(thread_never_started_is_freed)
{
	unsigned before = thread_count();
	struct thread *thread = thread_create("stillborn", add_one, NULL);
	CHECK(thread != NULL);
	CHECK_EQ(thread_count(), before + 1);
	thread_put(thread);
	CHECK_EQ(thread_count(), before);
}

/* The nth allocation fails, for each n, until there is none left to fail. */
SELFTEST(thread_create_survives_every_failure)
{
	for (uint64_t n = 1;; n++) {
		kernel_map_trim();
		slab_trim();
		unsigned before = thread_count();
		alloc_fail_after(n);
		struct thread *thread = thread_create("perhaps", add_one, NULL);
		bool has_failed = alloc_fail_after(0);
		CHECK(thread || has_failed);
		if (thread)
			thread_put(thread);
		CHECK_EQ(thread_count(), before);
		if (!has_failed)
			break;
		CHECK(n < 100);
	}
}

SELFTEST(stack_has_a_guard_page)
{
	uintptr_t stack = (uintptr_t)current_thread()->stack;
	struct translation translation;
	CHECK(stack != 0);
	CHECK_EQ(page_table_translate(&kernel_page_table, stack, &translation), 0);
	CHECK(page_table_translate(&kernel_page_table, stack - 1, &translation) != 0);
	CHECK(kernel_stack_is_guard(stack - 1));
	CHECK(!kernel_stack_is_guard(stack));
}

/* How late the latest of a few sleeps in a row, of different lengths, ends. */
static nsec_t worst_of_some_sleeps(void)
{
	nsec_t worst = 0;
	for (unsigned halves = 1; halves <= 5; halves++) {
		nsec_t wanted = uptime_ns() + halves * NSEC_PER_MSEC / 2;
		thread_sleep_until(wanted);
		nsec_t now = uptime_ns();
		CHECK(now >= wanted);
		worst = max(worst, now - wanted);
	}
	return worst;
}

/* The best of many rows: a host that looks away spoils some, but a sleep that is rounded up to anything spoils all. */
SELFTEST(sleep_is_long_enough_and_not_much_longer)
{
	nsec_t late = NSEC_MAX, deadline = uptime_ns() + PATIENCE_NS;
	unsigned rows = 0;
	for (; rows < 4 || (late >= NSEC_PER_MSEC && uptime_ns() < deadline); rows++)
		late = min(late, worst_of_some_sleeps());
	selftest_note("at most %llu us late in the best of %u rows", late / NSEC_PER_USEC, rows);
	CHECK(late < NSEC_PER_MSEC);
}

SELFTEST(wake_before_block_is_not_lost)
{
	for (unsigned i = 0; i < 1000; i++) {
		thread_prepare_to_block();
		CHECK(thread_wake(current_thread()));
		CHECK(!thread_wake(current_thread()));
		CHECK_EQ(thread_block(NSEC_MAX), 0);
	}
	thread_prepare_to_block();
	thread_cancel_block();
	CHECK(!thread_wake(current_thread()));
}

SELFTEST(block_ends_at_its_deadline)
{
	nsec_t deadline = uptime_ns() + 3 * NSEC_PER_MSEC;
	thread_prepare_to_block();
	CHECK_EQ(thread_block(deadline), -ETIMEDOUT);
	CHECK(uptime_ns() >= deadline);
	/* In the past: at once. */
	thread_prepare_to_block();
	CHECK_EQ(thread_block(1), -ETIMEDOUT);
}

/* Pairs that wake each other as fast as they can: one lost wake-up and a pair stands still. */
struct pair {
	struct thread *threads[2];
	uint32_t turn; /* a: whose it is */
	uint64_t rounds;
};

static void play(struct crew_member *member)
{
	struct pair *pair = (struct pair *)member->crew->shared + member->number / 2;
	uint32_t me = member->number % 2;
	for (uint64_t round = 0; round < pair->rounds; round++) {
		for (;;) {
			thread_prepare_to_block();
			if (atomic_load(&pair->turn) == me)
				break;
			CHECK_EQ(thread_block(NSEC_MAX), 0);
		}
		thread_cancel_block();
		atomic_store(&member->count, round + 1);
		atomic_store(&pair->turn, !me);
		thread_wake(pair->threads[!me]);
	}
}

SELFTEST(pairs_never_lose_a_wake_up)
{
	enum { PAIRS = 6 };
	static struct pair pairs[PAIRS];
	static struct crew crew;
	crew = (struct crew){.work = play, .shared = pairs};
	for (unsigned i = 0; i < 2 * PAIRS; i++) {
		struct crew_member *member = crew_add(&crew, "pair", ~0ull);
		pairs[i / 2].threads[i % 2] = member->thread;
		pairs[i / 2].turn = 0;
		pairs[i / 2].rounds = selftest_rounds(4000);
	}
	crew_start(&crew);
	for (unsigned i = 0; i < 2 * PAIRS; i++)
		thread_join(crew.members[i].thread);
	for (unsigned i = 0; i < 2 * PAIRS; i++)
		CHECK_EQ(crew.members[i].count, selftest_rounds(4000));
	crew_finish(&crew);
}

/* Wake-ups and deadlines that meet. Every block ends in one of the two ways, and a wake-up that said it ended a
 * wait has ended one. */
struct race {
	struct thread *waiter;
	uint64_t claimed; /* a: thread_wake returned true */
	uint64_t woken;
};

static void wake_at_random(struct crew_member *member)
{
	struct race *race = member->crew->shared;
	uint64_t seed = member->number + 1;
	while (!crew_should_stop(member->crew)) {
		if (thread_wake(race->waiter))
			atomic_fetch_add(&race->claimed, 1);
		delay_ns(random_next(&seed) % (30 * NSEC_PER_USEC));
		if (random_next(&seed) % 8 == 0)
			thread_sleep(random_next(&seed) % (300 * NSEC_PER_USEC));
	}
}

SELFTEST(wake_ups_race_with_deadlines)
{
	static struct crew crew;
	static struct race race;
	uint64_t seed = selftest_seed(), timeouts = 0, cancelled = 0,
		 rounds = selftest_rounds(3000);
	crew = (struct crew){.work = wake_at_random, .shared = &race};
	race = (struct race){.waiter = current_thread()};
	crew_add(&crew, "waker", ~0ull);
	crew_add(&crew, "waker", ~0ull);
	crew_start(&crew);
	for (uint64_t round = 0; round < rounds; round++) {
		thread_prepare_to_block();
		if (random_next(&seed) % 16 == 0) {
			thread_cancel_block();
			cancelled++;
			continue;
		}
		int result = thread_block(uptime_ns() + random_next(&seed) % (50 * NSEC_PER_USEC));
		CHECK(result == 0 || result == -ETIMEDOUT);
		race.woken += result == 0;
		timeouts += result != 0;
	}
	crew_finish(&crew);
	selftest_note("%lu woken, %lu timed out", race.woken, timeouts);
	/* One that was cancelled may have been claimed just before. */
	CHECK(race.claimed >= race.woken && race.claimed <= race.woken + cancelled);
	CHECK_EQ(race.woken + timeouts + cancelled, rounds);
}

static void count_threads(struct thread *thread, void *ctx)
{
	(void)thread;
	++*(unsigned *)ctx;
}

SELFTEST(every_thread_is_listed)
{
	unsigned listed = 0;
	thread_for_each(count_threads, &listed);
	CHECK_EQ(listed, thread_count());
}
