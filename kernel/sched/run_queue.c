/* The choice among the threads that are ready on one CPU, and the bound by which none of them waits too long: run_queue.h. Pure: told the time. */
#include "run_queue.h"

#include <lib/bitmap.h>
#include <log/assert.h>

/* How many threads a steal looks at before it gives up: the lock is held meanwhile, interrupts off. */
#define STEAL_LOOKS 32

void run_queue_init(struct run_queue *rq, unsigned cpu)
{
	spin_init(&rq->lock, "run queue", RANK_RUN_QUEUE);
	rq->cpu = cpu;
	rq->slice_end = rq->timer_at = UINT64_MAX;
	list_init(&rq->by_age);
	for (unsigned level = 0; level < LEVEL_COUNT; level++)
		rq->levels[level].slice = policy_ticks.slice[level];
	for (unsigned priority = 0; priority <= RT_PRIORITY_MAX; priority++)
		list_init(&rq->rt[priority]);
}

static bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static uint64_t vruntime_now(const struct thread *running, uint64_t now)
{
	return running->vruntime + ((now - running->burst_start) * running->vruntime_rate >> 10);
}

static struct thread *first_of_level(const struct run_queue_level *level)
{
	return rb_entry(level->tree.leftmost, struct thread, run_node);
}

/* The level's clock follows the one that is furthest behind, waiting or running. */
static void advance_level(struct run_queue *rq, struct run_queue_level *level, uint64_t now)
{
	const struct thread *current = rq->current;
	bool is_running = current && current->vruntime_of == level && !policy_is_rt(current);
	uint64_t least;
	if (is_running)
		least = vruntime_now(current, now);
	else if (level->count)
		least = first_of_level(level)->vruntime;
	else
		return;
	if (level->count && is_before(first_of_level(level)->vruntime, least))
		least = first_of_level(level)->vruntime;
	if (is_before(level->min_vruntime, least))
		level->min_vruntime = least;
}

/* Virtual runtimes mean something within one level of one CPU only: whoever comes from elsewhere begins at its clock. */
static void place_vruntime(struct run_queue_level *level, struct thread *thread)
{
	uint64_t floor = level->min_vruntime - policy_ticks.wake_credit;
	if (thread->vruntime_of != level)
		thread->vruntime = level->min_vruntime;
	else if (is_before(thread->vruntime, floor))
		thread->vruntime = floor;
	thread->vruntime_of = level;
}

static void insert_by_vruntime(struct run_queue_level *level, struct thread *thread)
{
	struct rb_node *parent = NULL, **link = &level->tree.root;
	bool is_leftmost = true;
	while (*link) {
		parent = *link;
		if (is_before(
			thread->vruntime, rb_entry(parent, struct thread, run_node)->vruntime)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_leftmost = false;
		}
	}
	rb_insert_at(&level->tree, &thread->run_node, parent, link, is_leftmost);
}

/* Nearly always the youngest, so the walk from the end is short; one that was moved or hardly ran may be older. */
static void insert_by_age(struct run_queue *rq, struct thread *thread)
{
	struct list *before = rq->by_age.prev;
	if (!list_is_empty(&rq->by_age) &&
	    is_before(
		thread->enqueued_at, list_first(&rq->by_age, struct thread, run_link)->enqueued_at))
		before = &rq->by_age;
	while (
	    before != &rq->by_age && is_before(thread->enqueued_at,
					 list_entry(before, struct thread, run_link)->enqueued_at))
		before = before->prev;
	list_insert_between(&thread->run_link, before, before->next);
}

static void enqueue_rt(struct run_queue *rq, struct thread *thread, enum enqueue how)
{
	struct list *list = &rq->rt[thread->rt_priority];
	if (how == ENQUEUE_BACK)
		list_push_back(list, &thread->run_link);
	else
		list_push_front(list, &thread->run_link);
	bitmap_set(rq->rt_bitmap, thread->rt_priority);
	rq->rt_count++;
}

static struct run_queue_level *level_of(struct run_queue *rq, const struct thread *thread)
{
	return &rq->levels[policy_level(thread)];
}

/* At the level's clock as it stands. */
static void enqueue_fair(struct run_queue *rq, struct thread *thread)
{
	struct run_queue_level *level = level_of(rq, thread);
	place_vruntime(level, thread);
	insert_by_vruntime(level, thread);
	insert_by_age(rq, thread);
	level->count++;
}

void run_queue_enqueue(struct run_queue *rq, struct thread *thread, uint64_t now, enum enqueue how)
{
	if (thread->state != THREAD_MOVING && how != ENQUEUE_UNSERVED)
		thread->enqueued_at = now;
	thread->state = THREAD_READY;
	if (policy_is_rt(thread)) {
		enqueue_rt(rq, thread, how);
	} else {
		advance_level(rq, level_of(rq, thread), now);
		enqueue_fair(rq, thread);
	}
	atomic_store(&rq->ready_count, rq->ready_count + 1);
}

void run_queue_dequeue(struct run_queue *rq, struct thread *thread)
{
	debug_assert(thread->state == THREAD_READY && rq->ready_count > 0);
	atomic_store(&rq->ready_count, rq->ready_count - 1);
	list_remove(&thread->run_link);
	if (policy_is_rt(thread)) {
		rq->rt_count--;
		if (list_is_empty(&rq->rt[thread->rt_priority]))
			bitmap_clear(rq->rt_bitmap, thread->rt_priority);
		return;
	}
	rb_remove(&thread->vruntime_of->tree, &thread->run_node);
	thread->vruntime_of->count--;
}

enum enqueue run_queue_after_turn(
    const struct run_queue *rq, const struct thread *thread, uint64_t ran, uint64_t now)
{
	bool has_used_slice = now + policy_ticks.timer_slack >= rq->slice_end;
	if (policy_is_rt(thread))
		return thread->policy == POLICY_RR && has_used_slice ? ENQUEUE_BACK : ENQUEUE_FRONT;
	/* Else a thread that is chosen again and again, and preempted each time before it does anything, never gets old. */
	return has_used_slice || ran >= policy_ticks.slice_overdue ? ENQUEUE_FRONT
								   : ENQUEUE_UNSERVED;
}

void run_queue_note_block(struct run_queue *rq, uint64_t now)
{
	if (!policy_is_rt(rq->current) && rq->current->vruntime_of)
		advance_level(rq, rq->current->vruntime_of, now);
}

static unsigned highest_rt(const struct run_queue *rq)
{
	return rq->rt_bitmap[1] ? 64 + log2_floor(rq->rt_bitmap[1]) : log2_floor(rq->rt_bitmap[0]);
}

static struct thread *first_rt(const struct run_queue *rq)
{
	return list_first(&rq->rt[highest_rt(rq)], struct thread, run_link);
}

/* There is one. */
static struct thread *first_fair(const struct run_queue *rq)
{
	const struct run_queue_level *level = rq->levels;
	while (!level->count)
		level++;
	return first_of_level(level);
}

/* The fair thread that has waited longest, if that is too long. */
static struct thread *find_overdue(const struct run_queue *rq, uint64_t now)
{
	if (list_is_empty(&rq->by_age))
		return NULL;
	struct thread *oldest = list_first(&rq->by_age, struct thread, run_link);
	return is_before(oldest->enqueued_at + policy_ticks.overdue_age, now) ? oldest : NULL;
}

static uint64_t slice_of(const struct thread *thread, bool is_urgent)
{
	if (policy_is_rt(thread))
		return policy_ticks.slice_rt;
	return is_urgent ? policy_ticks.slice_overdue : policy_ticks.slice[policy_level(thread)];
}

uint64_t run_queue_slice(const struct run_queue *rq, const struct thread *thread, uint64_t now)
{
	return slice_of(thread, rq->turn != TURN_REGULAR || find_overdue(rq, now));
}

/* Turns are short as long as somebody is overdue, whoever has them. */
static struct thread *take(
    struct run_queue *rq, struct thread *thread, enum turn turn, const struct thread *overdue)
{
	run_queue_dequeue(rq, thread);
	rq->turn = (uint8_t)turn;
	rq->slice = slice_of(thread, overdue);
	rq->stats.overdue += turn != TURN_REGULAR;
	return thread;
}

/* No choice, no search, no balancing: what two threads that wake each other do all day. */
static struct thread *take_only(struct run_queue *rq)
{
	struct thread *thread = list_first(&rq->by_age, struct thread, run_link);
	struct run_queue_level *level = thread->vruntime_of;
	level->tree = (struct rb_tree)RB_TREE_INIT;
	level->count = 0;
	list_init(&rq->by_age);
	atomic_store(&rq->ready_count, 0);
	rq->turn = TURN_REGULAR;
	rq->slice = level->slice;
	return thread;
}

/*
 * Overdue threads take every second turn only, so that those who answer are still served in between however many computing
 * threads have piled up; and each turn is short then, so the pile shrinks by one in two short slices at most.
 */
struct thread *run_queue_pick(struct run_queue *rq, uint64_t now)
{
	if (!rq->ready_count)
		return NULL;
	if (rq->ready_count == 1 && !rq->rt_count)
		return take_only(rq);
	struct thread *overdue = find_overdue(rq, now);
	if (rq->rt_count) {
		if (!overdue || is_before(now, rq->rt_gap_end))
			return take(rq, first_rt(rq), TURN_REGULAR, overdue);
		rq->rt_gap_end = now + policy_ticks.rt_gap;
		return take(rq, overdue, TURN_OVERDUE_OVER_RT, overdue);
	}
	if (overdue && rq->turn == TURN_REGULAR)
		return take(rq, overdue, TURN_OVERDUE, overdue);
	return take(rq, first_fair(rq), TURN_REGULAR, overdue);
}

/*
 * The others first: by its virtual runtime the yielding thread might be the next itself. The clock is advanced while all are in
 * their places: without the chosen one it could run ahead of what that one is owed, and take it away when it comes back.
 */
struct thread *run_queue_yield(struct run_queue *rq, struct thread *prev, uint64_t now)
{
	advance_level(rq, level_of(rq, prev), now);
	struct thread *next = run_queue_pick(rq, now);
	if (!next)
		return prev;
	prev->enqueued_at = now;
	prev->state = THREAD_READY;
	enqueue_fair(rq, prev);
	atomic_store(&rq->ready_count, rq->ready_count + 1);
	return next;
}

/* The level that the running thread would go back to. */
static enum level running_level(const struct thread *current, uint64_t now)
{
	uint64_t burst = current->burst_ticks + (now - current->burst_start);
	enum level level = policy_level(current);
	while (level < LEVEL_COLD && burst > policy_ticks.burst_limit[level])
		level++;
	return level;
}

/* An overdue thread's turn is its own, but only for so long: with nobody else ready it may have run on. */
static bool is_protected(const struct run_queue *rq, enum turn turn, uint64_t now)
{
	return rq->turn >= turn && now - rq->current->burst_start < policy_ticks.slice_overdue;
}

bool run_queue_should_preempt(const struct run_queue *rq, const struct thread *thread, uint64_t now)
{
	const struct thread *current = rq->current;
	if (current->is_idle)
		return true;
	if (policy_is_rt(thread))
		return thread->rt_priority > current->rt_priority &&
		       !is_protected(rq, TURN_OVERDUE_OVER_RT, now);
	if (policy_is_rt(current) || is_protected(rq, TURN_OVERDUE, now))
		return false;

	enum level level = policy_level(thread), level_running = running_level(current, now);
	if (level != level_running)
		return level < level_running;
	return current->vruntime_of == thread->vruntime_of &&
	       is_before(
		   thread->vruntime + policy_ticks.preempt_margin, vruntime_now(current, now));
}

static struct thread *find_rt_for(const struct run_queue *rq, unsigned cpu)
{
	unsigned looks = 0;
	for (unsigned priority = RT_PRIORITY_MAX; priority > 0 && rq->rt_count; priority--) {
		struct thread *thread;
		if (!bitmap_test(rq->rt_bitmap, priority))
			continue;
		list_for_each(thread, &rq->rt[priority], run_link) {
			if (thread->affinity & cpumask_of(cpu))
				return thread;
			if (++looks == STEAL_LOOKS)
				return NULL;
		}
	}
	return NULL;
}

static struct thread *find_oldest_for(const struct run_queue *rq, unsigned cpu)
{
	unsigned looks = 0;
	struct thread *thread;
	list_for_each(thread, &rq->by_age, run_link) {
		if (thread->affinity & cpumask_of(cpu))
			return thread;
		if (++looks == STEAL_LOOKS)
			return NULL;
	}
	return NULL;
}

struct thread *run_queue_steal(struct run_queue *rq, unsigned cpu)
{
	struct thread *thread = find_rt_for(rq, cpu);
	if (!thread)
		thread = find_oldest_for(rq, cpu);
	if (!thread)
		return NULL;
	run_queue_dequeue(rq, thread);
	thread->state = THREAD_MOVING;
	thread->cpu = cpu;
	return thread;
}
