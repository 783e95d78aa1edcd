/*
 * The C library's string functions, for the kernel only (the host has its own). What is ours alone
 * is in text.c.
 *
 * strlen and memchr look at a word at a time: a word w has a zero byte exactly when (w - 01…01) &
 * ~w & 80…80 is not 0, and its lowest set bit lies in the first such byte.
 */
#include <lib/string.h>

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

static ALWAYS_INLINE uint64_t zero_bytes(uint64_t word)
{
	return (word - ONES) & ~word & HIGHS;
}

static ALWAYS_INLINE size_t first_marked_byte(uint64_t marks)
{
	return (size_t)__builtin_ctzll(marks) / 8;
}

/* Reads whole aligned words, thus beyond the end of the string, but never into another page. */
__attribute__((no_sanitize("address"))) size_t strlen(const char *s)
{
	uintptr_t misaligned = (uintptr_t)s % 8;
	const uint64_t *words = (const uint64_t *)((uintptr_t)s - misaligned);
	/* Bytes before the string are made non-zero. */
	uint64_t marks = zero_bytes(*words | ~(~0ull << 8 * misaligned));
	while (!marks)
		marks = zero_bytes(*++words);
	return (size_t)((const char *)words + first_marked_byte(marks) - s);
}

size_t strnlen(const char *s, size_t max)
{
	const char *end = memchr(s, 0, max);
	return end ? (size_t)(end - s) : max;
}

void *memchr(const void *s, int c, size_t len)
{
	const uint8_t *p = s;
	uint64_t pattern = (uint8_t)c * ONES;
	/*
	 * As C has it, the search may stop short of len, so words must not be read past the match's
	 * page.
	 */
	for (; len && (uintptr_t)p % 8; p++, len--) {
		if (*p == (uint8_t)c)
			return (void *)(uintptr_t)p;
	}
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t marks = zero_bytes(*(const uint64_t *)p ^ pattern);
		if (marks)
			return (void *)((uintptr_t)p + first_marked_byte(marks));
	}
	for (; len; p++, len--) {
		if (*p == (uint8_t)c)
			return (void *)(uintptr_t)p;
	}
	return NULL;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t len)
{
	for (; len; a++, b++, len--) {
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;
	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}

char *strstr(const char *haystack, const char *needle)
{
	size_t len = strlen(needle);
	for (; strncmp(haystack, needle, len) != 0; haystack++) {
		if (!*haystack)
			return NULL;
	}
	return (char *)(uintptr_t)haystack;
}
