/* What calls on names and files cost, in a tree of seven levels. */
#include "calls.h"

static void with_tree(void (*fn)(uint64_t rounds), uint64_t rounds)
{
	static const char *const dirs[] = {
	    "/b", "/b/2", "/b/2/3", "/b/2/3/4", "/b/2/3/4/5", "/b/2/3/4/5/6"};
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		CHECK_EQ(mkdir(dirs[i]), 0);
	put_text("/b/2/3/4/5/6/7", "7");
	fn(rounds);
	CHECK_EQ(unlink("/b/2/3/4/5/6/7"), 0);
	for (size_t i = ARRAY_LEN(dirs); i--;)
		CHECK_EQ(rmdir(dirs[i]), 0);
}

static void stat_seven(uint64_t rounds)
{
	while (rounds--)
		CHECK_EQ(stat_err("/b/2/3/4/5/6/7"), 0);
}

static void stat_one(uint64_t rounds)
{
	while (rounds--)
		CHECK_EQ(stat_err("/b"), 0);
}

static void open_one(uint64_t rounds)
{
	while (rounds--)
		CHECK_EQ(try_open("/b", O_RDONLY), 0);
}

static void create_one(uint64_t rounds)
{
	while (rounds--) {
		CHECK_EQ(try_open("/b/new", O_RDWR | O_CREAT), 0);
		CHECK_EQ(unlink("/b/new"), 0);
	}
}

static void make_one(uint64_t rounds)
{
	while (rounds--) {
		CHECK_EQ(mkdir("/b/new"), 0);
		CHECK_EQ(rmdir("/b/new"), 0);
	}
}

static void rename_one(uint64_t rounds)
{
	put_text("/b/x", "x");
	while (rounds--) {
		CHECK_EQ(rename("/b/x", "/b/y"), 0);
		CHECK_EQ(rename("/b/y", "/b/x"), 0);
	}
	CHECK_EQ(unlink("/b/x"), 0);
}

BENCH(vfs_stat_1, 300, "stat of one component, cached")
{
	with_tree(stat_one, rounds);
}

BENCH(vfs_stat_7, 1000, "stat of seven components, cached")
{
	with_tree(stat_seven, rounds);
}

BENCH(vfs_open_close, 700, "open + close")
{
	with_tree(open_one, rounds);
}

BENCH(vfs_create_unlink, 3000, "create + unlink, open + close in between")
{
	with_tree(create_one, rounds);
}

BENCH(vfs_mkdir_rmdir, 3000, "mkdir + rmdir")
{
	with_tree(make_one, rounds);
}

BENCH(vfs_rename, 4600, "rename, twice")
{
	with_tree(rename_one, rounds);
}
