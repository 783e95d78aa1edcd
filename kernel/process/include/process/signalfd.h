/* signalfd(2): descriptors that signals are read from. See kernel/process/signalfd.c. */
#pragma once

#include <object/object.h>

/* open_flags: O_NONBLOCK. -ENOMEM. */
MUST_USE int signalfd_create(uint64_t set, unsigned open_flags, struct object **object);
/* Other signals from now on. -EINVAL: it is none. */
MUST_USE int signalfd_set(struct object *object, uint64_t set);
