/*
 * Decompresses raw deflate data (RFC 1951) and gzip files (RFC 1952), from memory to memory. The
 * input is untrusted.
 *
 * The decoding tables are too large for a kernel stack, so the caller lends a work area; it holds
 * nothing between calls.
 */
#pragma once

#include <lib/types.h>

#define INFLATE_LITERAL_BITS  10
#define INFLATE_DISTANCE_BITS 8

/*
 * A prefix code: what the next bits mean. Codes longer than the table's index are found by
 * counting.
 */
struct inflate_code {
	unsigned index_bits;
	uint16_t counts[16];   /* codes of each length */
	uint16_t symbols[288]; /* in order of their codes */
	uint32_t *table;       /* by the next index_bits bits */
};

struct inflate_work {
	struct inflate_code literals, distances;
	uint32_t literal_table[1 << INFLATE_LITERAL_BITS];
	uint32_t distance_table[1 << INFLATE_DISTANCE_BITS];
	uint8_t lengths[288 + 32];
};

/* Where from and where to; in_used and out_len are the result. */
struct inflate_buffers {
	const void *in;
	size_t in_len, in_used;
	void *out;
	size_t out_size, out_len;
};

/*
 * Both return 0, or: -EINVAL damaged data, -ENOSPC the output does not fit in out_size.
 * gzip_decompress reads one member of the file, and checks its CRC and length.
 */
MUST_USE int inflate(struct inflate_work *work, struct inflate_buffers *buffers);
MUST_USE int gzip_decompress(struct inflate_work *work, struct inflate_buffers *buffers);
bool gzip_is_magic(const void *in, size_t in_len);
/*
 * What the last four bytes claim the size is (modulo 4 GiB): a hint for the size of the buffer, not
 * to be trusted. False when there are not so many bytes.
 */
MUST_USE bool gzip_size_hint(const void *in, size_t in_len, size_t *size);
