/*
 * Memory and strings, with the standard names and meanings: the compiler calls some of them by
 * itself. On the host they are the C library's. Copies that may not fit say so in their result
 * instead of truncating silently.
 */
#pragma once

#include <lib/types.h>

#ifdef EXO_HOST
#include <string.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *s, int c, size_t len);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t len);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);
#endif

/* memcpy, inline: for what is mostly shorter than a few words, such as names. */
static ALWAYS_INLINE void copy_short(void *dst, const void *src, size_t len)
{
	uint8_t *to = dst;
	const uint8_t *from = src;
	if (len >= 8) {
		for (size_t at = 0; at + 8 < len; at += 8)
			__builtin_memcpy(to + at, from + at, 8);
		__builtin_memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		__builtin_memcpy(to, from, 4);
		__builtin_memcpy(to + len - 4, from + len - 4, 4);
	} else {
		for (size_t at = 0; at < len; at++)
			to[at] = from[at];
	}
}

/* Copies with a terminating NUL. Returns false when src was cut to fit dst[size]. */
bool str_copy(char *dst, size_t size, const char *src);
bool str_has_prefix(const char *s, const char *prefix);

/*
 * A number as C writes it (base 0: 0x…, 0…, decimal; a size suffix K, M, G is accepted by
 * str_to_size). False on an empty string, on trailing characters and on overflow; *out is then
 * untouched.
 */
MUST_USE bool str_to_u64(const char *s, unsigned base, uint64_t *out);
MUST_USE bool str_to_size(const char *s, uint64_t *out);

/* '*' and '?' only: enough to name a group of tests. */
bool str_matches(const char *pattern, const char *s);
