/* Giving vectors away: first fit in a bitmap. */
#include "vector_space.h"

#include <abi/errno.h>
#include <log/assert.h>

#define BLOCK_MAX 32

/* The bit whose vector is the first one aligned to `align`. */
static size_t first_aligned(unsigned align)
{
	return ALIGN_UP(IRQ_DEVICE_FIRST, align) - IRQ_DEVICE_FIRST;
}

int vector_space_alloc(struct vector_space *space, unsigned count)
{
	assert(IS_POW2(count) && count <= BLOCK_MAX);

	for (size_t bit = first_aligned(count); bit + count <= IRQ_DEVICE_COUNT; bit += count) {
		size_t taken = bitmap_find_set(space->used, IRQ_DEVICE_COUNT, bit);
		if (taken != BITMAP_NONE && taken < bit + count)
			continue;
		for (size_t i = 0; i < count; i++)
			bitmap_set(space->used, bit + i);
		return (int)(IRQ_DEVICE_FIRST + bit);
	}
	return -ENOSPC;
}

void vector_space_free(struct vector_space *space, unsigned vector, unsigned count)
{
	assert(vector >= IRQ_DEVICE_FIRST && vector + count - 1 <= IRQ_DEVICE_LAST);
	for (unsigned i = 0; i < count; i++) {
		assert(bitmap_test(space->used, vector - IRQ_DEVICE_FIRST + i));
		bitmap_clear(space->used, vector - IRQ_DEVICE_FIRST + i);
	}
}
