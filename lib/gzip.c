/*
 * The gzip file around deflate data, RFC 1952: a header with optional fields, and a CRC and length
 * behind the data.
 */
#include <abi/errno.h>
#include <lib/crc32.h>
#include <lib/inflate.h>
#include <lib/string.h>

#define HEADER_LEN  10
#define TRAILER_LEN 8

enum flag {
	FLAG_TEXT = 1 << 0,
	FLAG_HEADER_CRC = 1 << 1,
	FLAG_EXTRA = 1 << 2,
	FLAG_NAME = 1 << 3,
	FLAG_COMMENT = 1 << 4,
	FLAGS_RESERVED = 7 << 5,
};

static uint32_t read32(const uint8_t *p)
{
	uint32_t value;
	memcpy(&value, p, sizeof value);
	return value;
}

/* Moves *pos behind a string and its NUL. */
static bool skip_string(const uint8_t *in, size_t len, size_t *pos)
{
	const uint8_t *end = memchr(in + *pos, 0, len - *pos);
	if (!end)
		return false;
	*pos = (size_t)(end - in) + 1;
	return true;
}

static int parse_header(const uint8_t *in, size_t len, size_t *header_len)
{
	if (len < HEADER_LEN || !gzip_is_magic(in, len) || in[2] != 8 || in[3] & FLAGS_RESERVED)
		return -EINVAL;
	uint8_t flags = in[3];
	size_t pos = HEADER_LEN;
	if (flags & FLAG_EXTRA) {
		if (len - pos < 2)
			return -EINVAL;
		size_t extra = in[pos] | (size_t)in[pos + 1] << 8;
		pos += 2;
		if (extra > len - pos)
			return -EINVAL;
		pos += extra;
	}
	if ((flags & FLAG_NAME && !skip_string(in, len, &pos)) ||
	    (flags & FLAG_COMMENT && !skip_string(in, len, &pos)))
		return -EINVAL;
	if (flags & FLAG_HEADER_CRC) {
		if (len - pos < 2 ||
		    (crc32(0, in, pos) & 0xffff) != (in[pos] | (uint32_t)in[pos + 1] << 8))
			return -EINVAL;
		pos += 2;
	}
	*header_len = pos;
	return 0;
}

bool gzip_is_magic(const void *in, size_t in_len)
{
	const uint8_t *p = in;
	return in_len >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

bool gzip_size_hint(const void *in, size_t in_len, size_t *size)
{
	if (in_len < HEADER_LEN + TRAILER_LEN || !gzip_is_magic(in, in_len))
		return false;
	*size = read32((const uint8_t *)in + in_len - 4);
	return true;
}

int gzip_decompress(struct inflate_work *work, struct inflate_buffers *buffers)
{
	const uint8_t *in = buffers->in;
	size_t header_len;
	int result = parse_header(in, buffers->in_len, &header_len);
	if (result < 0)
		return result;
	struct inflate_buffers data = *buffers;
	data.in = in + header_len;
	data.in_len -= header_len;
	result = inflate(work, &data);
	if (result < 0)
		return result;

	size_t pos = header_len + data.in_used;
	if (buffers->in_len - pos < TRAILER_LEN ||
	    read32(in + pos) != crc32(0, data.out, data.out_len) ||
	    read32(in + pos + 4) != (uint32_t)data.out_len)
		return -EINVAL;
	buffers->in_used = pos + TRAILER_LEN;
	buffers->out_len = data.out_len;
	return 0;
}
