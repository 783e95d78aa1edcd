/* The CRC of gzip, zip and Ethernet: polynomial 0x04c11db7, bits reversed. */
#pragma once

#include <lib/types.h>

/* Start with crc 0; the result of one piece is the start of the next. */
uint32_t crc32(uint32_t crc, const void *data, size_t len);
