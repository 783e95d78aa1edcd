/*
 * A queued spinlock in one word: the uncontended path is one compare-and-swap, release is one store; waiters line up
 * in order of arrival, each spinning on its own cache line (spinlock.c). Taking one disables preemption.
 *
 * A lock that an interrupt handler takes must be taken with the _irqsave form everywhere else; debug builds check
 * that, the rank, and that the owner releases it (lock_debug.h).
 *
 * Context: any. Never sleep while holding one.
 */
#pragma once

#include <arch/cpu.h>
#include <sync/lock_debug.h>
#include <sync/lock_rank.h>
#include <sync/preempt.h>

struct spinlock {
	uint32_t
	    word; /* a: 0 free; lowest byte: held; upper half: the last waiter, see spinlock.c */
#if CONFIG_DEBUG
	struct lock_debug debug;
#endif
};

#define SPIN_HELD 1u

#if CONFIG_DEBUG
#define SPINLOCK_INIT(name_, rank_)                                                                \
	{                                                                                          \
		.debug = {.name = (name_), .rank = (rank_) }                                       \
	}
#else
#define SPINLOCK_INIT(name_, rank_)                                                                \
	{                                                                                          \
		0                                                                                  \
	}
#endif

static inline void spin_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
	*lock = (struct spinlock)SPINLOCK_INIT(name, rank);
	(void)name, (void)rank;
}

static inline bool spin_is_locked(const struct spinlock *lock)
{
	return atomic_load(&lock->word) != 0;
}

/* Whether waiters line up (the default) or take the lock as they find it free: better where a hypervisor may take CPUs away. At
 * any time. Returns what was so far. Context: any. */
bool spin_set_queueing(bool does_queue);

/* The way to wait when it is not free: spinlock.c. */
void spin_wait(struct spinlock *lock);
/* Debug builds: panics when the wait has lasted from TSC `since` until it can only be a deadlock. */
void lock_debug_watch(const struct spinlock *lock, uint64_t since);

static inline void spin_acquire(struct spinlock *lock)
{
	uint32_t expected = 0;
	if (unlikely(!atomic_cas(&lock->word, &expected, SPIN_HELD)))
		spin_wait(lock);
}

static inline bool spin_try_acquire(struct spinlock *lock)
{
	uint32_t expected = 0;
	return atomic_load(&lock->word) == 0 && atomic_cas(&lock->word, &expected, SPIN_HELD);
}

/* Only the byte: the queue in the upper half belongs to the waiters. */
static inline void spin_release(struct spinlock *lock)
{
	atomic_store_release((uint8_t *)&lock->word, 0);
}

#if CONFIG_DEBUG

void spin_lock(struct spinlock *lock);
/* A second lock of the same rank as one that is held. The caller has an order among them, and says which at the call. */
void spin_lock_second(struct spinlock *lock);
MUST_USE bool spin_try_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
MUST_USE irq_flags_t spin_lock_irqsave(struct spinlock *lock);
void spin_unlock_irqrestore(struct spinlock *lock, irq_flags_t flags);
/* The same for a place where interrupts are always on. */
void spin_lock_irq(struct spinlock *lock);
void spin_unlock_irq(struct spinlock *lock);
/* Panics when this CPU does not hold it. */
void assert_held(const struct spinlock *lock);

#else

static ALWAYS_INLINE void spin_lock(struct spinlock *lock)
{
	preempt_disable();
	spin_acquire(lock);
}

static ALWAYS_INLINE void spin_lock_second(struct spinlock *lock)
{
	spin_lock(lock);
}

MUST_USE static ALWAYS_INLINE bool spin_try_lock(struct spinlock *lock)
{
	preempt_disable();
	if (spin_try_acquire(lock))
		return true;
	preempt_enable();
	return false;
}

static ALWAYS_INLINE void spin_unlock(struct spinlock *lock)
{
	spin_release(lock);
	preempt_enable();
}

MUST_USE static ALWAYS_INLINE irq_flags_t spin_lock_irqsave(struct spinlock *lock)
{
	irq_flags_t flags = irq_save();
	preempt_disable();
	spin_acquire(lock);
	return flags;
}

static ALWAYS_INLINE void spin_unlock_irqrestore(struct spinlock *lock, irq_flags_t flags)
{
	spin_release(lock);
	irq_restore(flags);
	preempt_enable();
}

static ALWAYS_INLINE void spin_lock_irq(struct spinlock *lock)
{
	irq_disable();
	preempt_disable();
	spin_acquire(lock);
}

static ALWAYS_INLINE void spin_unlock_irq(struct spinlock *lock)
{
	spin_release(lock);
	irq_enable();
	preempt_enable();
}

static inline void assert_held(const struct spinlock *lock)
{
	(void)lock;
}

#endif
