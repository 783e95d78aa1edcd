/*
 * fmt against the C library's printf, over many formats and values; then what differs from it on
 * purpose.
 */
#include <lib/fmt.h>
#include <lib/random.h>
#include <lib/string.h>
#include <stdarg.h>
#include <test/test.h>

/* The formats are made up at run time. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define snprintf  exo_snprintf
#define vsnprintf exo_vsnprintf
int exo_snprintf(char *buf, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
int exo_vsnprintf(char *buf, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
#include "snprintf.c"
#undef snprintf
#undef vsnprintf

static void compare(const char *format, ...) PRINTF_LIKE(1, 2);

static void compare(const char *format, ...)
{
	static const size_t sizes[] = {512, 20, 5, 1, 0};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char ours[512], theirs[512];
		memset(ours, '~', sizeof ours);
		memset(theirs, '~', sizeof theirs);
		va_list args, again;
		va_start(args, format);
		va_copy(again, args);
		int our_len = exo_vsnprintf(ours, sizes[i], format, args);
		int their_len = vsnprintf(theirs, sizes[i], format, again);
		va_end(again);
		va_end(args);
		if (our_len != their_len || memcmp(ours, theirs, sizeof ours) != 0)
			test_fail(__FILE__, __LINE__,
			    "\"%s\" into %zu: %d \"%.500s\", not %d \"%.500s\"", format, sizes[i],
			    our_len, ours, their_len, theirs);
	}
}

/* Flags, width and precision in many combinations. */
static void for_each_prefix(void (*fn)(const char *prefix))
{
	static const char *const widths[] = {"", "1", "7", "33"};
	static const char *const precisions[] = {"", ".", ".0", ".1", ".5", ".25"};
	for (unsigned flags = 0; flags < 32; flags++) {
		for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
			for (size_t p = 0; p < ARRAY_LEN(precisions); p++) {
				char prefix[32];
				snprintf(prefix, sizeof prefix, "%%%s%s%s%s%s%s%s",
				    flags & 1 ? "-" : "", flags & 2 ? "0" : "",
				    flags & 4 ? "+" : "", flags & 8 ? " " : "",
				    flags & 16 ? "#" : "", widths[w], precisions[p]);
				fn(prefix);
			}
		}
	}
}

static void compare_integers(const char *prefix)
{
	static const uint64_t values[] = {0, 1, 7, 8, 255, 128, 65535, 0x7fffffff, 0x80000000,
	    UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX};
	static const char conversions[] = "diuxXo";
	for (size_t c = 0; conversions[c]; c++) {
		for (size_t v = 0; v < ARRAY_LEN(values); v++) {
			char format[48];
			snprintf(format, sizeof format, "<%s%c>", prefix, conversions[c]);
			compare(format, (int)values[v]);
			snprintf(format, sizeof format, "<%shh%c>", prefix, conversions[c]);
			compare(format, (int)values[v]);
			snprintf(format, sizeof format, "<%sh%c>", prefix, conversions[c]);
			compare(format, (int)values[v]);
			snprintf(format, sizeof format, "<%sl%c>", prefix, conversions[c]);
			compare(format, values[v]);
			snprintf(format, sizeof format, "<%sll%c>", prefix, conversions[c]);
			compare(format, values[v]);
		}
	}
}

TEST(fmt_integers_as_the_c_library)
{
	for_each_prefix(compare_integers);
}

static void compare_strings(const char *prefix)
{
	static const char *const values[] = {
	    "", "x", "seven c", "a longer text than any width here is"};
	/* Flags other than '-' are undefined for %s and %c. */
	if (strchr(prefix, '0') == prefix + 1 || strpbrk(prefix, "+ #") || strstr(prefix, "-0"))
		return;
	for (size_t v = 0; v < ARRAY_LEN(values); v++) {
		char format[48];
		snprintf(format, sizeof format, "a%ssb", prefix);
		compare(format, values[v]);
	}
	char format[48];
	snprintf(format, sizeof format, "%sc!", prefix);
	compare(format, 'q');
}

TEST(fmt_strings_as_the_c_library)
{
	for_each_prefix(compare_strings);
}

TEST(fmt_mixed_as_the_c_library)
{
	compare("plain text");
	compare("%%");
	compare("%d%%, %s and %c.", 42, "text", 'c');
	compare("%*d|%-*d|%.*d", 6, 1, 6, 2, 4, 3);
	compare("%*d", -6, 5);
	compare("%.*d", -3, 5);
	compare("%zu %zd %jd %ju %td", (size_t)5, (ssize_t)-5, (intmax_t)-6, (uintmax_t)6,
	    (ptrdiff_t)-7);
	compare(
	    "%.3s", (const char[]){'a', 'b', 'c'}); /* not terminated: must not be read further */
	uint64_t seed = 3;
	for (int i = 0; i < 2000; i++) {
		uint64_t v = random_next(&seed) >> (random_next(&seed) % 64);
		compare("%lu %ld %lx %#lo", v, v, v, v);
	}
}

TEST(fmt_pointer_has_all_digits)
{
	char buf[64];
	CHECK_EQ(exo_snprintf(buf, sizeof buf, "%p|%22p|%-20p|", (void *)0xabc, (void *)1, NULL),
	    64 - 1);
	CHECK_STR(buf, "0x0000000000000abc|    0x0000000000000001|0x0000000000000000  |");
}

TEST(fmt_null_string)
{
	char buf[16];
	const char *volatile none = NULL;
	exo_snprintf(buf, sizeof buf, "%s", none);
	CHECK_STR(buf, "(null)");
}

TEST(fmt_stops_at_what_it_does_not_know)
{
	static const char *const formats[] = {"a %y %s", "a %", "a %5", "a %l", "a %f %s", "a %n"};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		char buf[32];
		const char *volatile format = formats[i];
		exo_snprintf(buf, sizeof buf, format, 1, 2, 3);
		CHECK_STR(buf, formats[i]);
	}
}

TEST(fmt_survives_absurd_widths)
{
	char buf[8];
	const char *volatile format = "%99999999999d";
	CHECK(exo_snprintf(buf, sizeof buf, format, 1) > 7);
	format = "%*d";
	CHECK(exo_snprintf(buf, sizeof buf, format, INT32_MIN, 1) > 7);
	CHECK_STR(buf, "1      ");
	format = "%99999999999d";
	exo_snprintf(buf, sizeof buf, format, 1);
	CHECK_STR(buf, "       ");
}
