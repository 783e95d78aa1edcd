/* The choice among ready threads, under simulated time. */
#include <lib/random.h>
#include <test/test.h>

#include "simulator.h"

/* Within `percent` of what it should be. */
static void check_share(uint64_t got, uint64_t fair, unsigned percent)
{
	uint64_t off = got > fair ? got - fair : fair - got;
	if (off * 100 > fair * percent)
		test_fail(__FILE__, __LINE__, "got %llu us, fair is %llu us",
		    (unsigned long long)(got / US), (unsigned long long)(fair / US));
}

/* The bound of docs/scheduler.md for a fair thread, `others` fair ones being ready on the CPU too. */
static uint64_t bound(unsigned others)
{
	return policy_ticks.overdue_age + policy_ticks.slice[LEVEL_COLD] +
	       2 * others * policy_ticks.slice_overdue;
}

/* The same below real-time threads that never block. */
static uint64_t bound_under_rt(unsigned others)
{
	return policy_ticks.overdue_age + policy_ticks.rt_gap +
	       (others + 1) * (policy_ticks.rt_gap + policy_ticks.slice_overdue);
}

TEST(spinners_share_equally)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 7; i++)
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	sim_run(sim, 5000 * MS);
	sim_check(sim);
	for (int i = 0; i < 7; i++) {
		check_share(sim->threads[i].got, 5000 * MS / 7, 3);
		CHECK_EQ(sim->threads[i].thread.queue, QUEUE_COLD);
	}
	sim_destroy(sim);
}

TEST(spinners_share_by_weight)
{
	struct sim *sim = sim_create();
	struct sim_thread *low = sim_add(sim, PRIORITY_LOW, SIM_NEVER, 0);
	struct sim_thread *normal = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *high = sim_add(sim, PRIORITY_HIGH, SIM_NEVER, 0);
	sim_run(sim, 7000 * MS);
	check_share(low->got, 1000 * MS, 4);
	check_share(normal->got, 2000 * MS, 4);
	check_share(high->got, 4000 * MS, 4);
	sim_destroy(sim);
}

/*
 * A timer that is often late by more than the age at which waiting is too long: turns by age then carry weight of their
 * own, so low priority gets somewhat more than its share, but equals stay equal.
 */
TEST(equals_stay_equal_under_a_late_timer)
{
	struct sim *sim = sim_create();
	sim->lateness = 200 * MS;
	struct sim_thread *low = sim_add(sim, PRIORITY_LOW, SIM_NEVER, 0);
	struct sim_thread *normal = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *other = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *high = sim_add(sim, PRIORITY_HIGH, SIM_NEVER, 0);
	sim_run(sim, 90000 * MS);
	check_share(normal->got, other->got, 3);
	check_share(low->got, 10000 * MS, 40);
	check_share(high->got, 40000 * MS, 20);
	sim_destroy(sim);
}

TEST(busy_hot_threads_share_equally)
{
	struct sim *sim = sim_create();
	/* Together they want more than there is: 5 x 500 us every 1 ms. */
	for (int i = 0; i < 5; i++)
		sim_add(sim, PRIORITY_NORMAL, 500 * US, 500 * US);
	sim_run(sim, 5000 * MS);
	sim_check(sim);
	for (int i = 0; i < 5; i++)
		check_share(sim->threads[i].got, 1000 * MS, 5);
	sim_destroy(sim);
}

TEST(hot_thread_gets_all_it_wants_at_once)
{
	struct sim *sim = sim_create();
	struct sim_thread *hot = sim_add(sim, PRIORITY_NORMAL, 200 * US, 5 * MS);
	for (int i = 0; i < 10; i++)
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	sim_run(sim, 500 * MS);
	CHECK_EQ(hot->thread.queue, QUEUE_HOT);
	hot->waited_max = hot->got = 0;
	sim_run(sim, 5000 * MS);
	/* At most it waits for the short turn of an overdue thread. */
	CHECK(hot->waited_max <= policy_ticks.slice_overdue);
	check_share(hot->got, 5000 * MS * 200 / 5200, 5);
	sim_destroy(sim);
}

TEST(sleeper_hoards_nothing)
{
	struct sim *sim = sim_create();
	struct sim_thread *spinner = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *sleeper = sim_add(sim, PRIORITY_NORMAL, 30 * MS, 10000 * MS);
	sim_run(sim, 9000 * MS);
	/* Back after seconds of sleep, it computes: equal shares from then on, not a minute to make up for. */
	sleeper->run_for = SIM_NEVER;
	sim_run(sim, 2000 * MS);
	CHECK_EQ(sleeper->thread.state == THREAD_BLOCKED, false);
	uint64_t before_spinner = spinner->got, before_sleeper = sleeper->got;
	sim_run(sim, 1000 * MS);
	check_share(spinner->got - before_spinner, 500 * MS, 5);
	check_share(sleeper->got - before_sleeper, 500 * MS, 5);
	sim_destroy(sim);
}

/* Alone for a long time, then joined by a newcomer: neither waits for the other to catch up. */
TEST(long_alone_then_shared)
{
	for (int blocks_between = 0; blocks_between < 2; blocks_between++) {
		struct sim *sim = sim_create();
		struct sim_thread *old = sim_add(
		    sim, PRIORITY_NORMAL, blocks_between ? 1000000 * MS : SIM_NEVER, 5 * MS);
		sim_run(sim, 1000001 * MS);
		struct sim_thread *newcomer = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
		old->run_for = SIM_NEVER;
		sim_run(sim, 100 * MS);
		uint64_t old_before = old->got, new_before = newcomer->got;
		sim_run(sim, 1000 * MS);
		check_share(old->got - old_before, 500 * MS, 5);
		check_share(newcomer->got - new_before, 500 * MS, 5);
		sim_destroy(sim);
	}
}

TEST(idle_priority_runs_when_nobody_else_does_and_within_the_bound)
{
	struct sim *sim = sim_create();
	struct sim_thread *idle = sim_add(sim, PRIORITY_IDLE, SIM_NEVER, 0);
	sim_run(sim, 100 * MS);
	CHECK_EQ(idle->got, 100 * MS);

	sim_add(sim, PRIORITY_LOW, SIM_NEVER, 0);
	idle->got = 0;
	sim_run(sim, 10000 * MS);
	CHECK(idle->waited_max <= bound(1));
	/* One short turn per overdue age. */
	CHECK(idle->got <= 10000 * MS / 40 && idle->got >= 10000 * MS / 80);
	sim_destroy(sim);
}

/* A crowd of hot threads that want the whole CPU, and everything else below them. */
TEST(nobody_starves_below_a_hot_crowd)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 20; i++)
		sim_add(sim, PRIORITY_HIGH, 300 * US, 200 * US);
	for (int i = 0; i < 3; i++) {
		sim_add(sim, PRIORITY_NORMAL, 5 * MS, 1 * MS);
		sim_add(sim, PRIORITY_LOW, SIM_NEVER, 0);
		sim_add(sim, PRIORITY_IDLE, SIM_NEVER, 0);
	}
	sim_run(sim, 20000 * MS);
	sim_check(sim);
	for (unsigned i = 0; i < sim->count; i++)
		CHECK(sim->threads[i].waited_max <= bound(sim->count - 1));
	/* And the crowd still answers: overdue turns are every second one at most. */
	for (int i = 0; i < 20; i++)
		CHECK(sim->threads[i].got > 20000 * MS / 20 / 4);
	sim_destroy(sim);
}

static void add_random(struct sim *sim, uint64_t *seed)
{
	static const uint64_t lengths[] = {
	    10 * US, 100 * US, 700 * US, 2 * MS, 8 * MS, 15 * MS, 60 * MS, SIM_NEVER};
	uint64_t run = lengths[random_next(seed) % ARRAY_LEN(lengths)];
	uint64_t sleep = lengths[random_next(seed) % (ARRAY_LEN(lengths) - 1)];
	struct sim_thread *thread =
	    sim_add(sim, (enum thread_priority)(random_next(seed) % PRIORITY_REALTIME), run, sleep);
	thread->jitter = 1;
}

TEST(starvation_bound_holds_for_random_workloads)
{
	uint64_t seed = 7;
	for (int round = 0; round < 150; round++) {
		struct sim *sim = sim_create();
		sim->seed = random_next(&seed);
		unsigned count = 2 + (unsigned)(random_next(&seed) % (round % 10 ? 30 : 200));
		for (unsigned i = 0; i < count; i++)
			add_random(sim, &seed);
		for (int part = 0; part < 10; part++) {
			sim_run(sim, 200 * MS);
			sim_check(sim);
		}
		for (unsigned i = 0; i < count; i++) {
			/* Whoever still waits counts too. */
			struct sim_thread *thread = &sim->threads[i];
			if (thread->thread.state == THREAD_READY)
				thread->waited_max =
				    max(thread->waited_max, sim->now - thread->ready_since);
			if (thread->waited_max > bound(count - 1))
				test_fail(__FILE__, __LINE__,
				    "round %d: %u threads, waited %llu us, bound %llu us", round,
				    count, (unsigned long long)(thread->waited_max / US),
				    (unsigned long long)(bound(count - 1) / US));
		}
		sim_destroy(sim);
	}
}

TEST(real_time_leaves_a_little_to_the_others)
{
	struct sim *sim = sim_create();
	struct sim_thread *fifo = sim_add_rt(sim, POLICY_FIFO, 99, SIM_NEVER, 0);
	for (int i = 0; i < 4; i++)
		sim_add(sim, i % 2 ? PRIORITY_NORMAL : PRIORITY_IDLE, SIM_NEVER, 0);
	sim_run(sim, 10000 * MS);
	for (unsigned i = 1; i < sim->count; i++)
		CHECK(sim->threads[i].waited_max <= bound_under_rt(3));
	/* At least 95 % for real time. */
	CHECK(fifo->got >= 9500 * MS);
	CHECK(fifo->got < 10000 * MS);
	sim_destroy(sim);
}

TEST(higher_real_time_priority_first)
{
	struct sim *sim = sim_create();
	struct sim_thread *high = sim_add_rt(sim, POLICY_RR, 64, 3 * MS, 7 * MS);
	struct sim_thread *middle = sim_add_rt(sim, POLICY_FIFO, 63, 5 * MS, 45 * MS);
	struct sim_thread *low = sim_add_rt(sim, POLICY_FIFO, 1, SIM_NEVER, 0);
	sim_run(sim, 1000 * MS);
	CHECK_EQ(high->waited_max, 0);
	CHECK(middle->waited_max <= 3 * MS);
	check_share(high->got, 300 * MS, 2);
	check_share(middle->got, 100 * MS, 10);
	check_share(low->got, 600 * MS, 5);
	sim_destroy(sim);
}

static struct sim_thread *order[64];
static unsigned order_count;

static void note_order(struct sim *sim, struct sim_thread *to)
{
	(void)sim;
	if (order_count < ARRAY_LEN(order))
		order[order_count++] = to;
}

TEST(fifo_runs_in_order_of_arrival_to_the_end)
{
	struct sim *sim = sim_create();
	sim->on_switch = note_order;
	order_count = 0;
	struct sim_thread *first = sim_add_rt(sim, POLICY_FIFO, 50, 100 * MS, SIM_NEVER / 2);
	struct sim_thread *second = sim_add_rt(sim, POLICY_FIFO, 50, 100 * MS, SIM_NEVER / 2);
	struct sim_thread *above = sim_add_rt(sim, POLICY_FIFO, 51, 10 * MS, SIM_NEVER / 2);
	sim_run(sim, 300 * MS);
	/* first is preempted by above and goes on before second: a preempted thread keeps its place. */
	CHECK(order[0] == first && order[1] == above && order[2] == first);
	CHECK_EQ(second->got, 100 * MS);
	for (unsigned i = 3, seen_second = 0; i < order_count; i++) {
		seen_second |= order[i] == second;
		CHECK(!seen_second || order[i] == second);
	}
	sim_destroy(sim);
}

TEST(rr_takes_turns)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 3; i++)
		sim_add_rt(sim, POLICY_RR, 10, SIM_NEVER, 0);
	sim->on_switch = note_order;
	order_count = 0;
	sim_run(sim, 300 * MS);
	CHECK(order_count >= 25);
	for (unsigned i = 3; i < order_count; i++)
		CHECK(order[i] == order[i - 3]);
	for (int i = 0; i < 3; i++)
		check_share(sim->threads[i].got, 100 * MS, 11);
	sim_destroy(sim);
}

TEST(yield_goes_to_every_other_first)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 5; i++)
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	sim->on_switch = note_order;
	order_count = 0;
	struct sim_thread *last = sim_running(sim);
	for (int i = 0; i < 50; i++) {
		sim_run(sim, 1 * US);
		sim_yield(sim);
		CHECK(sim_running(sim) != last);
		last = sim_running(sim);
		sim_check(sim);
	}
	for (int i = 0; i < 5; i++) {
		unsigned turns = 0;
		for (unsigned k = 0; k < order_count; k++)
			turns += order[k] == &sim->threads[i];
		CHECK(turns >= 9 && turns <= 11);
	}
	sim_destroy(sim);
}

/* Two have run long, as when the host held the processor back: the third keeps what it is owed, though it yields. */
TEST(yield_forgives_nothing)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 3; i++)
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	for (int i = 0; i < 2; i++) {
		sim->now += 8 * MS;
		sim_yield(sim);
	}
	struct sim_thread *owed = sim_running(sim);
	uint64_t vruntime = owed->thread.vruntime;
	sim_yield(sim);
	CHECK(sim_running(sim) != owed);
	CHECK_EQ(owed->thread.vruntime, vruntime);
	sim_yield(sim);
	CHECK(sim_running(sim) == owed);
	sim_check(sim);
	sim_destroy(sim);
}

TEST(two_yielders_exchange)
{
	struct sim *sim = sim_create();
	struct sim_thread *a = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *b = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	CHECK(sim_running(sim) == a);
	for (int i = 0; i < 1000; i++) {
		sim_run(sim, 100 * US);
		sim_yield(sim);
		CHECK(sim_running(sim) == (i % 2 ? a : b));
		sim_check(sim);
	}
	check_share(a->got, 50 * MS, 5);
	/* Then one leaves and another comes: the structure that was exchanged in place is sound. */
	sim_add(sim, PRIORITY_HIGH, SIM_NEVER, 0);
	sim_run(sim, 1000 * MS);
	sim_check(sim);
	check_share(sim->threads[2].got, 500 * MS, 10);
	sim_destroy(sim);
}

TEST(real_time_yield_stays_within_its_priority)
{
	struct sim *sim = sim_create();
	struct sim_thread *a = sim_add_rt(sim, POLICY_FIFO, 5, SIM_NEVER, 0);
	sim_add(sim, PRIORITY_HIGH, SIM_NEVER, 0);
	sim_add_rt(sim, POLICY_FIFO, 4, SIM_NEVER, 0);
	sim_yield(sim);
	CHECK(sim_running(sim) == a);
	struct sim_thread *b = sim_add_rt(sim, POLICY_FIFO, 5, SIM_NEVER, 0);
	sim_yield(sim);
	CHECK(sim_running(sim) == b);
	sim_destroy(sim);
}

TEST(slices_go_by_queue)
{
	struct sim *sim = sim_create();
	struct sim_thread *a = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct sim_thread *b = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	sim_run(sim, 200 * MS);
	uint64_t switches = sim->switches;
	sim_run(sim, 1000 * MS);
	/* Cold: 10 ms each. */
	CHECK(sim->switches - switches >= 95 && sim->switches - switches <= 105);
	CHECK_EQ(a->thread.queue, QUEUE_COLD);
	CHECK_EQ(run_queue_slice(&sim->rq, &b->thread, sim->now), 10 * MS);
	b->thread.queue = QUEUE_HOT;
	CHECK_EQ(run_queue_slice(&sim->rq, &b->thread, sim->now), 1 * MS);
	sim_destroy(sim);
}

/* Wake-ups interrupt a colder thread, and one of the same queue only when they are well behind it. */
TEST(preemption_by_queue_and_lag)
{
	struct sim *sim = sim_create();
	struct sim_thread *running = sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
	struct thread woken = {.affinity = ~0ull, .priority = PRIORITY_NORMAL};
	policy_init_thread(&woken);
	woken.vruntime_of = &sim->rq.levels[LEVEL_NORMAL];
	running->thread.vruntime = 100 * MS;
	woken.vruntime = 100 * MS - policy_ticks.preempt_margin;
	CHECK(!run_queue_should_preempt(&sim->rq, &woken, sim->now));
	woken.vruntime--;
	CHECK(run_queue_should_preempt(&sim->rq, &woken, sim->now));
	woken.queue = QUEUE_COLD;
	CHECK(!run_queue_should_preempt(&sim->rq, &woken, sim->now));
	woken.queue = QUEUE_HOT;
	CHECK(run_queue_should_preempt(&sim->rq, &woken, sim->now));
	sim->rq.turn = TURN_OVERDUE;
	CHECK(!run_queue_should_preempt(&sim->rq, &woken, sim->now));
	woken.rt_priority = 1;
	CHECK(run_queue_should_preempt(&sim->rq, &woken, sim->now));
	sim->rq.turn = TURN_OVERDUE_OVER_RT;
	CHECK(!run_queue_should_preempt(&sim->rq, &woken, sim->now));
	sim_destroy(sim);
}

TEST(steal_takes_real_time_first_then_the_oldest_allowed)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 6; i++) {
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
		sim->now += 10 * US;
	}
	sim_add_rt(sim, POLICY_FIFO, 90, SIM_NEVER, 0);
	struct sim_thread *rt = sim_add_rt(sim, POLICY_FIFO, 80, SIM_NEVER, 0);
	struct thread *oldest_allowed = NULL;
	struct thread *thread;
	list_for_each(thread, &sim->rq.by_age, run_link) {
		/* Every second one may not go to CPU 3. */
		thread->affinity =
		    (thread - &sim->threads[0].thread) % 2 || !oldest_allowed ? 0x7 : 0xf;
		if (!oldest_allowed &&
		    thread != list_first(&sim->rq.by_age, struct thread, run_link)) {
			thread->affinity = 0xf;
			oldest_allowed = thread;
		}
	}
	CHECK(run_queue_steal(&sim->rq, 3) == &rt->thread);
	CHECK(run_queue_steal(&sim->rq, 3) == oldest_allowed);
	CHECK_EQ(oldest_allowed->state, THREAD_MOVING);
	CHECK_EQ(oldest_allowed->cpu, 3);
	list_for_each(thread, &sim->rq.by_age, run_link)
		thread->affinity = 0x1;
	CHECK(run_queue_steal(&sim->rq, 3) == NULL);
	sim_check(sim);
	sim_destroy(sim);
}

/* Moving does not make it young again. */
TEST(moved_thread_keeps_its_age)
{
	struct sim *sim = sim_create();
	for (int i = 0; i < 4; i++) {
		sim_add(sim, PRIORITY_NORMAL, SIM_NEVER, 0);
		sim->now += 1 * MS;
	}
	struct thread *moved = run_queue_steal(&sim->rq, 0);
	uint64_t since = moved->enqueued_at;
	sim->now += 5 * MS;
	run_queue_enqueue(&sim->rq, moved, sim->now, ENQUEUE_BACK);
	CHECK_EQ(moved->enqueued_at, since);
	CHECK(list_first(&sim->rq.by_age, struct thread, run_link) == moved);
	sim_check(sim);
	sim_destroy(sim);
}

/* Threads that change their ways all the time: the structure stays sound. */
TEST(random_traffic_keeps_the_run_queue_sound)
{
	uint64_t seed = 99;
	struct sim *sim = sim_create();
	for (int i = 0; i < 60; i++)
		add_random(sim, &seed);
	for (int i = 0; i < 5; i++)
		sim_add_rt(sim, i % 2 ? POLICY_RR : POLICY_FIFO,
		    1 + (unsigned)(random_next(&seed) % 99), 1 * MS, 60 * MS);
	for (int step = 0; step < 3000; step++) {
		sim_run(sim, 1 + random_next(&seed) % (2 * MS));
		struct sim_thread *any = &sim->threads[random_next(&seed) % 60];
		any->run_for = random_next(&seed) % 2 ? 50 * US : 20 * MS;
		if (any->thread.state == THREAD_READY && random_next(&seed) % 4 == 0) {
			run_queue_dequeue(&sim->rq, &any->thread);
			any->thread.priority = (uint8_t)(random_next(&seed) % PRIORITY_REALTIME);
			any->thread.vruntime_of = NULL;
			any->thread.vruntime_rate = policy_vruntime_rate(any->thread.priority);
			run_queue_enqueue(&sim->rq, &any->thread, sim->now, ENQUEUE_BACK);
		}
		if (sim_running(sim) && random_next(&seed) % 3 == 0)
			sim_yield(sim);
		sim_check(sim);
	}
	sim_destroy(sim);
}
