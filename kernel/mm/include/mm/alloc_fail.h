/*
 * Allocation failures on demand, for tests: the nth allocation from now on fails, whether it is of a page or of an object. A
 * test loops over n until the call under test got through without one firing:
 *
 *     for (uint64_t n = 1;; n++) {
 *             alloc_fail_after(n);
 *             int err = thing_create(&thing);
 *             if (!alloc_fail_after(0))
 *                     break;
 *             CHECK_EQ(err, -ENOMEM);
 *     }
 *
 * While it is armed, CPU caches and magazines are bypassed: only then does every allocation reach the slow path, where it is counted. So
 * the fast paths need not know. Allocations of other threads count too.
 */
#pragma once

#include <lib/atomic.h>

/* The nth allocation (1: the next) fails once, counted over page and slab allocations alike, including those inside the
 * allocators; 0 switches it off. Returns whether the last one armed has fired. Context: may sleep. */
bool alloc_fail_after(uint64_t n);

/* From now on an allocation also fails when `chooses` says so, which is asked in any context. Context: may sleep. */
void alloc_fail_by(bool (*chooses)(void));

/* The allocators' side, in their slow paths. */
extern uint64_t alloc_fail_countdown;    /* a: 0 off */
extern bool (*alloc_fail_chooses)(void); /* a: may be NULL */
bool alloc_fail_step(void);

static inline bool alloc_fail_is_armed(void)
{
	return unlikely(atomic_load(&alloc_fail_countdown)) ||
	       unlikely(atomic_load(&alloc_fail_chooses) != NULL);
}

/* Counts one allocation. */
static inline bool alloc_should_fail(void)
{
	return alloc_fail_is_armed() && alloc_fail_step();
}
