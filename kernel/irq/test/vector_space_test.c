/* Vectors are given once, blocks aligned, everything comes back. */
#include "vector_space.h"

#include <abi/errno.h>
#include <lib/random.h>
#include <test/test.h>

TEST(single_vectors_cover_the_range_once)
{
	struct vector_space space = {0};
	bool seen[256] = {false};
	for (unsigned i = 0; i < IRQ_DEVICE_COUNT; i++) {
		int vector = vector_space_alloc(&space, 1);
		CHECK(vector >= IRQ_DEVICE_FIRST && vector <= IRQ_DEVICE_LAST);
		CHECK(!seen[vector]);
		seen[vector] = true;
	}
	CHECK_EQ(vector_space_alloc(&space, 1), -ENOSPC);
	vector_space_free(&space, 100, 1);
	CHECK_EQ(vector_space_alloc(&space, 1), 100);
}

TEST(blocks_are_aligned_as_vectors)
{
	for (unsigned count = 1; count <= 32; count *= 2) {
		struct vector_space space = {0};
		CHECK_EQ(vector_space_alloc(&space, 1), IRQ_DEVICE_FIRST);
		unsigned blocks = 0;
		for (;; blocks++) {
			int vector = vector_space_alloc(&space, count);
			if (vector < 0)
				break;
			CHECK(vector % (int)count == 0);
			CHECK(vector + (int)count - 1 <= IRQ_DEVICE_LAST);
		}
		/* What is lost is the block of the first vector and the unaligned beginning of the range. */
		CHECK(blocks * count + 2 * count > IRQ_DEVICE_COUNT);
	}
}

TEST(random_traffic_leaves_nothing_behind)
{
	struct vector_space space = {0};
	uint8_t owner[256] = {0};
	struct {
		unsigned vector, count;
	} held[64] = {{0, 0}};
	uint64_t seed = 42;

	for (unsigned round = 1; round < 100000; round++) {
		unsigned slot = random_next(&seed) % ARRAY_LEN(held);
		if (held[slot].count) {
			for (unsigned i = 0; i < held[slot].count; i++)
				CHECK_EQ(owner[held[slot].vector + i]--, 1);
			vector_space_free(&space, held[slot].vector, held[slot].count);
			held[slot].count = 0;
			continue;
		}
		unsigned count = 1u << random_next(&seed) % 6;
		int vector = vector_space_alloc(&space, count);
		if (vector < 0)
			continue;
		held[slot].vector = (unsigned)vector;
		held[slot].count = count;
		for (unsigned i = 0; i < count; i++)
			CHECK_EQ(owner[(unsigned)vector + i]++, 0);
	}
	for (unsigned slot = 0; slot < ARRAY_LEN(held); slot++)
		if (held[slot].count)
			vector_space_free(&space, held[slot].vector, held[slot].count);
	CHECK_EQ(bitmap_count(space.used, IRQ_DEVICE_COUNT), 0);
}
