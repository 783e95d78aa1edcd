/*
 * Waiting for one of many objects. Whoever waits gives a function that asks all of them (with object_poll) and counts those that are ready. It
 * has asked them without a table before: when something is ready nothing is queued and no lock taken.
 */
#pragma once

#include <object/poll.h>
#include <time/clock.h>

/* How many are ready now, or -errno. table: NULL, or what to give to object_poll. */
typedef int64_t (*poll_scan_t)(void *ctx, struct poll_table *table);

/* Until scan finds something, or the deadline (uptime; NSEC_MAX: none). 0: the deadline passed. -EINTR: a signal came. */
MUST_USE int64_t poll_wait_until(poll_scan_t scan, void *ctx, nsec_t deadline);

/* Uptime after `duration`, far in the future when that cannot be told. Never 0, which means not to wait. */
static inline nsec_t deadline_after(nsec_t duration)
{
	nsec_t deadline;
	if (!duration)
		return 0;
	return add_overflows(uptime_ns(), duration, &deadline) ? NSEC_MAX : deadline;
}

/* The deadline of a program's relative timeout; none without one. 0, -EFAULT, -EINVAL. */
MUST_USE int poll_read_timeout(uaddr_t user_timeout, bool is_timeval, nsec_t *deadline);
/* A call's own signal mask, if it has one; then signal_mask_end ends it. 0, -EFAULT, -EINVAL. */
MUST_USE int poll_mask_begin(uaddr_t user_mask, size_t size);
