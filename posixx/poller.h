/*
 * Waiting for one of many objects. Whoever waits gives a function that asks all of them (with object_poll) and counts those that are ready. It
 * has asked them without a table before: when something is ready nothing is queued and no lock taken.
 */
#pragma once

#include <object/capability.h>
#include <object/poll.h>
#include <posixx/time.h>
#include <process/process.h>
#include <wait/interruptible.h>

/* How many are ready now, or -errno. table: NULL, or what to give to object_poll. */
typedef int64_t (*poll_scan_t)(void *ctx, struct poll_table *table);

/* Until scan finds something, or the deadline (uptime; NSEC_MAX: none). 0: the deadline passed. -EINTR: a signal came. */
MUST_USE int64_t poll_wait_until(poll_scan_t scan, void *ctx, nsec_t deadline);

/* After `duration` from now. 0, for which the clock need not be read: do not wait. */
static inline nsec_t poll_deadline_after(nsec_t duration)
{
	return duration ? deadline_after(duration) : 0;
}

/* The deadline of a program's relative timeout; none without one. 0, -EFAULT, -EINVAL. */
MUST_USE int poll_read_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t *deadline);
/* Tells how much of it was left. */
void poll_write_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t deadline);
/* A call's own signal mask, if it has one; then signal_mask_end ends it. 0, -EFAULT, -EINVAL. */
MUST_USE int poll_mask_begin(uaddr_t user_mask, size_t size);
/* The same for calls that a handler ends: what they return. */
static inline int64_t poll_mask_end(uaddr_t user_mask, int64_t result)
{
	if (!uaddr_is_null(user_mask))
		signal_mask_end(result == -EINTR);
	return result == -EINTR ? -ERESTARTNOHAND : result;
}

static inline unsigned poll_events_of_fd(int fd, struct poll_table *table)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_POLL);
	if (unlikely(!ref.object))
		return POLLNVAL;
	unsigned events = object_poll(ref.object, table);
	cap_release(ref);
	return events;
}
