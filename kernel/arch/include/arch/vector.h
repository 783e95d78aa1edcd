/*
 * Vector registers inside the kernel, for the few sources that are compiled to use them (FLAGS_… in a module.mk). They hold the user's values,
 * which are put aside from begin to end; what was computed in between is gone from the registers afterwards.
 *
 * Context: preemption off throughout; no interrupt handler uses them.
 */
#pragma once

#include <lib/types.h>

/* Those that every processor has: what the compiler may use. */
struct vector_registers {
	uint64_t words[32];
};

void vector_begin(struct vector_registers *user);
void vector_end(const struct vector_registers *user);
