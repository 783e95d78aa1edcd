/*
 * Which of one CPU's device vectors are given away. Blocks are aligned to their size, because a device with several MSI
 * messages puts the message's number into the low bits of the value it writes. Pure; the caller locks.
 */
#pragma once

#include <arch/irq.h>
#include <lib/bitmap.h>

struct vector_space {
	uint64_t used[BITMAP_WORDS(IRQ_DEVICE_COUNT)];
};

/* The first of `count` (a power of two, up to 32) vectors, or -ENOSPC. */
MUST_USE int vector_space_alloc(struct vector_space *space, unsigned count);
void vector_space_free(struct vector_space *space, unsigned vector, unsigned count);
