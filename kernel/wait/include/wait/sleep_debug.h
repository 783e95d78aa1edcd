/*
 * What debug builds check of sleeping locks: that the thread may sleep, their rank, and who holds them. The locks that a
 * thread holds are on a stack of its own (<sync/lock_debug.h>). Release builds: nothing.
 */
#pragma once

#include <lib/types.h>
#include <sync/lock_rank.h>

struct sleep_debug {
	const char *name;
	uint8_t rank;
};

#if CONFIG_DEBUG
void sleep_debug_init(struct sleep_debug *debug, const char *name, enum lock_rank rank);
#else
#define sleep_debug_init(debug, name, rank) ((void)(name), (void)(rank))
#endif

/* Before waiting for it (while another of its rank may be held: _second); after taking it; before giving it back. `ip` is the place
 * in the caller. */
void sleep_debug_check(const struct sleep_debug *debug, const void *lock, uintptr_t ip);
void sleep_debug_check_second(const struct sleep_debug *debug, const void *lock, uintptr_t ip);
void sleep_debug_taken(const struct sleep_debug *debug, const void *lock, uintptr_t ip);
void sleep_debug_release(const struct sleep_debug *debug, const void *lock, uintptr_t ip);
