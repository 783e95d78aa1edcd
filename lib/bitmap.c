/* Searches in bitmaps, a word at a time. */
#include <lib/bitmap.h>

/* The first bit at or after `from` whose value, xored with `flip`, is set. */
static size_t find(const uint64_t *map, size_t bits, size_t from, uint64_t flip)
{
	if (from >= bits)
		return BITMAP_NONE;
	size_t word = from / 64;
	uint64_t value = (map[word] ^ flip) & (~0ull << (from % 64));
	while (!value) {
		if (++word >= BITMAP_WORDS(bits))
			return BITMAP_NONE;
		value = map[word] ^ flip;
	}
	size_t bit = word * 64 + (size_t)__builtin_ctzll(value);
	return bit < bits ? bit : BITMAP_NONE;
}

size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from)
{
	return find(map, bits, from, 0);
}

size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from)
{
	return find(map, bits, from, ~0ull);
}

size_t bitmap_find_clear_run(
    const uint64_t *map, size_t bits, size_t from, size_t count, size_t align)
{
	for (size_t start = from;; start++) {
		start = bitmap_find_clear(map, bits, start);
		if (start == BITMAP_NONE)
			return BITMAP_NONE;
		start = ALIGN_UP(start, align);
		if (start > bits || bits - start < count)
			return BITMAP_NONE;
		size_t set = bitmap_find_set(map, bits, start);
		if (set == BITMAP_NONE || set - start >= count)
			return start;
		start = set;
	}
}

size_t bitmap_count(const uint64_t *map, size_t bits)
{
	size_t count = 0;
	for (size_t i = 0; i < bits / 64; i++)
		count += (size_t)__builtin_popcountll(map[i]);
	if (bits % 64)
		count += (size_t)__builtin_popcountll(map[bits / 64] & ~(~0ull << (bits % 64)));
	return count;
}
