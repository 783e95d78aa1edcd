/*
 * The kernel's memcpy and kin, compiled here under other names, against simple loops: every small
 * length, alignment and overlap.
 */
#include <lib/random.h>
#include <lib/string.h>
#include <test/test.h>

void *exo_memcpy(void *restrict dst, const void *restrict src, size_t len);
void *exo_memmove(void *dst, const void *src, size_t len);
void *exo_memset(void *dst, int byte, size_t len);
int exo_memcmp(const void *a, const void *b, size_t len);
#define memcpy  exo_memcpy
#define memmove exo_memmove
#define memset  exo_memset
#define memcmp  exo_memcmp
#include "memory.c"

#define SIZE 512

static uint8_t before[SIZE], buf[SIZE];

static void fill(uint64_t seed)
{
	for (size_t i = 0; i < SIZE; i++)
		before[i] = buf[i] = (uint8_t)random_next(&seed);
}

TEST(memcpy_copies_and_no_more)
{
	for (size_t len = 0; len <= 200; len++) {
		for (size_t shift = 0; shift < 8; shift++) {
			fill(len + shift);
			size_t from = 8 - shift, to = 256 + shift;
			CHECK(memcpy(buf + to, buf + from, len) == buf + to);
			for (size_t i = 0; i < SIZE; i++)
				CHECK_EQ(buf[i],
				    i >= to && i < to + len ? before[i - to + from] : before[i]);
		}
	}
}

TEST(memmove_with_every_overlap)
{
	for (size_t len = 0; len <= 150; len++) {
		for (size_t to = 100; to <= 240; to++) {
			size_t from = 170;
			fill(len * 1000 + to);
			CHECK(memmove(buf + to, buf + from, len) == buf + to);
			for (size_t i = 0; i < SIZE; i++)
				CHECK_EQ(buf[i],
				    i >= to && i < to + len ? before[i - to + from] : before[i]);
		}
	}
}

TEST(memset_sets_and_no_more)
{
	for (size_t len = 0; len <= 200; len++) {
		for (size_t to = 64; to < 72; to++) {
			fill(len + to);
			CHECK(memset(buf + to, 0x1a5, len) == buf + to);
			for (size_t i = 0; i < SIZE; i++)
				CHECK_EQ(buf[i], i >= to && i < to + len ? 0xa5 : before[i]);
		}
	}
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

TEST(memcmp_orders_by_the_first_difference)
{
	uint8_t a[64], b[64];
	for (size_t len = 0; len <= 40; len++) {
		for (size_t at = 0; at < 48; at++) {
			for (size_t shift = 0; shift < 8; shift++) {
				memset(a, 0x80, sizeof a);
				memset(b, 0x80, sizeof b);
				a[shift + at] = 0x7f;
				b[at + 1] = at % 2 ? 0x81 : 0x80;
				CHECK_EQ(sign(memcmp(a + shift, b + 1, len)), at < len ? -1 : 0);
				CHECK_EQ(sign(memcmp(b + 1, a + shift, len)), at < len ? 1 : 0);
			}
		}
	}
}
