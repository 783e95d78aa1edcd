/*
 * Waiting on a word of user memory. A futex is known by what it is, not where: memory that a file or shared memory backs by the number of the
 * page cache and offset, so that processes meet there; all other by address space and address. Waiters hang in a hash table of buckets.
 *
 * No wake-up is lost: a waiter counts itself in the bucket before it reads the word, and reads it under the bucket's lock; a waker has written
 * the word before it looks at the count.
 */
#pragma once

#include <arch/user_copy.h>
#include <lib/types.h>

#define FUTEX_ANY_BIT UINT32_MAX

/*
 * deadline: uptime, NSEC_MAX none. 0: woken; -EAGAIN: the word was not `expected`; -ETIMEDOUT; -EINTR: a signal; -EFAULT; -EINVAL: not
 * aligned. Context: may sleep.
 */
MUST_USE int futex_wait(
    uaddr_t addr, uint32_t expected, uint32_t bitset, bool is_private, nsec_t deadline);
/* Until one of several words is woken: which. Otherwise as futex_wait. */
struct futex_wanted {
	uaddr_t addr;
	uint32_t expected;
	bool is_private;
};
#define FUTEX_WANTED_MAX 128
MUST_USE int futex_wait_any(const struct futex_wanted *wanted, unsigned count, nsec_t deadline);
/* How many were woken, or -errno. Context: may sleep, when it is not private. */
int64_t futex_wake(uaddr_t addr, unsigned count, uint32_t bitset, bool is_private);
struct futex_requeue {
	uaddr_t from, to;
	unsigned wake, requeue;
	bool compare, is_private;
	uint32_t expected;
};
/* Wakes some and lets others wait for another word. How many of both. -EAGAIN: the word was not `expected`. */
int64_t futex_requeue(const struct futex_requeue *request);
/* Changes *second as `operation` (FUTEX_OP's encoding) says, wakes waiters of `first`, and of `second` if the old value compares. */
int64_t futex_wake_op(uaddr_t first, uaddr_t second, unsigned wake, unsigned wake_second,
    uint32_t operation, bool is_private);
/* At the end of a thread robust mutexes get FUTEX_OWNER_DIED and clear_child_tid is cleared and woken: futex_exit_task, <process/process.h>. */

void futex_init(void); /* boot */
