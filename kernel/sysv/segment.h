/* Private to segment.c and attach.c. */
#pragma once

#include "sysv_impl.h"

#include <vm/page_cache.h>

/* Changed under the table's lock. */
struct segment {
	struct sysv_object object;
	struct page_cache cache;
	uint64_t size; /* I */
	uint64_t attached;
	int64_t attach_time, detach_time;
	uint32_t creator, last_user;
	uint32_t locked_by; /* a user, while SYSV_SEGMENT_LOCKED */
	char name[24];      /* for /proc/PID/maps */
};

static inline struct segment *segment_of(struct sysv_object *object)
{
	return container_of(object, struct segment, object);
}
