/* What the files of the harness share. */
#pragma once

#include <test/selftest.h>

#define EXIT_PASSED 0x10
#define EXIT_FAILED 0x11

/* What must be the same before and after a test. */
struct inventory {
	uint64_t pages, objects, threads, timers;
};
/* Counts, after everything that is only kept for later was given back. Context: may sleep. */
void inventory_take(struct inventory *inventory);
/* Waits a moment for what ends late (threads, grace periods). True when nothing is left over; otherwise text says what. */
bool inventory_compare(const struct inventory *before, char *text, size_t size);
