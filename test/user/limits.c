/*
 * Limits: what happens when names, descriptors, processes or a file system's space run out, and that all is given back. See also path.c
 * (lengths of names and paths), descriptors.c (the limit on descriptors), exhaustion.c (memory).
 */
#include "check.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/xattr.h>

/* Skips, as far as Linux on a machine that others use is concerned. */
static bool is_own_machine(void)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	return info.totalram * info.mem_unit <= (uint64_t)1 << 30;
}

/* A small file system at "m"; false where we may not mount. */
static bool mount_small(const char *options)
{
	CHECK_OK(mkdir("m", 0755));
	if (mount("none", "m", "tmpfs", 0, options) == 0)
		return true;
	CHECK_EQ(errno, EPERM);
	return false;
}

static unsigned long free_blocks(void)
{
	struct statfs info;
	CHECK_OK(statfs("m", &info));
	return info.f_bfree;
}

static void fill(char *data, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(seed = seed * 1103515245 + 12345, seed >> 16);
}

/* Writes files m/0, m/1, … in odd steps until there is no space. Returns their number, and the length of the last. */
static int write_until_full(size_t *last_len)
{
	char name[16], data[7001];
	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "m/%d", i);
		int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
		CHECK(fd >= 0);
		fill(data, sizeof(data), (unsigned)i);
		for (*last_len = 0; *last_len < sizeof(data) * 20;) {
			size_t at = *last_len % sizeof(data);
			ssize_t n = write(fd, data + at, sizeof(data) - at);
			if (n < 0) {
				CHECK_EQ(errno, ENOSPC);
				close(fd);
				return i;
			}
			CHECK(n > 0);
			*last_len += (size_t)n;
		}
		close(fd);
	}
}

static void check_whole(int i, size_t len)
{
	char name[16], data[7001], got[7001];
	snprintf(name, sizeof(name), "m/%d", i);
	fill(data, sizeof(data), (unsigned)i);
	int fd = open(name, O_RDONLY);
	for (size_t at = 0; at < len; at += sizeof(data)) {
		size_t part = len - at < sizeof(data) ? len - at : sizeof(data);
		CHECK_EQ(read(fd, got, part), (ssize_t)part);
		CHECK(memcmp(got, data, part) == 0);
	}
	CHECK_EQ(read(fd, got, 1), 0);
	close(fd);
}

TEST(a_full_file_system_loses_nothing)
{
	if (!mount_small("size=1m"))
		return;
	unsigned long before = free_blocks();
	for (int round = 0; round < 3; round++) {
		size_t last_len;
		int last = write_until_full(&last_len);
		CHECK(last >= 5);
		CHECK_EQ(free_blocks(), 0);
		for (int i = 0; i < last; i++)
			check_whole(i, 7001 * 20);
		check_whole(last, last_len);
		/* What needs no space works still. */
		CHECK_OK(rename("m/0", "m/a"));
		CHECK_OK(chmod("m/a", 0600));
		CHECK_OK(rename("m/a", "m/0"));
		int fd = open("m/0", O_RDWR);
		CHECK_EQ(pwrite(fd, "over", 4, 0), 4);
		CHECK_ERR(pwrite(fd, "new", 3, 1 << 20), ENOSPC);
		char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		p[0] = 'x'; /* a copy is memory, not space of the file system */
		CHECK_OK(munmap(p, 4096));
		/* An unlinked file keeps its space until it is closed. */
		CHECK_OK(unlink("m/0"));
		CHECK_EQ(free_blocks(), 0);
		close(fd);
		CHECK(free_blocks() >= 7001 * 20 / 4096);
		CHECK_OK(truncate("m/1", 10));
		for (int i = 1; i <= last; i++) {
			char name[16];
			snprintf(name, sizeof(name), "m/%d", i);
			CHECK_OK(unlink(name));
		}
		CHECK_EQ(free_blocks(), before);
	}
	CHECK_OK(umount("m"));
}

TEST(a_file_system_without_inodes)
{
	if (!mount_small("size=1m,nr_inodes=10"))
		return;
	struct statfs info;
	CHECK_OK(statfs("m", &info));
	CHECK_EQ(info.f_files, 10);
	unsigned long left = info.f_ffree;
	char name[32];
	for (unsigned long i = 0; i < left; i++) {
		snprintf(name, sizeof(name), "m/%lu", i);
		int fd = open(name, O_WRONLY | O_CREAT, 0644);
		CHECK(fd >= 0);
		close(fd);
	}
	CHECK_ERR(open("m/more", O_WRONLY | O_CREAT, 0644), ENOSPC);
	CHECK_ERR(mkdir("m/more", 0755), ENOSPC);
	CHECK_ERR(symlink("x", "m/more"), ENOSPC);
	CHECK_ERR(open("m/more", O_RDONLY), ENOENT);
	CHECK_OK(rename("m/0", "m/other"));
	CHECK_OK(unlink("m/other"));
	CHECK_OK(mkdir("m/more", 0755));
	CHECK_OK(umount("m"));
}

/* Nothing that goes through such a tree may go from call to call. */
TEST(a_tree_deeper_than_any_stack_goes_at_once)
{
	if (!mount_small("size=1m,nr_inodes=0"))
		return;
	int back = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_OK(chdir("m"));
	for (int i = 0; i < 5000; i++) {
		CHECK_OK(mkdir("d", 0755));
		CHECK_OK(symlink("d", "s"));
		CHECK_OK(chdir("d"));
	}
	CHECK_OK(fchdir(back));
	CHECK_OK(umount("m"));
}

TEST(every_call_that_gives_descriptors_says_when_there_are_none)
{
	struct rlimit few = {20, 20};
	int ends[2], last = -1, fd;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &few));
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 19);
	CHECK_ERR(open("made", O_RDWR | O_CREAT, 0644), EMFILE);
	CHECK_ERR(access("made", F_OK), ENOENT);
	CHECK_ERR(dup(0), EMFILE);
	CHECK_ERR(fcntl(0, F_DUPFD, 0), EMFILE);
	CHECK_ERR(fcntl(0, F_DUPFD, 20), EINVAL);
	CHECK_ERR(dup2(0, 20), EBADF);
	CHECK_ERR(pipe(ends), EMFILE);
	CHECK_EQ((uintptr_t)opendir("."), 0);
	CHECK_EQ(errno, EMFILE);
	/* One is not enough for a pipe, and is not lost by the attempt. */
	close(last);
	CHECK_ERR(pipe(ends), EMFILE);
	CHECK_EQ(open("/dev/null", O_RDONLY), last);
	close(last);
	close(last - 1);
	CHECK_OK(pipe(ends));
	CHECK(ends[0] == last - 1 && ends[1] == last);
}

/* Zombies keep nothing but their numbers: all of them, until none is left. */
TEST(numbers_of_processes_run_out)
{
	if (!is_own_machine())
		return;
	long made = 0;
	pid_t pid;
	int64_t limit = now_ms() + 1000 * (CASE_SECONDS - 12);
	while ((pid = fork()) > 0 && now_ms() < limit)
		made++;
	if (pid == 0)
		_exit(0);
	int err = pid < 0 ? errno : EAGAIN;
	for (long i = 0; i < made + (pid > 0); i++)
		if (wait(NULL) < 0)
			FAIL("child %ld of %ld is lost", i, made);
	CHECK_ERR(wait(NULL), ECHILD);
	CHECK(err == EAGAIN || err == ENOMEM); /* a small machine runs out of memory first */
	CHECK_EQ(ended(forked() ?: (_exit(5), 0)), 5);
}

/* As many as a user may have. Whoever is not part of it goes on at once, and can end it. */
TEST(a_fork_bomb_leaves_others_alone)
{
	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1)); /* its orphans come to us */
	pid_t pid = forked();
	if (pid == 0) {
		struct rlimit many = {600, 600};
		setpgid(0, 0);
		CHECK_OK(setrlimit(RLIMIT_NPROC, &many));
		CHECK_OK(setresuid(54324, 54324, 54324));
		for (;;)
			if (fork() < 0)
				CHECK_EQ(errno, EAGAIN);
	}
	int turns, ends = put_out_bomb(pid, &turns);
	CHECK_ERR(kill(-pid, 0), ESRCH);
	if (ends < 100 || ends > 600)
		FAIL("%d processes in %d turns", ends, turns);
}

/* A name takes memory of the kernel's as a file does. */
TEST(links_count_as_inodes)
{
	if (!mount_small("size=1m,nr_inodes=10"))
		return;
	struct statfs info;
	char name[32];
	CHECK_OK(mknod("m/file", S_IFREG | 0600, 0));
	CHECK_OK(statfs("m", &info));
	unsigned long left = info.f_ffree;
	for (unsigned long i = 0; i < left; i++) {
		snprintf(name, sizeof(name), "m/%lu", i);
		CHECK_OK(link("m/file", name));
	}
	CHECK_ERR(link("m/file", "m/more"), ENOSPC);
	CHECK_OK(rename("m/0", "m/more"));
	CHECK_OK(mknod("other", S_IFREG | 0600, 0));
	CHECK_OK(unlink("m/more"));
	CHECK_OK(mknod("m/other", S_IFREG | 0600, 0));
	CHECK_OK(rename("m/other", "m/1")); /* one of the file's names goes */
	CHECK_OK(unlink("m/1"));
	CHECK_OK(unlink("m/file")); /* others are left */
	for (unsigned long i = 2; i < left; i++) {
		snprintf(name, sizeof(name), "m/%lu", i);
		CHECK_OK(unlink(name));
	}
	CHECK_OK(statfs("m", &info));
	CHECK_EQ(info.f_ffree, left + 1);
	/* The first name of a file without one costs nothing. */
	int fd = open("m", O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0);
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_OK(linkat(AT_FDCWD, path, AT_FDCWD, "m/named", AT_SYMLINK_FOLLOW));
	CHECK_OK(statfs("m", &info));
	CHECK_EQ(info.f_ffree, left);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("m/named"));
	CHECK_OK(statfs("m", &info));
	CHECK_EQ(info.f_ffree, left + 1);
	CHECK_OK(umount("m"));
}

/* So is what a link says, unless it is short. */
TEST(long_links_take_space)
{
	char target[1000];
	if (!mount_small("size=8k"))
		return;
	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	CHECK_OK(symlink("short", "m/short"));
	CHECK_EQ(free_blocks(), 2);
	CHECK_OK(symlink(target, "m/1"));
	CHECK_ERR(symlink(target, "m/1"), EEXIST);
	CHECK_OK(symlink(target, "m/2"));
	CHECK_EQ(free_blocks(), 0);
	CHECK_ERR(symlink(target, "m/3"), ENOSPC);
	CHECK_OK(symlink("short", "m/3"));
	CHECK_OK(unlink("m/1"));
	CHECK_EQ(free_blocks(), 1);
	CHECK_OK(umount("m"));
}

static unsigned long free_inodes(void)
{
	struct statfs info;
	CHECK_OK(statfs("m", &info));
	return info.f_ffree;
}

/* And extended attributes, by the KiB. */
TEST(attributes_count_as_inodes)
{
	char value[5000] = "";
	if (!mount_small("size=1m,nr_inodes=10"))
		return;
	unsigned long before = free_inodes();
	CHECK_OK(mknod("m/file", S_IFREG | 0600, 0));
	if (setxattr("m/file", "user.a", value, sizeof(value), 0) && errno == EOPNOTSUPP)
		_exit(CASE_SKIPPED);
	CHECK(free_inodes() < before - 4);
	CHECK_ERR(setxattr("m/file", "user.b", value, sizeof(value), 0), ENOSPC);
	CHECK_OK(setxattr("m/file", "user.b", value, 1000, 0));
	CHECK_OK(setxattr("m/file", "user.a", value, 100, 0));
	CHECK_OK(removexattr("m/file", "user.b"));
	CHECK(free_inodes() >= before - 2);
	CHECK_OK(removexattr("m/file", "user.a"));
	CHECK_EQ(free_inodes(), before - 1);
	CHECK_OK(setxattr("m/file", "user.a", value, sizeof(value), 0));
	CHECK_OK(unlink("m/file"));
	CHECK_EQ(free_inodes(), before);
	CHECK_OK(umount("m"));
}

/* What cannot be reserved as a whole is not reserved at all. */
TEST(a_reservation_that_fails_takes_nothing)
{
	if (!mount_small("size=1m"))
		return;
	char data[4096], got[4096];
	int fd = open("m/file", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	memset(data, 'x', sizeof(data));
	for (off_t at = 0; at < 20; at += 3)
		CHECK_EQ(pwrite(fd, data, sizeof(data), at * 4096), sizeof(data));
	unsigned long before = free_blocks();
	CHECK_ERR(fallocate(fd, 0, 0, 2 << 20), ENOSPC);
	CHECK_EQ(free_blocks(), before);
	CHECK_ERR(fallocate(fd, FALLOC_FL_KEEP_SIZE, 4096, 1 << 20), ENOSPC);
	CHECK_EQ(free_blocks(), before);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 19 * 4096l);
	for (off_t at = 0; at < 19; at++) {
		CHECK_EQ(pread(fd, got, sizeof(got), at * 4096), sizeof(got));
		CHECK_EQ(got[0], at % 3 ? 0 : 'x');
	}
	CHECK_OK(fallocate(fd, 0, 0, 19 * 4096));
	CHECK_EQ(free_blocks(), before - 12);
	CHECK_OK(close(fd));
	CHECK_OK(umount("m"));
}

/* /proc/sys/fs/file-nr: how many files are open in the whole system, and how many may be. */
static unsigned long open_files(unsigned long *most)
{
	unsigned long count, unused;
	FILE *file = fopen("/proc/sys/fs/file-nr", "r");
	CHECK(file && fscanf(file, "%lu %lu %lu", &count, &unused, most) == 3);
	fclose(file);
	return count;
}

static void set_most_files(unsigned long most)
{
	FILE *file = fopen("/proc/sys/fs/file-max", "w");
	CHECK(file && fprintf(file, "%lu\n", most) > 0 && !fclose(file));
}

/* Each processor counts some for itself. */
#define COUNTED_LATER 512

static void open_many(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		CHECK_OK(open("/dev/null", O_RDONLY));
}

/* As any user: until there are no more, then no call gives another, and none makes a file or cuts one for nothing. */
static void open_until_there_are_no_more(void)
{
	int pair[2], last = -1, fd;
	CHECK_OK(chmod(".", 0777));
	fd = open("full", O_RDWR | O_CREAT, 0666);
	CHECK_EQ(write(fd, "full", 4), 4);
	CHECK_OK(setresuid(12345, 12345, 12345));
	for (int i = 0; (fd = open("/dev/null", O_RDONLY)) >= 0; i++) {
		CHECK(i < 4 * COUNTED_LATER);
		last = fd;
	}
	CHECK_EQ(errno, ENFILE);
	CHECK_ERR(pipe(pair), ENFILE);
	CHECK_ERR(syscall(SYS_epoll_create1, 0), ENFILE);
	CHECK_ERR(syscall(SYS_eventfd2, 0, 0), ENFILE);
	CHECK_ERR(syscall(SYS_memfd_create, "name", 0), ENFILE);
	CHECK_ERR(open("new", O_RDWR | O_CREAT, 0600), ENFILE);
	CHECK_ERR(access("new", F_OK), ENOENT);
	CHECK_ERR(open("full", O_RDWR | O_TRUNC), ENFILE);
	struct stat st;
	CHECK_OK(stat("full", &st));
	CHECK_EQ(st.st_size, 4);
	CHECK_OK(dup(last)); /* the same file once more */
	for (int i = 0; i < 2 * COUNTED_LATER && last > 100; i++)
		CHECK_OK(close(last--));
	CHECK_OK(open("new", O_RDWR | O_CREAT, 0600));
}

TEST(the_system_has_a_limit_of_open_files)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(
	    0, sizeof(one), &one)); /* others may have room that they counted before */
	unsigned long most, count = open_files(&most), now;
	CHECK(count > 0 && count < most);
	if (!getenv("OWN_MACHINE"))
		return; /* others would meet it, too */
	struct rlimit limit = {20000, 20000};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	open_many(2 * COUNTED_LATER);
	now = open_files(&most);
	CHECK(now > count + COUNTED_LATER && now < count + 3 * COUNTED_LATER);
	set_most_files(now + COUNTED_LATER);
	pid_t child = forked();
	if (!child) {
		open_until_there_are_no_more();
		_exit(0);
	}
	int status = ended(child);
	set_most_files(now - COUNTED_LATER);
	open_many(1); /* who administers the system is let through */
	set_most_files(most);
	CHECK_EQ(status, 0);
	CHECK_OK(syscall(SYS_close_range, 3, ~0u, 0));
	CHECK(open_files(&now) < count + COUNTED_LATER);
	CHECK_EQ(now, most);
}
