/* How a thread moves between the queues. One tick is a nanosecond. */
#include <lib/random.h>
#include <lib/string.h>
#include <test/test.h>

#include "policy.h"

#define US 1000ull
#define MS 1000000ull

static void init(struct thread *thread)
{
	policy_set_clock(1000000000);
	memset(thread, 0, sizeof(*thread));
	thread->priority = PRIORITY_NORMAL;
	policy_init_thread(thread);
}

static void burst(struct thread *thread, uint64_t ticks)
{
	policy_account(thread, thread->burst_start + ticks);
	policy_end_burst(thread);
}

TEST(new_thread_is_normal)
{
	struct thread thread;
	init(&thread);
	CHECK_EQ(thread.queue, QUEUE_NORMAL);
	CHECK_EQ(policy_level(&thread), LEVEL_NORMAL);
}

/* Generations of a thread that forks without a pause are one burst. */
TEST(newcomers_go_on_with_their_parents_burst)
{
	struct thread parent, child, grandchild;
	init(&parent);
	init(&child);
	init(&grandchild);
	policy_inherit(&child, &parent, 4 * MS);
	CHECK_EQ(child.queue, QUEUE_NORMAL);
	policy_inherit(&grandchild, &child, child.burst_ticks + 7 * MS);
	CHECK_EQ(grandchild.queue, QUEUE_COLD);
	/* It has only to be short itself. */
	burst(&child, 100 * US);
	CHECK_EQ(child.queue, QUEUE_NORMAL);
	for (int i = 0; i < 4; i++)
		burst(&child, 100 * US);
	CHECK_EQ(child.queue, QUEUE_HOT);
}

TEST(short_bursts_make_it_hot)
{
	struct thread thread;
	init(&thread);
	burst(&thread, 100 * US);
	CHECK_EQ(thread.queue, QUEUE_HOT);
}

TEST(queue_follows_steady_bursts)
{
	static const struct {
		uint64_t burst;
		enum sched_queue queue;
	} cases[] = {{1 * US, QUEUE_HOT}, {900 * US, QUEUE_HOT}, {1100 * US, QUEUE_NORMAL},
	    {9 * MS, QUEUE_NORMAL}, {11 * MS, QUEUE_COLD}, {500 * MS, QUEUE_COLD}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct thread thread;
		init(&thread);
		for (int round = 0; round < 60; round++)
			burst(&thread, cases[i].burst);
		CHECK_EQ(thread.queue, (uint8_t)cases[i].queue);
	}
}

TEST(one_long_burst_is_forgiven)
{
	struct thread thread;
	init(&thread);
	for (int round = 0; round < 20; round++)
		burst(&thread, 50 * US);
	burst(&thread, 30 * MS);
	CHECK_EQ(thread.queue, QUEUE_NORMAL);
	for (int round = 0; round < 8; round++)
		burst(&thread, 50 * US);
	CHECK_EQ(thread.queue, QUEUE_HOT);
}

/* The average has a ceiling: an hour of computing is forgotten as fast as a second of it. */
TEST(computing_for_an_hour_is_forgotten)
{
	struct thread thread;
	init(&thread);
	for (int round = 0; round < 50; round++)
		burst(&thread, 3600ull * 1000 * MS);
	CHECK_EQ(thread.queue, QUEUE_COLD);
	int rounds = 0;
	while (thread.queue != QUEUE_HOT) {
		burst(&thread, 10 * US);
		rounds++;
	}
	CHECK_EQ(rounds, 11);
}

TEST(spinner_sinks_while_it_runs)
{
	struct thread thread;
	init(&thread);
	burst(&thread, 10 * US);
	CHECK_EQ(thread.queue, QUEUE_HOT);
	policy_account(&thread, thread.burst_start + 999 * US);
	CHECK_EQ(thread.queue, QUEUE_HOT);
	policy_account(&thread, thread.burst_start + 2 * US);
	CHECK_EQ(thread.queue, QUEUE_NORMAL);
	policy_account(&thread, thread.burst_start + 8 * MS);
	CHECK_EQ(thread.queue, QUEUE_NORMAL);
	policy_account(&thread, thread.burst_start + 2 * MS);
	CHECK_EQ(thread.queue, QUEUE_COLD);
	policy_account(&thread, thread.burst_start + 1000 * MS);
	CHECK_EQ(thread.queue, QUEUE_COLD);
}

TEST(spinner_sinks_two_queues_at_once)
{
	struct thread thread;
	init(&thread);
	burst(&thread, 10 * US);
	policy_account(&thread, thread.burst_start + 50 * MS);
	CHECK_EQ(thread.queue, QUEUE_COLD);
}

TEST(idle_priority_has_a_level_of_its_own)
{
	struct thread thread;
	init(&thread);
	thread.priority = PRIORITY_IDLE;
	CHECK_EQ(policy_level(&thread), LEVEL_IDLE);
}

TEST(vruntime_goes_by_weight)
{
	CHECK_EQ(policy_vruntime_rate(PRIORITY_HIGH) * 2, policy_vruntime_rate(PRIORITY_NORMAL));
	CHECK_EQ(policy_vruntime_rate(PRIORITY_LOW), 2 * policy_vruntime_rate(PRIORITY_NORMAL));

	struct thread thread;
	init(&thread);
	thread.vruntime_rate = policy_vruntime_rate(PRIORITY_HIGH);
	policy_account(&thread, 1000);
	CHECK_EQ(thread.vruntime, 500);
	CHECK_EQ(thread.run_ticks, 1000);
}

/* Whatever it does, the queue is one of the three and the limit is that queue's. */
TEST(random_bursts_stay_consistent)
{
	struct thread thread;
	uint64_t seed = 42;
	init(&thread);
	for (int round = 0; round < 100000; round++) {
		policy_account(&thread,
		    thread.burst_start + (random_next(&seed) >> (20 + random_next(&seed) % 44)));
		CHECK(thread.queue < QUEUE_COUNT);
		CHECK_EQ(thread.burst_limit, policy_ticks.burst_limit[thread.queue]);
		CHECK(thread.burst_ticks <= thread.burst_limit);
		if (random_next(&seed) % 3 == 0)
			policy_end_burst(&thread);
		CHECK(thread.ema_ticks <= policy_ticks.ema_max);
	}
}
