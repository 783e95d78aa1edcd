/*
 * The threads that are ready to run on one CPU, and the choice among them.
 *
 *     real time   99 lists and a bitmap          FIFO or RR inside a priority
 *     hot         tree by virtual runtime   ┐
 *     normal      tree by virtual runtime   │    every fair thread is also in by_age: the one that
 *     cold        tree by virtual runtime   │    has waited longest is at its head
 *     idle        tree by virtual runtime   ┘
 *
 * The choice is the first thread of the first of these that has one, unless the head of by_age is overdue: see run_queue_pick.
 *
 * Pure: works on threads and on the times that it is told. Locking: all under rq->lock, interrupts off.
 */
#pragma once

#include "policy.h"

struct run_queue_level {
	struct rb_tree tree;
	uint64_t min_vruntime; /* the level's clock: where newcomers begin; never goes back */
	uint64_t slice;        /* immutable */
	unsigned count;
};

/* Why the running thread was chosen: decides what may interrupt its turn. */
enum turn {
	TURN_REGULAR,
	TURN_OVERDUE,         /* for its age: other fair threads do not interrupt it */
	TURN_OVERDUE_OVER_RT, /* nor do real-time ones */
};

/* Letters: a written under the lock, read without; q the lock; c this CPU with interrupts off. */
struct run_queue {
	struct spinlock lock;
	uint32_t ready_count;   /* a: all but the running thread */
	uint32_t cpu;           /* immutable */
	uint32_t rt_count;      /* q: of those, real time */
	uint8_t turn;           /* q: enum turn, of the running thread */
	uint8_t current_rt;     /* a: the running thread's rt_priority */
	bool is_idle;           /* a: the idle thread runs */
	struct thread *current; /* q */
	uint64_t slice;         /* q: what the last pick was granted */
	uint64_t slice_end;     /* q: TSC; UINT64_MAX while nobody waits */
	uint64_t timer_at;  /* c: TSC: what the slice timer is armed for; UINT64_MAX: it is not */
	struct list by_age; /* q */
	struct run_queue_level levels[LEVEL_COUNT]; /* q */
	uint64_t
	    rt_gap_end; /* q: TSC: until when an overdue thread must not interrupt real time again */
	uint64_t rt_bitmap[2];               /* q: bit p: rt[p] is not empty */
	struct list rt[RT_PRIORITY_MAX + 1]; /* q */
	struct thread *idle;                 /* immutable */
	struct timer slice_timer;
	bool slice_expired; /* c */
	struct {            /* q */
		uint64_t switches, preemptions, steals, pushes, wakeups, overdue;
		unsigned timer_arms;
	} stats;
};

void run_queue_init(struct run_queue *rq, unsigned cpu);

enum enqueue {
	ENQUEUE_BACK,  /* behind others of its real-time priority */
	ENQUEUE_FRONT, /* before them, as a preempted thread goes */
	ENQUEUE_UNSERVED, /* the same, and its turn was too short to count: it has waited since before */
};

/* A thread that is THREAD_MOVING keeps its age too. */
void run_queue_enqueue(struct run_queue *rq, struct thread *thread, uint64_t now, enum enqueue how);
void run_queue_dequeue(struct run_queue *rq, struct thread *thread);

/* How a thread is put back that was preempted after running for `ran` ticks. */
enum enqueue run_queue_after_turn(
    const struct run_queue *rq, const struct thread *thread, uint64_t ran, uint64_t now);

/* The running thread blocks: the clock of its level must not stay behind what it has run alone. */
void run_queue_note_block(struct run_queue *rq, uint64_t now);

/* Takes the best thread out and grants it rq->slice; NULL when there is none. */
struct thread *run_queue_pick(struct run_queue *rq, uint64_t now);

/* The fair thread that runs gives way to the best of the others; itself when there is none. */
struct thread *run_queue_yield(struct run_queue *rq, struct thread *prev, uint64_t now);

/* What the running thread would be granted if it were chosen now. */
uint64_t run_queue_slice(const struct run_queue *rq, const struct thread *thread, uint64_t now);

/* Whether `thread`, just made ready, should take the CPU from the running one. */
bool run_queue_should_preempt(
    const struct run_queue *rq, const struct thread *thread, uint64_t now);

/* Takes out what another CPU should run: the best real-time thread that may run there, else the fair thread
 * that has waited longest, whose cache is coldest. NULL when there is none (it looks at a few only). */
struct thread *run_queue_steal(struct run_queue *rq, unsigned cpu);

/*
 * The running thread gives way to the only thread that waits: the trees and lists then hold one element before and after, so putting
 * one thread into the other's place needs no search and no balancing. NULL when things are not that simple.
 */
static ALWAYS_INLINE struct thread *run_queue_exchange(
    struct run_queue *rq, struct thread *prev, uint64_t now)
{
	struct run_queue_level *to = prev->vruntime_of;
	if (rq->ready_count != 1 || !to || list_is_empty(&rq->by_age))
		return NULL;

	struct thread *next = list_first(&rq->by_age, struct thread, run_link);
	struct run_queue_level *from = next->vruntime_of;
	from->tree = (struct rb_tree)RB_TREE_INIT;
	from->count = 0;
	rb_insert_at(&to->tree, &prev->run_node, NULL, &to->tree.root, true);
	to->count = 1;
	list_insert_between(&prev->run_link, &rq->by_age, &rq->by_age);
	prev->enqueued_at = now;
	prev->state = THREAD_READY;
	rq->turn = TURN_REGULAR;
	rq->slice_end = now + from->slice;
	return next;
}
