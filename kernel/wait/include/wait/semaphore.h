/*
 * A counting semaphore. A unit that is given back while somebody waits goes to the longest waiter directly, so
 * nobody starves. semaphore_up works in any context; semaphore_down may sleep.
 */
#pragma once

#include <wait/wait_queue.h>

#define SEMAPHORE_HAS_WAITERS (1u << 31)

struct semaphore {
	uint32_t word; /* a: the count, or SEMAPHORE_HAS_WAITERS alone */
	struct wait_queue queue;
};

void semaphore_init(struct semaphore *semaphore, uint32_t count);

/* The ways when somebody waits, and when there is nothing to take: semaphore.c. */
void semaphore_give_to_waiter(struct semaphore *semaphore);
MUST_USE int semaphore_wait(struct semaphore *semaphore, nsec_t deadline);

static inline bool semaphore_try_up(struct semaphore *semaphore)
{
	uint32_t word = atomic_load(&semaphore->word);
	while (!(word & SEMAPHORE_HAS_WAITERS))
		if (atomic_cas(&semaphore->word, &word, word + 1))
			return true;
	return false;
}

/* Context: any. */
static inline void semaphore_up(struct semaphore *semaphore)
{
	if (!semaphore_try_up(semaphore))
		semaphore_give_to_waiter(semaphore);
}

/* Context: any. */
MUST_USE static inline bool semaphore_try_down(struct semaphore *semaphore)
{
	uint32_t word = atomic_load(&semaphore->word);
	while (word && !(word & SEMAPHORE_HAS_WAITERS))
		if (atomic_cas(&semaphore->word, &word, word - 1))
			return true;
	return false;
}

/* 0 or -ETIMEDOUT. Context: may sleep. */
MUST_USE static inline int semaphore_down_until(struct semaphore *semaphore, nsec_t deadline)
{
	assert_may_sleep();
	return semaphore_try_down(semaphore) ? 0 : semaphore_wait(semaphore, deadline);
}

/* Context: may sleep. */
static inline void semaphore_down(struct semaphore *semaphore)
{
	/* Without a deadline there is only one result. */
	if (semaphore_down_until(semaphore, NSEC_MAX))
		__builtin_unreachable();
}

/* The units to take now. */
static inline uint32_t semaphore_count(const struct semaphore *semaphore)
{
	return atomic_load(&semaphore->word) & ~SEMAPHORE_HAS_WAITERS;
}
