/*
 * Something that happens once: a thread waits until another, or an interrupt handler, says that it is done. May lie on
 * the waiter's stack: when completion_wait returns, completion_signal does not touch it any more.
 */
#pragma once

#include <wait/wait_queue.h>

struct completion {
	struct wait_queue queue;
	bool is_done; /* a: set under queue.lock */
};

void completion_init(struct completion *completion);
/* Lets everybody through who waits, now or later. Context: any. */
void completion_signal(struct completion *completion);
/* Context: may sleep. */
void completion_wait(struct completion *completion);
MUST_USE int completion_wait_until(
    struct completion *completion, nsec_t deadline); /* 0 or -ETIMEDOUT */

static inline bool completion_is_done(const struct completion *completion)
{
	return atomic_load_acquire(&completion->is_done);
}
