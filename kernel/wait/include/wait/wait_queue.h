/*
 * The one way to wait. A wait queue is a list of threads that wait for a condition; whoever makes the condition true calls a wake
 * function. Waiters check the condition again after waking, so a wake-up too many is harmless; one too few is
 * impossible, because a waiter is on the queue before it checks, and a waker changes the condition before it looks.
 *
 * An entry may also carry a function instead of a thread (poll, epoll): it is called under the queue's lock, and stays queued.
 *
 * Life of an entry: it lies on the waiter's stack. Whoever wakes a thread takes its entry off the queue and clears is_queued
 * as the last thing; an entry with is_queued clear is the waiter's alone, and is left without taking the lock.
 */
#pragma once

#include <lib/list.h>
#include <sched/thread.h>
#include <sync/spinlock.h>

struct wait_queue {
	struct spinlock lock;
	struct list waiters; /* lock; first come, first */
};

/* Letters: I immutable, a atomic, q the queue's lock */
struct wait_entry {
	struct list link;      /* q */
	struct thread *thread; /* I */
	/* I: NULL: wake the thread. Called under the lock, interrupts off. Says whether this wake counts for wait_wake_some. */
	bool (*wake)(struct wait_entry *entry);
	/* I: of such functions a wake calls one after the other only until one says yes; which then goes behind the others. */
	bool is_exclusive;
	bool is_queued;  /* a: changed under q */
	bool is_granted; /* a: set under q by locks that hand over what the thread waits for */
};

#define WAIT_QUEUE_INIT(queue)                                                                     \
	{                                                                                          \
		SPINLOCK_INIT(#queue, RANK_WAIT_QUEUE), LIST_INIT((queue).waiters)                 \
	}

static inline void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, "wait queue", RANK_WAIT_QUEUE);
	list_init(&queue->waiters);
}
void wait_entry_init(struct wait_entry *entry); /* for the current thread */

/* For entries with a function, until wait_remove. A full barrier: whoever changes what the caller looks at afterwards sees the entry, or is seen. Context: any. */
void wait_add(struct wait_queue *queue, struct wait_entry *entry);
/* Afterwards nobody uses the entry. Context: any. */
void wait_remove(struct wait_queue *queue, struct wait_entry *entry);

/*
 * The queue ends before those on it, which have a function and not a thread: they are queued nowhere from now on. An entry that is removed at the
 * same time is removed under rcu_read_lock, and the queue's memory is freed after a grace period.
 */
void wait_queue_abandon(struct wait_queue *queue);

/* The two halves of wait_until: queues the entry unless it is, and says that the thread is about to block; a full
 * barrier. Afterwards: takes both back. Context: thread. */
void wait_prepare(struct wait_queue *queue, struct wait_entry *entry);
void wait_finish(struct wait_queue *queue, struct wait_entry *entry);

/* Wakes up to `count` waiters, first come first served; returns how many. Full barrier before. Context: any. */
unsigned wait_wake_some(struct wait_queue *queue, unsigned count);
/* Everybody who waits now. Interrupts are let in between some of them, unless the caller holds the lock. */
unsigned wait_wake_all(struct wait_queue *queue);
unsigned wait_wake_all_locked(struct wait_queue *queue);
static inline bool wait_wake_one(struct wait_queue *queue)
{
	return wait_wake_some(queue, 1) > 0;
}

/*
 * Sleeps until `condition` is true. Evaluates to 0, or -ETIMEDOUT once the uptime clock passes `deadline_ns`. The condition
 * is evaluated several times, in this thread, without a lock; it may take one, and may take what it tests for.
 * Context: may sleep.
 */
#define wait_until(queue, condition, deadline_ns)                                                  \
	({                                                                                         \
		int wait_result_ = 0;                                                              \
		bool wait_has_begun_ = false;                                                      \
		struct wait_queue *wait_queue_ = (queue);                                          \
		struct wait_entry wait_entry_;                                                     \
		assert_may_sleep();                                                                \
		for (;;) {                                                                         \
			/* Also when woken: what is true now need not be queued for again. */      \
			if (condition) {                                                           \
				wait_result_ = 0;                                                  \
				break;                                                             \
			}                                                                          \
			if (!wait_has_begun_)                                                      \
				wait_entry_init(&wait_entry_);                                     \
			wait_has_begun_ = true;                                                    \
			wait_prepare(wait_queue_, &wait_entry_);                                   \
			if (condition) {                                                           \
				wait_result_ = 0;                                                  \
				break;                                                             \
			}                                                                          \
			if (wait_result_)                                                          \
				break;                                                             \
			wait_result_ = thread_block(deadline_ns);                                  \
		}                                                                                  \
		if (wait_has_begun_)                                                               \
			wait_finish(wait_queue_, &wait_entry_);                                    \
		wait_result_;                                                                      \
	})

/* Whether the current thread should stop waiting for a lock. Asked under the lock of the waiters, with interrupts off. */
typedef bool (*give_up_t)(void);

/*
 * For locks that hand over (mutex, semaphore, rwlock): the entry is queued with wait_enqueue_locked under the queue's lock; who
 * gives the thing away calls wait_grant_locked; the waiter sleeps in wait_granted, without the lock. -ETIMEDOUT: the deadline has
 * passed, -EINTR: gives_up() (which may be NULL) is true; the entry is still queued, and may yet be granted until the caller takes the lock and
 * removes it.
 */
void wait_enqueue_locked(struct list *waiters, struct wait_entry *entry);
void wait_dequeue_locked(struct wait_entry *entry);
void wait_grant_locked(struct wait_entry *entry);
MUST_USE int wait_granted(struct wait_entry *entry, nsec_t deadline, give_up_t gives_up);
