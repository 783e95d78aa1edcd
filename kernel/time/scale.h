/*
 * Ticks to nanoseconds and back by one multiplication: value * factor >> 48, with 128 bits in between. A factor has 48 bits
 * behind the point, so in a year the error is about a hundred nanoseconds.
 */
#pragma once

#include <lib/types.h>

#define SCALE_SHIFT 48

static inline uint64_t scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> SCALE_SHIFT);
}

/* Rounded up, and UINT64_MAX where the result does not fit. */
static inline uint64_t scale_up(uint64_t value, uint64_t factor)
{
	unsigned __int128 product = (unsigned __int128)value * factor + ((1ull << SCALE_SHIFT) - 1);
	return product >> SCALE_SHIFT > UINT64_MAX ? UINT64_MAX
						   : (uint64_t)(product >> SCALE_SHIFT);
}

/* The factor that turns units of which there are `from` a second into units of which there are `to`, with `bits` behind the point. Long
 * division by hand: compilers leave 128-bit division to a library that the kernel does not have. from < 2^63, to / from < 2^(64 - bits). */
static inline uint64_t scale_factor_bits(uint64_t from, uint64_t to, int bits)
{
	uint64_t quotient = to / from, rest = to % from;
	for (int bit = 0; bit < bits; bit++) {
		rest <<= 1;
		quotient = quotient << 1 | (rest >= from);
		if (rest >= from)
			rest -= from;
	}
	return quotient;
}

static inline uint64_t scale_factor(uint64_t from, uint64_t to)
{
	return scale_factor_bits(from, to, SCALE_SHIFT);
}
