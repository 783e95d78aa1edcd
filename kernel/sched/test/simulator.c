#include "simulator.h"

#include <lib/random.h>
#include <lib/string.h>
#include <stdlib.h>
#include <test/test.h>

struct sim *sim_create(void)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	policy_set_clock(1000000000);
	run_queue_init(&sim->rq, 0);
	sim->now = 1000 * MS;
	sim->seed = 1;
	sim->idle.is_idle = true;
	sim->idle.burst_limit = UINT64_MAX;
	sim->rq.current = sim->rq.idle = &sim->idle;
	return sim;
}

void sim_destroy(struct sim *sim)
{
	free(sim);
}

static struct sim_thread *of(struct thread *thread)
{
	return container_of(thread, struct sim_thread, thread);
}

struct sim_thread *sim_running(struct sim *sim)
{
	return sim->rq.current == &sim->idle ? NULL : of(sim->rq.current);
}

static uint64_t vary(struct sim *sim, const struct sim_thread *thread, uint64_t duration)
{
	if (!thread->jitter || duration == SIM_NEVER || !duration)
		return duration;
	return 1 + random_next(&sim->seed) % (2 * duration);
}

static void choose(struct sim *sim, struct thread *next)
{
	struct run_queue *rq = &sim->rq;
	if (!next)
		next = &sim->idle;
	rq->slice_end = rq->ready_count ? sim->now + rq->slice : UINT64_MAX;
	sim->switches += next != rq->current;
	rq->current = next;
	next->state = THREAD_RUNNING;
	next->burst_start = sim->now;
	if (next == &sim->idle)
		return;
	of(next)->turn_start = sim->now;
	if (sim->on_switch)
		sim->on_switch(sim, of(next));
}

/* Its turn was a real one: until it began, the thread waited. */
static void note_served(struct sim *sim, struct sim_thread *thread)
{
	thread->waited_max = max(thread->waited_max, thread->turn_start - thread->ready_since);
	thread->ready_since = sim->now;
}

static void preempt(struct sim *sim)
{
	struct run_queue *rq = &sim->rq;
	struct thread *prev = rq->current;
	uint64_t ran = policy_account(prev, sim->now);
	if (prev != &sim->idle) {
		if (ran + policy_ticks.timer_slack >= 1 * MS)
			note_served(sim, of(prev));
		run_queue_enqueue(
		    rq, prev, sim->now, run_queue_after_turn(rq, prev, ran, sim->now));
	}
	choose(sim, run_queue_pick(rq, sim->now));
}

void sim_yield(struct sim *sim)
{
	struct run_queue *rq = &sim->rq;
	struct thread *prev = rq->current;
	policy_account(prev, sim->now);
	note_served(sim, of(prev));
	struct thread *next = run_queue_exchange(rq, prev, sim->now);
	if (next) {
		rq->slice = rq->slice_end - sim->now; /* what choose() sets it from */
	} else if (policy_is_rt(prev)) {
		run_queue_enqueue(rq, prev, sim->now, ENQUEUE_BACK);
		next = run_queue_pick(rq, sim->now);
	} else {
		next = run_queue_yield(rq, prev, sim->now);
	}
	choose(sim, next);
}

static void block(struct sim *sim)
{
	struct run_queue *rq = &sim->rq;
	struct sim_thread *prev = of(rq->current);
	policy_account(&prev->thread, sim->now);
	note_served(sim, prev);
	run_queue_note_block(rq, sim->now);
	policy_end_burst(&prev->thread);
	prev->thread.state = THREAD_BLOCKED;
	prev->wakes_at = sim->now + vary(sim, prev, prev->sleep_for);
	prev->bursts++;
	choose(sim, run_queue_pick(rq, sim->now));
}

static void make_ready(struct sim *sim, struct sim_thread *thread)
{
	struct run_queue *rq = &sim->rq;
	thread->wakes_at = SIM_NEVER;
	thread->left = vary(sim, thread, thread->run_for);
	thread->ready_since = sim->now;
	run_queue_enqueue(rq, &thread->thread, sim->now, ENQUEUE_BACK);
	if (run_queue_should_preempt(rq, &thread->thread, sim->now))
		preempt(sim);
	else if (rq->slice_end == UINT64_MAX)
		rq->slice_end = sim->now + run_queue_slice(rq, rq->current, sim->now);
}

static struct sim_thread *add(struct sim *sim, uint64_t run_for, uint64_t sleep_for)
{
	CHECK(sim->count < SIM_THREADS);
	struct sim_thread *thread = &sim->threads[sim->count++];
	thread->run_for = run_for;
	thread->sleep_for = sleep_for;
	thread->thread.affinity = ~0ull;
	return thread;
}

struct sim_thread *sim_add(
    struct sim *sim, enum thread_priority priority, uint64_t run_for, uint64_t sleep_for)
{
	struct sim_thread *thread = add(sim, run_for, sleep_for);
	thread->thread.priority = (uint8_t)priority;
	policy_init_thread(&thread->thread);
	make_ready(sim, thread);
	return thread;
}

struct sim_thread *sim_add_rt(struct sim *sim, enum sched_policy policy, unsigned rt_priority,
    uint64_t run_for, uint64_t sleep_for)
{
	struct sim_thread *thread = add(sim, run_for, sleep_for);
	thread->thread.priority = PRIORITY_REALTIME;
	thread->thread.policy = (uint8_t)policy;
	thread->thread.rt_priority = (uint8_t)rt_priority;
	policy_init_thread(&thread->thread);
	make_ready(sim, thread);
	return thread;
}

static struct sim_thread *first_to_wake(struct sim *sim)
{
	struct sim_thread *first = NULL;
	for (unsigned i = 0; i < sim->count; i++) {
		struct sim_thread *thread = &sim->threads[i];
		if (thread->thread.state == THREAD_BLOCKED &&
		    (!first || thread->wakes_at < first->wakes_at))
			first = thread;
	}
	return first;
}

static void advance(struct sim *sim, uint64_t to)
{
	struct sim_thread *running = sim_running(sim);
	if (running) {
		running->got += to - sim->now;
		if (running->left != SIM_NEVER)
			running->left -= to - sim->now;
	}
	sim->now = to;
}

void sim_run(struct sim *sim, uint64_t duration)
{
	uint64_t end = sim->now + duration;
	while (sim->now < end) {
		struct sim_thread *running = sim_running(sim), *sleeper = first_to_wake(sim);
		uint64_t blocks =
		    running && running->left != SIM_NEVER ? sim->now + running->left : SIM_NEVER;
		uint64_t wakes = sleeper ? max(sleeper->wakes_at, sim->now) : SIM_NEVER;
		uint64_t slice_end = running ? max(sim->rq.slice_end, sim->now) : SIM_NEVER;
		if (slice_end != SIM_NEVER && sim->lateness && random_next(&sim->seed) % 4 == 0)
			slice_end += random_next(&sim->seed) % sim->lateness;
		advance(sim, min(min(blocks, wakes), min(slice_end, end)));
		if (sim->now == blocks)
			block(sim);
		else if (sim->now == wakes)
			make_ready(sim, sleeper);
		else if (sim->now == slice_end)
			preempt(sim);
	}
}

void sim_check(const struct sim *sim)
{
	const struct run_queue *rq = &sim->rq;
	unsigned ready = 0, fair = 0, rt = 0;
	for (unsigned i = 0; i < sim->count; i++)
		ready += sim->threads[i].thread.state == THREAD_READY;
	CHECK_EQ(rq->ready_count, ready);

	for (unsigned level = 0; level < LEVEL_COUNT; level++) {
		const struct rb_node *node;
		uint64_t last = 0;
		unsigned count = 0;
		rb_for_each(node, &rq->levels[level].tree) {
			const struct thread *thread = rb_entry(node, struct thread, run_node);
			CHECK(!count || (int64_t)(thread->vruntime - last) >= 0);
			CHECK_EQ(policy_level(thread), level);
			CHECK(!policy_is_rt(thread));
			last = thread->vruntime;
			count++;
		}
		CHECK_EQ(rq->levels[level].count, count);
		fair += count;
	}

	const struct thread *thread;
	uint64_t age = 0;
	unsigned by_age = 0;
	list_for_each(thread, &rq->by_age, run_link) {
		CHECK(thread->enqueued_at >= age);
		age = thread->enqueued_at;
		by_age++;
	}
	CHECK_EQ(by_age, fair);

	for (unsigned priority = 0; priority <= RT_PRIORITY_MAX; priority++) {
		CHECK_EQ((rq->rt_bitmap[priority / 64] >> priority % 64 & 1) != 0,
		    !list_is_empty(&rq->rt[priority]));
		list_for_each(thread, &rq->rt[priority], run_link)
			rt++;
	}
	CHECK_EQ(rq->rt_count, rt);
	CHECK_EQ(rt + fair, ready);
}
