/*
 * The kernel's string functions, compiled here under other names, against the C library's; then our
 * own ones.
 */
#include <lib/string.h>
#include <stdlib.h>
#include <test/test.h>

void *exo_memchr(const void *s, int c, size_t len);
size_t exo_strlen(const char *s);
size_t exo_strnlen(const char *s, size_t max);
int exo_strcmp(const char *a, const char *b);
int exo_strncmp(const char *a, const char *b, size_t len);
char *exo_strchr(const char *s, int c);
char *exo_strrchr(const char *s, int c);
char *exo_strstr(const char *haystack, const char *needle);
#define memchr  exo_memchr
#define strlen  exo_strlen
#define strnlen exo_strnlen
#define strcmp  exo_strcmp
#define strncmp exo_strncmp
#define strchr  exo_strchr
#define strrchr exo_strrchr
#define strstr  exo_strstr
#include "string.c"
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

TEST(strlen_at_every_alignment)
{
	char buf[96];
	for (size_t start = 0; start < 16; start++) {
		for (size_t len = 0; len < 40; len++) {
			memset(buf, 0, sizeof buf);
			memset(buf + start, 0x80 + (int)len, len);
			CHECK_EQ(exo_strlen(buf + start), len);
			CHECK_EQ(exo_strnlen(buf + start, 20), min(len, (size_t)20));
		}
	}
}

TEST(strnlen_reads_no_further_than_allowed)
{
	for (size_t len = 0; len < 40; len++) {
		char *text = malloc(len + 1);
		memset(text, 'x', len + 1);
		CHECK_EQ(exo_strnlen(text, len), len);
		CHECK(!exo_memchr(text, 'y', len));
		free(text);
	}
}

TEST(memchr_finds_the_first)
{
	uint8_t buf[80];
	for (size_t at = 0; at < 60; at++) {
		for (size_t start = 0; start < 8; start++) {
			memset(buf, 0x7f, sizeof buf);
			buf[start + at] = buf[start + at + 3] = 0xff;
			CHECK(exo_memchr(buf + start, 0xff, 64) == buf + start + at);
			CHECK(exo_memchr(buf + start, 0xff, at) == NULL);
			CHECK(exo_memchr(buf + start, 0x1ff, at + 1) == buf + start + at);
		}
	}
}

TEST(comparisons_as_the_c_library)
{
	static const char *const texts[] = {
	    "", "a", "ab", "abc", "abd", "b", "\x80", "\xff", "abcdefghijkl", "abcdefghijkm"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
			const char *a = texts[i], *b = texts[j];
			CHECK_EQ(sign(exo_strcmp(a, b)), sign(strcmp(a, b)));
			for (size_t n = 0; n < 14; n++)
				CHECK_EQ(sign(exo_strncmp(a, b, n)), sign(strncmp(a, b, n)));
			CHECK(exo_strstr(a, b) == strstr(a, b));
		}
	}
}

TEST(searches_as_the_c_library)
{
	static const char text[] = "/one/two/three\xe9";
	for (int c = -128; c < 256; c++) {
		CHECK(exo_strchr(text, c) == strchr(text, c));
		CHECK(exo_strrchr(text, c) == strrchr(text, c));
	}
	CHECK(exo_strstr("aabaabaaab", "aaab") != NULL);
	CHECK(exo_strstr("aabaabaa", "aaab") == NULL);
}

TEST(str_copy_says_when_it_cuts)
{
	char buf[4];
	CHECK(str_copy(buf, sizeof buf, "abc"));
	CHECK_STR(buf, "abc");
	CHECK(!str_copy(buf, sizeof buf, "wxyz"));
	CHECK_STR(buf, "wxy");
	CHECK(!str_copy(buf, 0, ""));
	CHECK(str_copy(buf, 1, ""));
	CHECK_STR(buf, "");
}

TEST(str_has_prefix_looks_at_the_beginning)
{
	CHECK(str_has_prefix("console=x", "console="));
	CHECK(str_has_prefix("x", ""));
	CHECK(!str_has_prefix("cons", "console"));
	CHECK(!str_has_prefix("xconsole", "console"));
}

TEST(str_to_u64_takes_numbers_only)
{
	static const struct {
		const char *text;
		unsigned base;
		bool ok;
		uint64_t value;
	} cases[] = {
	    {"0", 0, true, 0},
	    {"42", 0, true, 42},
	    {"0x2A", 0, true, 42},
	    {"052", 0, true, 42},
	    {"2a", 16, true, 42},
	    {"0x2a", 16, true, 42},
	    {"101010", 2, true, 42},
	    {"18446744073709551615", 10, true, UINT64_MAX},
	    {"18446744073709551616", 10, false, 0},
	    {"0xffffffffffffffff", 0, true, UINT64_MAX},
	    {"0x10000000000000000", 0, false, 0},
	    {"", 0, false, 0},
	    {"0x", 0, false, 0},
	    {"08", 0, false, 0},
	    {"1 ", 0, false, 0},
	    {" 1", 0, false, 0},
	    {"-1", 0, false, 0},
	    {"1x", 0, false, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t value = 99;
		if (str_to_u64(cases[i].text, cases[i].base, &value) != cases[i].ok)
			test_fail(__FILE__, __LINE__, "\"%s\"", cases[i].text);
		CHECK_EQ(value, cases[i].ok ? cases[i].value : 99);
	}
}

TEST(str_to_size_knows_units)
{
	uint64_t size = 0;
	CHECK(str_to_size("64K", &size) && size == 64 * KiB);
	CHECK(str_to_size("64m", &size) && size == 64 * MiB);
	CHECK(str_to_size("0x10G", &size) && size == 16 * GiB);
	CHECK(str_to_size("7", &size) && size == 7);
	CHECK(!str_to_size("64KB", &size));
	CHECK(!str_to_size("K", &size));
	CHECK(!str_to_size("17179869184G", &size));
	CHECK_EQ(size, 7);
}

TEST(str_matches_globs)
{
	CHECK(str_matches("*", ""));
	CHECK(str_matches("slab_*", "slab_survives"));
	CHECK(str_matches("*lab*", "slab_survives"));
	CHECK(str_matches("s?ab*s", "slab_survives"));
	CHECK(str_matches("a*b*c", "aXbXbXc"));
	CHECK(str_matches("", ""));
	CHECK(!str_matches("", "x"));
	CHECK(!str_matches("?", ""));
	CHECK(!str_matches("slab", "slab_x"));
	CHECK(!str_matches("*x", "slab"));
	CHECK(!str_matches("a*b*c", "aXbXbX"));
}
