/*
 * A machine's low memory with tables in it, made field by field; the map hands out copies of
 * exactly the length asked for.
 */
#pragma once

#include <abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

#include "acpi.h"

#define FIRMWARE_LEN (1024 * 1024)

static uint8_t firmware[FIRMWARE_LEN];
static void *copies[256];
static size_t copy_count;

static const void *firmware_map(paddr_t pa, size_t len)
{
	if (pa > FIRMWARE_LEN || len > FIRMWARE_LEN - pa)
		return NULL;
	CHECK(copy_count < ARRAY_LEN(copies));
	void *copy = malloc(len ? len : 1);
	memcpy(copy, firmware + pa, len);
	return copies[copy_count++] = copy;
}

static void firmware_unmap_all(void)
{
	while (copy_count)
		free(copies[--copy_count]);
}

static inline void put8(paddr_t at, uint8_t value)
{
	firmware[at] = value;
}

static inline void put16(paddr_t at, uint16_t value)
{
	memcpy(firmware + at, &value, sizeof value);
}

static inline void put32(paddr_t at, uint32_t value)
{
	memcpy(firmware + at, &value, sizeof value);
}

static inline void put64(paddr_t at, uint64_t value)
{
	memcpy(firmware + at, &value, sizeof value);
}

static inline void put_bytes(paddr_t at, const void *data, size_t len)
{
	memcpy(firmware + at, data, len);
}

/* Makes the sum over [at, at+len) 0 by the byte at `where`. */
static inline void fix_sum(paddr_t at, size_t len, paddr_t where)
{
	firmware[where] = 0;
	firmware[where] = (uint8_t)-acpi_sum(firmware + at, len);
}
