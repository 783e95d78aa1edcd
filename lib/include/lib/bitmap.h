/* Arrays of bits, in words of 64. None of these is atomic. */
#pragma once

#include <lib/types.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)
#define BITMAP_NONE        SIZE_MAX

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, size_t bit)
{
	map[bit / 64] |= 1ull << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit)
{
	map[bit / 64] &= ~(1ull << (bit % 64));
}

/* Goes through the bits that are set when it comes to their word. Not to be left with break. */
#define bitmap_for_each(bit, map, bits)                                                            \
	for (size_t word_##bit = 0; word_##bit < BITMAP_WORDS(bits); word_##bit++)                 \
		for (uint64_t left_##bit = (map)[word_##bit]; left_##bit;                          \
		     left_##bit &= left_##bit - 1)                                                 \
			for (size_t bit = word_##bit * 64 + (size_t)__builtin_ctzll(left_##bit),   \
				    once_##bit = 1;                                                \
			     once_##bit; once_##bit = 0)

/* The first bit at or after `from` that is set (or clear), or BITMAP_NONE. */
size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from);
size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from);
/* The first run of `count` clear bits whose start is a multiple of `align` (a power of two), or BITMAP_NONE. */
size_t bitmap_find_clear_run(
    const uint64_t *map, size_t bits, size_t from, size_t count, size_t align);
size_t bitmap_count(const uint64_t *map, size_t bits);
