/*
 * Many readers or one writer, sleeping. Waiting readers and writers take turns: a waiting writer keeps new readers out, and
 * a writer that leaves lets in all readers that came meanwhile, so neither side starves. Who waits may give up, as with a mutex.
 *
 * A thread that holds it for reading must not take it for reading again: a writer may have queued in between.
 * Context: thread, may sleep.
 */
#pragma once

#include <sync/lock_rank.h>
#include <wait/sleep_debug.h>
#include <wait/wait_queue.h>

#define RWLOCK_WRITER      (1u << 31)
#define RWLOCK_HAS_WAITERS (1u << 30) /* somebody waits: release, and new readers, go to rwlock.c */

struct rwlock {
	uint32_t word;             /* a: number of readers, RWLOCK_WRITER, RWLOCK_HAS_WAITERS */
	struct wait_queue readers; /* its lock guards both lists */
	struct list writers;       /* readers.lock */
#if CONFIG_DEBUG
	struct sleep_debug debug;
#endif
};

static inline void rwlock_init(struct rwlock *lock, const char *name, enum lock_rank rank)
{
	lock->word = 0;
	wait_queue_init(&lock->readers);
	list_init(&lock->writers);
	sleep_debug_init(&lock->debug, name, rank);
}

MUST_USE int rwlock_wait_read(struct rwlock *lock, give_up_t gives_up);
MUST_USE int rwlock_wait_write(struct rwlock *lock, give_up_t gives_up);
void rwlock_release_to_waiters(struct rwlock *lock);

static inline bool rwlock_try_read_acquire(struct rwlock *lock)
{
	uint32_t word = atomic_load(&lock->word);
	while (!(word & (RWLOCK_WRITER | RWLOCK_HAS_WAITERS)))
		if (atomic_cas(&lock->word, &word, word + 1))
			return true;
	return false;
}

static inline bool rwlock_try_write_acquire(struct rwlock *lock)
{
	uint32_t expected = 0;
	return atomic_cas(&lock->word, &expected, RWLOCK_WRITER);
}

static inline void rwlock_read_acquire(struct rwlock *lock)
{
	/* Who does not give up has it in the end. */
	if (unlikely(!rwlock_try_read_acquire(lock)) && rwlock_wait_read(lock, NULL))
		__builtin_unreachable();
}

static inline void rwlock_read_release(struct rwlock *lock)
{
	if (unlikely(atomic_fetch_sub(&lock->word, 1) == (RWLOCK_HAS_WAITERS | 1)))
		rwlock_release_to_waiters(lock);
}

static inline void rwlock_write_acquire(struct rwlock *lock)
{
	if (unlikely(!rwlock_try_write_acquire(lock)) && rwlock_wait_write(lock, NULL))
		__builtin_unreachable();
}

static inline void rwlock_write_release(struct rwlock *lock)
{
	uint32_t expected = RWLOCK_WRITER;
	if (unlikely(!atomic_cas(&lock->word, &expected, 0)))
		rwlock_release_to_waiters(lock);
}

#if CONFIG_DEBUG

void rwlock_read_lock(struct rwlock *lock);
/* As mutex_lock_unless: 0, or -EINTR and not taken. */
MUST_USE int rwlock_read_lock_unless(struct rwlock *lock, give_up_t gives_up);
MUST_USE bool rwlock_try_read_lock(struct rwlock *lock);
void rwlock_read_unlock(struct rwlock *lock);
void rwlock_write_lock(struct rwlock *lock);
MUST_USE int rwlock_write_lock_unless(struct rwlock *lock, give_up_t gives_up);
/* While another of the same rank is held. The caller has an order among them, and says which at the call. */
void rwlock_write_lock_second(struct rwlock *lock);
MUST_USE int rwlock_write_lock_second_unless(struct rwlock *lock, give_up_t gives_up);
MUST_USE bool rwlock_try_write_lock(struct rwlock *lock);
void rwlock_write_unlock(struct rwlock *lock);

#else

static ALWAYS_INLINE void rwlock_read_lock(struct rwlock *lock)
{
	rwlock_read_acquire(lock);
}

MUST_USE static ALWAYS_INLINE int rwlock_read_lock_unless(struct rwlock *lock, give_up_t gives_up)
{
	return likely(rwlock_try_read_acquire(lock)) ? 0 : rwlock_wait_read(lock, gives_up);
}

MUST_USE static ALWAYS_INLINE bool rwlock_try_read_lock(struct rwlock *lock)
{
	return rwlock_try_read_acquire(lock);
}

static ALWAYS_INLINE void rwlock_read_unlock(struct rwlock *lock)
{
	rwlock_read_release(lock);
}

static ALWAYS_INLINE void rwlock_write_lock(struct rwlock *lock)
{
	rwlock_write_acquire(lock);
}

MUST_USE static ALWAYS_INLINE int rwlock_write_lock_unless(struct rwlock *lock, give_up_t gives_up)
{
	return likely(rwlock_try_write_acquire(lock)) ? 0 : rwlock_wait_write(lock, gives_up);
}

static ALWAYS_INLINE void rwlock_write_lock_second(struct rwlock *lock)
{
	rwlock_write_acquire(lock);
}

MUST_USE static ALWAYS_INLINE int rwlock_write_lock_second_unless(
    struct rwlock *lock, give_up_t gives_up)
{
	return rwlock_write_lock_unless(lock, gives_up);
}

MUST_USE static ALWAYS_INLINE bool rwlock_try_write_lock(struct rwlock *lock)
{
	return rwlock_try_write_acquire(lock);
}

static ALWAYS_INLINE void rwlock_write_unlock(struct rwlock *lock)
{
	rwlock_write_release(lock);
}

#endif
