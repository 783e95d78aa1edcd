/* Bitmap searches against loops over single bits. */
#include <lib/bitmap.h>
#include <lib/random.h>
#include <string.h>
#include <test/test.h>

#define BITS 200

static size_t naive_find(const uint64_t *map, size_t bits, size_t from, bool set)
{
	for (size_t i = from; i < bits; i++) {
		if (bitmap_test(map, i) == set)
			return i;
	}
	return BITMAP_NONE;
}

static size_t naive_run(const uint64_t *map, size_t bits, size_t from, size_t count, size_t align)
{
	for (size_t start = ALIGN_UP(from, align); start + count <= bits; start += align) {
		size_t set = naive_find(map, bits, start, true);
		if (set == BITMAP_NONE || set >= start + count)
			return start;
	}
	return BITMAP_NONE;
}

TEST(bitmap_finds_as_a_loop_does)
{
	uint64_t seed = 5;
	for (int round = 0; round < 300; round++) {
		uint64_t map[BITMAP_WORDS(BITS)];
		size_t bits = 1 + random_next(&seed) % BITS, count = 0;
		uint64_t density = random_next(&seed) % 64;
		/* Bits beyond the end are set at random too: they must not be seen. */
		for (size_t i = 0; i < ARRAY_LEN(map) * 64; i++) {
			if (random_next(&seed) % 64 < density)
				bitmap_set(map, i);
			else
				bitmap_clear(map, i);
		}
		for (size_t from = 0; from <= bits + 1; from++) {
			CHECK_EQ(
			    bitmap_find_set(map, bits, from), naive_find(map, bits, from, true));
			CHECK_EQ(
			    bitmap_find_clear(map, bits, from), naive_find(map, bits, from, false));
			size_t run = 1 + random_next(&seed) % 12,
			       align = 1u << random_next(&seed) % 4;
			CHECK_EQ(bitmap_find_clear_run(map, bits, from, run, align),
			    naive_run(map, bits, from, run, align));
		}
		for (size_t i = 0; i < bits; i++)
			count += bitmap_test(map, i);
		CHECK_EQ(bitmap_count(map, bits), count);
	}
}

TEST(bitmap_empty_and_full)
{
	uint64_t map[2] = {0, 0};
	CHECK_EQ(bitmap_find_set(map, 128, 0), BITMAP_NONE);
	CHECK_EQ(bitmap_find_clear_run(map, 128, 0, 128, 64), 0);
	CHECK_EQ(bitmap_find_clear_run(map, 128, 0, 129, 1), BITMAP_NONE);
	memset(map, 0xff, sizeof map);
	CHECK_EQ(bitmap_find_clear(map, 128, 0), BITMAP_NONE);
	CHECK_EQ(bitmap_count(map, 128), 128);
	CHECK_EQ(bitmap_find_set(map, 0, 0), BITMAP_NONE);
}
