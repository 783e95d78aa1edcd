/* The command line: which word counts, quotes, the end of the kernel's part. */
#include <abi/errno.h>
#include <lib/cmdline.h>
#include <lib/types.h>
#include <test/test.h>

static char value[16];

TEST(cmdline_finds_values)
{
	const char *line = "  console=ttyS0 quiet  loglevel=7 empty= x=\"a b\" consoles=no";
	CHECK_EQ(cmdline_get(line, "console", value, sizeof value), 1);
	CHECK_STR(value, "ttyS0");
	CHECK_EQ(cmdline_get(line, "quiet", value, sizeof value), 1);
	CHECK_STR(value, "");
	CHECK_EQ(cmdline_get(line, "empty", value, sizeof value), 1);
	CHECK_STR(value, "");
	CHECK_EQ(cmdline_get(line, "x", value, sizeof value), 1);
	CHECK_STR(value, "a b");
	CHECK_EQ(cmdline_get(line, "b", value, sizeof value), 0);
	CHECK_EQ(cmdline_get(line, "cons", value, sizeof value), 0);
	CHECK_EQ(cmdline_get(line, "ttyS0", value, sizeof value), 0);
	CHECK_EQ(cmdline_get("", "x", value, sizeof value), 0);
}

TEST(cmdline_last_one_wins)
{
	CHECK_EQ(cmdline_get("a=1 b a=2 b=3", "a", value, sizeof value), 1);
	CHECK_STR(value, "2");
	CHECK_EQ(cmdline_get("a=1 a", "a", value, sizeof value), 1);
	CHECK_STR(value, "");
}

TEST(cmdline_ends_at_two_dashes)
{
	CHECK_EQ(cmdline_get("a=1 -- a=2", "a", value, sizeof value), 1);
	CHECK_STR(value, "1");
	CHECK_EQ(cmdline_get("-- a=2", "a", value, sizeof value), 0);
	CHECK_EQ(cmdline_get("--a=2 x", "x", value, sizeof value), 1);
	CHECK_EQ(
	    cmdline_get("\"--\" x", "x", value, sizeof value), 1); /* quoted: an ordinary word */
}

TEST(cmdline_says_when_it_does_not_fit)
{
	CHECK_EQ(cmdline_get("a=123456789abcdef", "a", value, sizeof value), 1);
	CHECK_EQ(cmdline_get("a=123456789abcdefg", "a", value, sizeof value), -E2BIG);
	CHECK_EQ(cmdline_get("a=", "a", value, 0), -E2BIG);
	CHECK_EQ(cmdline_get("a=\"\"", "a", value, 1), 1);
	CHECK_STR(value, "");
}

TEST(cmdline_unclosed_quote_runs_to_the_end)
{
	CHECK_EQ(cmdline_get("a=\"1 b=2", "a", value, sizeof value), 1);
	CHECK_STR(value, "1 b=2");
	CHECK_EQ(cmdline_get("a=\"1 b=2", "b", value, sizeof value), 0);
}

TEST(cmdline_has_knows_no)
{
	CHECK(cmdline_has("x", "x"));
	CHECK(cmdline_has("x=1", "x"));
	CHECK(cmdline_has("x=something-rather-long", "x"));
	CHECK(!cmdline_has("x=0", "x"));
	CHECK(!cmdline_has("x=off", "x"));
	CHECK(!cmdline_has("x=no", "x"));
	CHECK(!cmdline_has("x x=no", "x"));
	CHECK(!cmdline_has("y", "x"));
}

TEST(cmdline_sizes)
{
	CHECK_EQ(cmdline_get_size("m=64M", "m", 5), 64 * MiB);
	CHECK_EQ(cmdline_get_size("m=64Q", "m", 5), 5);
	CHECK_EQ(cmdline_get_size("m=", "m", 5), 5);
	CHECK_EQ(cmdline_get_size("m=0000000000000000000000000000000000001", "m", 5), 5);
	CHECK_EQ(cmdline_get_size("", "m", 5), 5);
}
