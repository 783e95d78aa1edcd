/*
 * Walks through a tree that changes under them: directories trade places, come and go, and so many names are asked for that the cache forgets
 * some. What is always there is always found, and there is never more than one of it. STRESS_SECONDS (2) for each case.
 */
#include "check.h"

#include <stdatomic.h>

enum { WALKERS = 2, NAMES = 6000 };

static int64_t storm_end;

/* Shared by all processes of a case. */
struct shared {
	atomic_long made, removed;
};
static struct shared *shared;

static void begin(void)
{
	const char *seconds = getenv("STRESS_SECONDS");
	storm_end = now_ms() + 1000 * (seconds ? atoi(seconds) : 2);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
}

/* Each role runs until the time is over, but once at least, in a process of its own. */
static pid_t start(void (*role)(unsigned round))
{
	pid_t pid = forked();
	if (pid)
		return pid;
	unsigned round = 0;
	do
		role(round++);
	while (now_ms() < storm_end);
	_exit(0);
}

static void finish(const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++)
		CHECK_EQ(ended(pids[i]), 0);
}

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	CHECK_OK(close(fd));
}

static void exchange(const char *a, const char *b)
{
	CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2));
}

/* Names that are not there, many more than are kept, and some that are. */
static void crowd(unsigned round)
{
	char name[64];
	struct stat st;
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "crowd/%s%u.%d",
		    i % 2 ? "n" : "a longer name than that ", round % 2, i);
		if (i % 8 == 0)
			make_file(name, "");
		else
			CHECK_ERR(stat(name, &st), ENOENT);
		if (i % 8 == 0)
			CHECK_OK(unlink(name));
	}
}

static void trade_places(unsigned round)
{
	(void)round;
	exchange("one", "two");
	exchange("one/inner", "two/inner");
	exchange("one/inner/file", "two/inner/file");
}

static void find_what_is_always_there(unsigned round)
{
	struct stat st;
	char text[8] = "";
	const char *path = round % 2 ? "one/inner/file" : "./two/../two/inner/file";
	CHECK_OK(stat(path, &st));
	CHECK(S_ISREG(st.st_mode) && st.st_size == 3);
	CHECK_OK(access("one/link/file", R_OK));
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, text, sizeof(text)), 3);
	CHECK(!strcmp(text, "one") || !strcmp(text, "two"));
	CHECK_OK(close(fd));
	CHECK_ERR(open("one/inner/none", O_RDONLY), ENOENT);
	CHECK_ERR(open("one/inner/file/x", O_RDONLY), ENOTDIR);
}

TEST(what_trades_places_is_always_found)
{
	pid_t pids[WALKERS + 2];
	begin();
	CHECK_OK(mkdir("crowd", 0700));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(mkdir(i ? "two" : "one", 0700));
		CHECK_OK(mkdir(i ? "two/inner" : "one/inner", 0700));
		CHECK_OK(symlink("inner", i ? "two/link" : "one/link"));
		make_file(i ? "two/inner/file" : "one/inner/file", i ? "two" : "one");
	}
	for (int i = 0; i < WALKERS; i++)
		pids[i] = start(find_what_is_always_there);
	pids[WALKERS] = start(trade_places);
	pids[WALKERS + 1] = start(crowd);
	finish(pids, WALKERS + 2);
}

static void move_about(unsigned round)
{
	(void)round;
	CHECK_OK(rename("left/home", "right/house"));
	CHECK_OK(rename("right/house", "right/home"));
	CHECK_OK(rename("right/home", "left/home"));
}

/* In a directory that moves: whatever is above, there is a mark. */
static void look_around(unsigned round)
{
	static bool is_there;
	struct stat st;
	char cwd[4096];
	if (!is_there) {
		while (chdir("left/home/room"))
			CHECK_EQ(errno, ENOENT);
		is_there = true;
	}
	CHECK_OK(stat("../../mark", &st));
	CHECK_OK(stat("../../../left/mark", &st));
	CHECK_OK(access("../room/../../mark", F_OK));
	ssize_t len = syscall(SYS_getcwd, cwd, sizeof(cwd));
	CHECK(len > 0 && cwd[len - 1] == 0 && (size_t)len == strlen(cwd) + 1);
	CHECK(strstr(cwd, "/left/home/room") || strstr(cwd, "/right/home/room") ||
	      strstr(cwd, "/right/house/room"));
	CHECK_ERR(open("../none", O_RDONLY), ENOENT);
	if (round % 64 == 0) {
		int fd = open("own", O_RDWR | O_CREAT, 0600);
		CHECK(fd >= 0);
		CHECK_OK(close(fd));
	}
}

TEST(a_home_that_moves_has_a_place_and_a_name)
{
	pid_t pids[WALKERS + 2];
	begin();
	CHECK_OK(mkdir("crowd", 0700));
	CHECK_OK(mkdir("left", 0700));
	CHECK_OK(mkdir("right", 0700));
	CHECK_OK(mkdir("left/home", 0700));
	CHECK_OK(mkdir("left/home/room", 0700));
	make_file("left/mark", "l");
	make_file("right/mark", "r");
	for (int i = 0; i < WALKERS; i++)
		pids[i] = start(look_around);
	pids[WALKERS] = start(move_about);
	pids[WALKERS + 1] = start(crowd);
	finish(pids, WALKERS + 2);
	CHECK_OK(access("left/home/room/own", F_OK));
}

static void put_new(unsigned round)
{
	char name[32];
	snprintf(name, sizeof(name), "new.%d", (int)getpid());
	make_file(name, round % 2 ? "one" : "two");
	CHECK_OK(rename(name, "target"));
	if (link("target", name)) {
		CHECK_EQ(errno, ENOENT); /* what was found is no longer the target */
		return;
	}
	CHECK_OK(rename(name, "target")); /* of one file: both stay; of two: the name is gone */
	unlink(name);
}

static void read_target(unsigned round)
{
	char text[8] = "";
	(void)round;
	int fd = open("target", O_RDONLY | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, text, sizeof(text)), 3);
	CHECK(!strcmp(text, "one") || !strcmp(text, "two"));
	CHECK_OK(close(fd));
}

TEST(what_is_replaced_is_never_missing)
{
	pid_t pids[5];
	begin();
	make_file("target", "one");
	CHECK_OK(mkdir("crowd", 0700));
	for (int i = 0; i < 4; i++)
		pids[i] = start(i < 2 ? put_new : read_target);
	pids[4] = start(crowd);
	finish(pids, 5);
}

/* One of them makes the name, one removes it, never two. */
static void make_or_remove(unsigned round)
{
	const char *name = round % 3 ? "room/x" : "room/a name of more letters";
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd >= 0) {
		shared->made++;
		CHECK_OK(close(fd));
	} else {
		CHECK(errno == EEXIST || errno == ENOENT);
	}
	if (unlink(name) == 0)
		shared->removed++;
	else
		CHECK_EQ(errno, ENOENT);
}

static void make_room(unsigned round)
{
	(void)round;
	if (rmdir("room"))
		CHECK(errno == ENOTEMPTY || errno == ENOENT);
	if (mkdir("room", 0700))
		CHECK_EQ(errno, EEXIST);
}

TEST(a_name_is_made_once_and_removed_once)
{
	pid_t pids[5];
	begin();
	CHECK_OK(mkdir("crowd", 0700));
	for (int i = 0; i < 5; i++)
		pids[i] = start(i < 3 ? make_or_remove : i < 4 ? make_room : crowd);
	finish(pids, 5);
	CHECK_EQ(shared->made, shared->removed);
	CHECK(shared->made > 0);
}
