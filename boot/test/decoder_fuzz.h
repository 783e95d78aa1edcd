/* What the fuzz targets of both decoders share: the input is the loader's memory. */
#pragma once

#include <boot/boot_info.h>
#include <stdlib.h>

#define BASE 0x1000ull

static const uint8_t *memory;
static size_t memory_len;

static const void *map(paddr_t pa, size_t len)
{
	if (pa < BASE || pa - BASE > memory_len || len > memory_len - (pa - BASE))
		return NULL;
	return memory + (pa - BASE);
}

/* What was accepted keeps the promises of boot_info. */
static inline void check_info(const struct boot_info *info)
{
	if (!info->range_count || info->range_count > BOOT_RANGES_MAX ||
	    info->initrd_start > info->initrd_end)
		abort();
	for (size_t i = 0; i < info->range_count; i++) {
		if (info->ranges[i].start >= info->ranges[i].end)
			abort();
		if (i && info->ranges[i - 1].end > info->ranges[i].start)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
