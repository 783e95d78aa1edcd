#include <abi/errno.h>
#include <lib/radix.h>
#include <lib/random.h>
#include <stdlib.h>
#include <test/test.h>

static int fail_after = -1;

static void *alloc(size_t size)
{
	if (fail_after == 0)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	return malloc(size);
}

TEST(radix_holds_what_is_put_in)
{
	struct radix_tree tree;
	radix_init(&tree, alloc, free);
	static const uint64_t indices[] = {
	    0, 1, 63, 64, 4095, 4096, 1ull << 20, 1ull << 40, UINT64_MAX};
	for (size_t i = 0; i < ARRAY_LEN(indices); i++)
		CHECK_EQ(radix_insert(&tree, indices[i], (void *)(i + 1)), 0);
	CHECK_EQ(radix_insert(&tree, 64, &tree), -EEXIST);
	for (size_t i = 0; i < ARRAY_LEN(indices); i++)
		CHECK_EQ((uintptr_t)radix_find(&tree, indices[i]), i + 1);
	CHECK(!radix_find(&tree, 2));
	CHECK(!radix_find(&tree, 1ull << 41));
	uint64_t at = 0;
	for (size_t i = 0; i < ARRAY_LEN(indices); i++) {
		CHECK_EQ((uintptr_t)radix_next(&tree, &at), i + 1);
		CHECK_EQ(at, indices[i]);
		at++;
	}
	for (size_t i = 0; i < ARRAY_LEN(indices); i++)
		CHECK_EQ((uintptr_t)radix_remove(&tree, indices[i]), i + 1);
	CHECK(radix_is_empty(&tree));
}

TEST(radix_agrees_with_a_model)
{
	enum { SPAN = 3000 };
	static bool present[SPAN];
	struct radix_tree tree;
	radix_init(&tree, alloc, free);
	uint64_t seed = 7;
	for (unsigned round = 0; round < 60000; round++) {
		uint64_t index = random_next(&seed) % SPAN;
		if (random_next(&seed) & 1) {
			CHECK_EQ(radix_insert(&tree, index, &present[index]),
			    present[index] ? -EEXIST : 0);
			present[index] = true;
		} else {
			CHECK(radix_remove(&tree, index) ==
			      (present[index] ? &present[index] : NULL));
			present[index] = false;
		}
		uint64_t at = random_next(&seed) % SPAN, expected = at;
		while (expected < SPAN && !present[expected])
			expected++;
		void *found = radix_next(&tree, &at);
		CHECK(found == (expected < SPAN ? &present[expected] : NULL));
	}
	for (uint64_t index = 0; index < SPAN; index++)
		radix_remove(&tree, index);
	CHECK(radix_is_empty(&tree));
}

TEST(radix_survives_failed_allocations)
{
	for (int n = 0; n < 12; n++) {
		struct radix_tree tree;
		radix_init(&tree, alloc, free);
		CHECK_EQ(radix_insert(&tree, 5, &tree), 0);
		fail_after = n;
		int err = radix_insert(&tree, 1ull << 50, &tree);
		fail_after = -1;
		CHECK(err == 0 || err == -ENOMEM);
		CHECK(radix_find(&tree, 5) == &tree);
		if (!err)
			radix_remove(&tree, 1ull << 50);
		radix_remove(&tree, 5);
		CHECK(radix_is_empty(&tree));
	}
}

/* The first value may lie far from the beginning, and goes with all that was made for it; a leak ends the test. */
TEST(radix_keeps_no_empty_nodes)
{
	for (unsigned shift = 0; shift < 64; shift++) {
		struct radix_tree tree;
		radix_init(&tree, alloc, free);
		CHECK_EQ(radix_insert(&tree, 1ull << shift, &tree), 0);
		CHECK(radix_remove(&tree, 1ull << shift) == &tree);
		CHECK(radix_is_empty(&tree));
	}
}
