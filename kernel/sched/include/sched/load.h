/*
 * Load averages: how many threads run or are ready, averaged over 1, 5 and 15 minutes as Linux does. Every LOAD_PERIOD one CPU that is busy
 * counts them. A CPU that is idle is not disturbed for it: while all are, nobody counts, and the first to be busy again makes up for the periods
 * that went by with nothing to run.
 */
#pragma once

#include <lib/atomic.h>
#include <lib/types.h>

#define LOAD_SHIFT  11 /* averages are told in 1/2048 */
#define LOAD_PERIOD (5 * NSEC_PER_SEC)

extern nsec_t load_next; /* a: when threads are to be counted next, uptime */
void load_count(nsec_t now, bool was_idle);

/* Now and then from each CPU that is busy. was_idle: it begins to be. Context: any but NMI. */
static inline void load_note(nsec_t now, bool was_idle)
{
	if (unlikely(now >= atomic_load(&load_next)))
		load_count(now, was_idle);
}

void load_averages(uint64_t averages[3]);
