/*
 * A sleeping lock with an owner: taken and released by the same thread. Free to take it is one compare-and-swap. A thread
 * that finds it taken spins for a moment while the owner runs on another CPU, and then sleeps. Usually the mutex is given
 * back before a sleeper is woken, so that running threads may take it first; a sleeper that was woken in vain asks for it
 * by name, and the next release hands it over: nobody waits for ever.
 *
 * Whoever holds it for as long as somebody else likes, or while memory may run out, lets others give up: mutex_lock_unless, which
 * <wait/interruptible.h> makes mutex_lock_killable of.
 *
 * Ranks as for spinlocks. The memory may be freed only when no thread can still be inside mutex_unlock.
 * Context: thread, may sleep.
 */
#pragma once

#include <sync/lock_rank.h>
#include <wait/sleep_debug.h>
#include <wait/wait_queue.h>

#define MUTEX_HAS_WAITERS 1ul
#define MUTEX_HANDS_OVER  2ul /* the next release goes to the first waiter */
#define MUTEX_FLAGS       (MUTEX_HAS_WAITERS | MUTEX_HANDS_OVER)

struct mutex {
	uintptr_t
	    word; /* a: the owner, a struct thread; 0 free; MUTEX_FLAGS, which change under queue.lock */
	struct wait_queue queue;
#if CONFIG_DEBUG
	struct sleep_debug debug;
#endif
};

static inline void mutex_init(struct mutex *mutex, const char *name, enum lock_rank rank)
{
	mutex->word = 0;
	wait_queue_init(&mutex->queue);
	sleep_debug_init(&mutex->debug, name, rank);
}

/* By the current thread. */
static inline bool mutex_is_held(const struct mutex *mutex)
{
	return (atomic_load(&mutex->word) & ~MUTEX_FLAGS) == (uintptr_t)current_thread();
}

/* The ways when it is not free, and when somebody waits: mutex.c. */
MUST_USE int mutex_wait(struct mutex *mutex, nsec_t deadline, give_up_t gives_up);
void mutex_release_to_waiter(struct mutex *mutex);

static inline bool mutex_try_acquire(struct mutex *mutex)
{
	uintptr_t expected = 0;
	return atomic_cas(&mutex->word, &expected, (uintptr_t)current_thread());
}

static inline void mutex_release(struct mutex *mutex)
{
	uintptr_t expected = (uintptr_t)current_thread();
	if (unlikely(!atomic_cas(&mutex->word, &expected, 0)))
		mutex_release_to_waiter(mutex);
}

#if CONFIG_DEBUG

void mutex_lock(struct mutex *mutex);
/* A second mutex of the same rank as one that is held. The caller has an order among them, and says which at the call. */
void mutex_lock_second(struct mutex *mutex);
MUST_USE bool mutex_try_lock(struct mutex *mutex);
MUST_USE int mutex_lock_until(struct mutex *mutex, nsec_t deadline); /* 0 or -ETIMEDOUT */
/* 0, or -EINTR: not taken, because gives_up() is true. It is asked before the thread sleeps, and when something has woken it. */
MUST_USE int mutex_lock_unless(struct mutex *mutex, give_up_t gives_up);
void mutex_unlock(struct mutex *mutex);

#else

static ALWAYS_INLINE void mutex_lock(struct mutex *mutex)
{
	/* Without a deadline there is only one result. */
	if (unlikely(!mutex_try_acquire(mutex)) && mutex_wait(mutex, NSEC_MAX, NULL))
		__builtin_unreachable();
}

static ALWAYS_INLINE void mutex_lock_second(struct mutex *mutex)
{
	mutex_lock(mutex);
}

MUST_USE static ALWAYS_INLINE bool mutex_try_lock(struct mutex *mutex)
{
	return mutex_try_acquire(mutex);
}

MUST_USE static ALWAYS_INLINE int mutex_lock_until(struct mutex *mutex, nsec_t deadline)
{
	return likely(mutex_try_acquire(mutex)) ? 0 : mutex_wait(mutex, deadline, NULL);
}

MUST_USE static ALWAYS_INLINE int mutex_lock_unless(struct mutex *mutex, give_up_t gives_up)
{
	return likely(mutex_try_acquire(mutex)) ? 0 : mutex_wait(mutex, NSEC_MAX, gives_up);
}

static ALWAYS_INLINE void mutex_unlock(struct mutex *mutex)
{
	mutex_release(mutex);
}

#endif
