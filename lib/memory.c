/*
 * memcpy and its kin, for the kernel only (the host has its own).
 *
 * Up to 32 bytes: two or four loads that may overlap, then as many stores. Beyond: `rep movsq` and
 * `rep stosq`, which processors run wide and which cost one instruction a word where instructions
 * are counted; the last eight bytes are moved apart, overlapping what the loop did, so there is no
 * loop for a tail.
 */
#include <lib/string.h>

/* Unaligned by nature; __builtin_memcpy of a constant size is a single move. */
static ALWAYS_INLINE uint64_t load64(const void *p)
{
	uint64_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

static ALWAYS_INLINE uint32_t load32(const void *p)
{
	uint32_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

static ALWAYS_INLINE uint16_t load16(const void *p)
{
	uint16_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

static ALWAYS_INLINE void store64(void *p, uint64_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
}

static ALWAYS_INLINE void store32(void *p, uint32_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
}

static ALWAYS_INLINE void store16(void *p, uint16_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
}

/* Up to 32 bytes; reads everything before it writes anything, so it serves memmove too. */
static ALWAYS_INLINE void copy_small(uint8_t *dst, const uint8_t *src, size_t len)
{
	if (len >= 16) {
		uint64_t a = load64(src), b = load64(src + 8);
		uint64_t c = load64(src + len - 16), d = load64(src + len - 8);
		store64(dst, a);
		store64(dst + 8, b);
		store64(dst + len - 16, c);
		store64(dst + len - 8, d);
	} else if (len >= 8) {
		uint64_t a = load64(src), b = load64(src + len - 8);
		store64(dst, a);
		store64(dst + len - 8, b);
	} else if (len >= 4) {
		uint32_t a = load32(src), b = load32(src + len - 4);
		store32(dst, a);
		store32(dst + len - 4, b);
	} else if (len >= 2) {
		uint16_t a = load16(src), b = load16(src + len - 2);
		store16(dst, a);
		store16(dst + len - 2, b);
	} else if (len) {
		*dst = *src;
	}
}

/*
 * More than 32 bytes, lowest first: right for a destination below the source even when they
 * overlap.
 */
static ALWAYS_INLINE void copy_forward(uint8_t *dst, const uint8_t *src, size_t len)
{
	uint64_t tail = load64(src + len - 8);
	uint8_t *end = dst + len;
	size_t words = len / 8;
	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(words) : : "memory");
	store64(end - 8, tail);
}

/*
 * More than 32 bytes, highest first. `rep` is slow with the direction flag set, so this is a loop.
 */
static ALWAYS_INLINE void copy_backward(uint8_t *dst, const uint8_t *src, size_t len)
{
	uint64_t head[4] = {load64(src), load64(src + 8), load64(src + 16), load64(src + 24)};
	uint8_t *start = dst;
	dst += len;
	src += len;
	for (; len >= 32; len -= 32) {
		dst -= 32;
		src -= 32;
		uint64_t a = load64(src), b = load64(src + 8);
		uint64_t c = load64(src + 16), d = load64(src + 24);
		store64(dst + 24, d);
		store64(dst + 16, c);
		store64(dst + 8, b);
		store64(dst, a);
	}
	for (size_t i = 0; i < 4; i++)
		store64(start + 8 * i, head[i]);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	if (len <= 32)
		copy_small(dst, src, len);
	else
		copy_forward(dst, src, len);
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	if (len <= 32)
		copy_small(dst, src, len);
	else if ((uintptr_t)dst - (uintptr_t)src >= len)
		copy_forward(dst, src, len);
	else
		copy_backward(dst, src, len);
	return dst;
}

void *memset(void *dst, int byte, size_t len)
{
	uint8_t *p = dst;
	uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
	if (len >= 8) {
		uint8_t *end = p + len;
		size_t words = len / 8;
		if (len > 32) {
			__asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(word) : "memory");
		} else {
			store64(p, word);
			if (len > 16) {
				store64(p + 8, word);
				store64(end - 16, word);
			}
		}
		store64(end - 8, word);
	} else if (len >= 4) {
		store32(p, (uint32_t)word);
		store32(p + len - 4, (uint32_t)word);
	} else if (len) {
		p[0] = p[len / 2] = p[len - 1] = (uint8_t)byte;
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *p = a, *q = b;
	for (; len >= 8; p += 8, q += 8, len -= 8) {
		uint64_t x = load64(p), y = load64(q);
		if (x != y)
			return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
	}
	for (; len; p++, q++, len--) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}
