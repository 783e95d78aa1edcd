/* A fast pseudo-random generator (xorshift64*) for tests, ASLR's mixing and skip choices. Not for secrets. */
#pragma once

#include <lib/types.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state ? *state : 0x9e3779b97f4a7c15ull;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}
