/*
 * timerfd_create(2): a timer that tells by a count how often it has expired since it was read last. After it has, it rests until somebody looks:
 * what was missed is counted then.
 *
 * Locking: a spinlock for each, which its handler takes; a mutex for the list of all that may go by the wall clock.
 */
#pragma once

#include <object/object.h>

#define TIMERFD_ABSOLUTE      1u
#define TIMERFD_CANCEL_ON_SET 2u

struct timerfd_value {
	nsec_t left, interval; /* 0: off; once */
};

void timerfd_init(void); /* boot */
/* clock: CLOCK_…; times on that of the wall that are not relative follow it when it is set. open_flags: O_NONBLOCK. -ENOMEM. */
MUST_USE int timerfd_create(int clock, unsigned open_flags, struct object **object);
bool object_is_timerfd(const struct object *object);
/* -ECANCELED: it is set, but the wall clock was too since it was set last, and nobody has read that. */
MUST_USE int timerfd_set(
    struct object *object, unsigned flags, struct timerfd_value value, struct timerfd_value *old);
struct timerfd_value timerfd_get(struct object *object);
/* The wall clock was set: timers that wait for a time on it have another way to go, and some are to be told. */
void timerfds_follow_clock(void);
