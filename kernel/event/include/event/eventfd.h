/*
 * eventfd(2): a counter. A write adds to it, a read takes it (or, with EVENT_SEMAPHORE, one) and waits while it is 0.
 * No lock: the counter is one atomic word.
 */
#pragma once

#include <object/object.h>

#define EVENT_SEMAPHORE 1u

/* With one reference. open_flags: O_NONBLOCK. -ENOMEM. */
MUST_USE int eventfd_create(
    uint64_t value, unsigned flags, unsigned open_flags, struct object **object);
bool object_is_eventfd(const struct object *object);
/* One more, unless it is full. */
void eventfd_signal(struct object *object);
