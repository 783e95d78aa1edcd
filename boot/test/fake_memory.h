/* A few pages that stand for the loader's memory, at an address that is not theirs. */
#pragma once

#include <boot/boot_info.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

#define FAKE_BASE 0x100000ull
#define FAKE_LEN  (16 * 1024)

static uint8_t fake_memory[FAKE_LEN];

/*
 * A copy of exactly the length that was asked for, so that a read beyond it is seen; all are freed
 * by fake_free.
 */
static void *fake_copies[64];
static size_t fake_copy_count;

static const void *fake_map(paddr_t pa, size_t len)
{
	if (pa < FAKE_BASE || pa - FAKE_BASE > FAKE_LEN || len > FAKE_LEN - (pa - FAKE_BASE))
		return NULL;
	CHECK(fake_copy_count < ARRAY_LEN(fake_copies));
	void *copy = malloc(len);
	memcpy(copy, fake_memory + (pa - FAKE_BASE), len);
	fake_copies[fake_copy_count++] = copy;
	return copy;
}

static void fake_free(void)
{
	while (fake_copy_count)
		free(fake_copies[--fake_copy_count]);
}

static inline void fake_write(paddr_t pa, const void *data, size_t len)
{
	CHECK(pa >= FAKE_BASE && pa - FAKE_BASE + len <= FAKE_LEN);
	memcpy(fake_memory + (pa - FAKE_BASE), data, len);
}

static inline void check_range(
    const struct boot_info *info, size_t i, paddr_t start, paddr_t end, enum boot_memory kind)
{
	CHECK(i < info->range_count);
	CHECK_EQ(info->ranges[i].start, start);
	CHECK_EQ(info->ranges[i].end, end);
	CHECK_EQ(info->ranges[i].kind, kind);
}
