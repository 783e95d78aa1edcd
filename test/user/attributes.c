/* Files: what is written, what is shown of them, who may do what, and locks. */
#include "check.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statfs.h>

/* The beginning of Linux's struct statx. */
struct statx_result {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare;
	uint64_t ino, size, blocks, rest[26];
};
#define STATX_BASIC 0x7ffu
#define STATX_BIRTH 0x800u

static int show(int dir, const char *path, int flags, unsigned mask, struct statx_result *result)
{
	return (int)syscall(SYS_statx, dir, path, flags, mask, result);
}

static int make(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, mode);
	CHECK(fd >= 0);
	return fd;
}

static struct stat stat_of(const char *path)
{
	struct stat st;
	CHECK_OK(stat(path, &st));
	return st;
}

/* Runs as somebody else from here on. */
static void become(uid_t uid, gid_t gid)
{
	CHECK_OK(syscall(SYS_setgroups, 0, NULL));
	CHECK_OK(setresgid(gid, gid, gid));
	CHECK_OK(setresuid(uid, uid, uid));
}

TEST(holes_read_as_zeroes)
{
	int fd = make("f", 0644);
	CHECK_EQ(pwrite(fd, "end", 3, 100000), 3);
	static char buf[100003];
	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(read(fd, buf, sizeof(buf)), 100003);
	for (int i = 0; i < 100000; i++)
		CHECK_EQ(buf[i], 0);
	CHECK(stat_of("f").st_blocks * 512 < 100000);
	CHECK_EQ(pread(fd, buf, 10, 100001), 2);
	CHECK_EQ(pread(fd, buf, 10, 200000), 0);
	CHECK_ERR(pread(fd, buf, 10, -1), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 98304);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
	CHECK_EQ(lseek(fd, 99000, SEEK_HOLE), 100003);
	CHECK_ERR(lseek(fd, 200000, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 99), EINVAL);
}

TEST(truncate_cuts_and_grows)
{
	int fd = make("f", 0644);
	CHECK_EQ(write(fd, "abcdef", 6), 6);
	CHECK_OK(ftruncate(fd, 3));
	CHECK_OK(ftruncate(fd, 6));
	char buf[8];
	CHECK_EQ(pread(fd, buf, 8, 0), 6);
	CHECK(memcmp(buf, "abc\0\0\0", 6) == 0);
	CHECK_OK(truncate("f", 5000));
	CHECK_EQ(stat_of("f").st_size, 5000);
	CHECK_ERR(truncate("f", -1), EINVAL);
	CHECK_ERR(truncate("none", 0), ENOENT);
	CHECK_ERR(truncate(".", 0), EISDIR);
	int reader = open("f", O_RDONLY);
	CHECK_ERR(ftruncate(reader, 0), EINVAL);
	/* Beyond the file size limit. */
	struct rlimit limit = {8000, 8000};
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(pwrite(fd, "0123456789", 10, 7995), 5);
	CHECK_ERR(pwrite(fd, "x", 1, 8000), EFBIG);
	CHECK_ERR(ftruncate(fd, 9000), EFBIG);
	signal(SIGXFSZ, SIG_DFL);
	pid_t pid = forked();
	if (!pid) {
		CHECK_EQ(pwrite(fd, "x", 1, 8000), 0);
		_exit(0);
	}
	CHECK_EQ(ended(pid), -1 - SIGXFSZ);
}

TEST(appends_at_the_end)
{
	int fd = make("f", 0644), other = open("f", O_WRONLY | O_APPEND);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(write(other, "d", 1), 1);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(other, 0, SEEK_SET), 0);
	CHECK_EQ(write(other, "e", 1), 1);
	CHECK_EQ(stat_of("f").st_size, 5);
	CHECK_ERR(write(fd, (void *)8, 10), EFAULT);
	CHECK_EQ(write(fd, NULL, 0), 0);
}

TEST(mode_and_umask)
{
	umask(027);
	make("f", 0777);
	CHECK_EQ(stat_of("f").st_mode, S_IFREG | 0750);
	CHECK_OK(mkdir("d", 01777));
	CHECK_EQ(stat_of("d").st_mode, S_IFDIR | 01750);
	CHECK_EQ(umask(0), 027);
	CHECK_OK(chmod("f", 07777));
	CHECK_EQ(stat_of("f").st_mode, S_IFREG | 07777);
	CHECK_OK(chown("f", -1, -1));
	CHECK_ERR(chmod("none", 0), ENOENT);
	CHECK_ERR(fchmod(99, 0), EBADF);
	CHECK_OK(mkfifo("p", 0640));
	CHECK_EQ(stat_of("p").st_mode, S_IFIFO | 0640);
	CHECK_OK(mknod("r", S_IFREG | 0600, 0));
	CHECK_EQ(stat_of("r").st_mode, S_IFREG | 0600);
	CHECK_ERR(mknod("x", S_IFDIR | 0600, 0), EPERM);
	CHECK_ERR(mknod("x", S_IFLNK | 0600, 0), EINVAL);
}

TEST(chown_clears_set_id)
{
	if (geteuid())
		_exit(CASE_SKIPPED);
	make("f", 0644);
	CHECK_OK(chmod("f", 06755));
	CHECK_OK(chown("f", 5, 6));
	CHECK_EQ(stat_of("f").st_mode & 07777, 0755);
	CHECK_EQ(stat_of("f").st_uid, 5);
	CHECK_EQ(stat_of("f").st_gid, 6);
	CHECK_OK(chown("f", -1, 7));
	CHECK_EQ(stat_of("f").st_uid, 5);
	/* The group of a directory with set-group-id goes on to what is made in it. */
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(chown("d", 0, 9));
	CHECK_OK(chmod("d", 02755));
	make("d/f", 0644);
	CHECK_EQ(stat_of("d/f").st_gid, 9);
	CHECK_OK(mkdir("d/e", 0755));
	CHECK_EQ(stat_of("d/e").st_gid, 9);
	CHECK_EQ(stat_of("d/e").st_mode & 07777, 02755);
}

static void try_as_other(void)
{
	CHECK_ERR(open("secret", O_RDONLY), EACCES);
	CHECK_ERR(open("readable", O_WRONLY), EACCES);
	CHECK_OK(close(open("readable", O_RDONLY)));
	CHECK_ERR(open("readable", O_RDONLY | O_TRUNC), EACCES);
	CHECK_ERR(open("readable", O_RDONLY | O_NOATIME), EPERM);
	CHECK_ERR(open("closed/x", O_RDONLY), EACCES);
	CHECK_ERR(open("new", O_CREAT | O_RDWR, 0644), EACCES);
	CHECK_ERR(unlink("readable"), EACCES);
	CHECK_ERR(rename("readable", "x"), EACCES);
	CHECK_ERR(chmod("readable", 0777), EPERM);
	CHECK_ERR(chown("readable", 77, 77), EPERM);
	CHECK_ERR(utimensat(AT_FDCWD, "readable", NULL, 0), EACCES);
	struct timespec times[2] = {{1, 0}, {1, 0}};
	CHECK_ERR(utimensat(AT_FDCWD, "readable", times, 0), EPERM);
	CHECK_ERR(access("secret", R_OK), EACCES);
	CHECK_OK(access("secret", F_OK));
	CHECK_ERR(access("readable", W_OK), EACCES);
	CHECK_ERR(unlink("sticky/theirs"), EPERM);
	CHECK_ERR(rename("sticky/theirs", "sticky/x"), EPERM);
	make("sticky/mine", 0644);
	CHECK_OK(unlink("sticky/mine"));
	CHECK_ERR(mknod("sticky/dev", S_IFCHR | 0600, 0x103), EPERM);
	CHECK_ERR(chroot("."), EPERM);
	CHECK_ERR(chdir("closed"), EACCES);
}

TEST(others_may_not)
{
	if (geteuid())
		_exit(CASE_SKIPPED);
	make("secret", 0600);
	make("readable", 0644);
	CHECK_OK(mkdir("closed", 0700));
	CHECK_OK(mkdir("sticky", 0777));
	CHECK_OK(chmod("sticky", 01777));
	CHECK_OK(chmod(".", 0755));
	make("sticky/theirs", 0666);
	pid_t pid = forked();
	if (!pid) {
		become(77, 77);
		try_as_other();
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	/* Root may read and write anything, and run what somebody may. */
	CHECK_OK(chmod("secret", 0));
	CHECK_OK(access("secret", R_OK | W_OK));
	CHECK_ERR(access("secret", X_OK), EACCES);
	CHECK_ERR(access("secret", 8), EINVAL);
}

TEST(times_are_set)
{
	int fd = make("f", 0644);
	struct timespec times[2] = {{1000, 5}, {2000, 6}};
	CHECK_OK(utimensat(AT_FDCWD, "f", times, 0));
	struct stat st = stat_of("f");
	CHECK_EQ(st.st_atim.tv_sec, 1000);
	CHECK_EQ(st.st_atim.tv_nsec, 5);
	CHECK_EQ(st.st_mtim.tv_sec, 2000);
	CHECK_EQ(st.st_mtim.tv_nsec, 6);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK_OK(futimens(fd, times));
	st = stat_of("f");
	CHECK_EQ(st.st_atim.tv_sec, 1000);
	CHECK(st.st_mtim.tv_sec > 1000000);
	times[0].tv_nsec = 1000000000;
	CHECK_ERR(futimens(fd, times), EINVAL);
	times[0] = times[1] = (struct timespec){-5, 0};
	CHECK_OK(utimensat(AT_FDCWD, "f", times, 0));
	CHECK_EQ(stat_of("f").st_mtim.tv_sec, -5);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK(stat_of("f").st_mtim.tv_sec > 1000000);
	CHECK_OK(symlink("f", "l"));
	times[0] = times[1] = (struct timespec){7, 0};
	CHECK_OK(utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW));
	CHECK(stat_of("f").st_mtim.tv_sec > 1000000);
}

TEST(statx_and_statfs)
{
	int fd = make("f", 0640);
	CHECK_EQ(write(fd, "abc", 3), 3);
	struct statx_result sx;
	CHECK_OK(show(AT_FDCWD, "f", 0, STATX_BASIC | STATX_BIRTH, &sx));
	CHECK_EQ(sx.size, 3);
	CHECK_EQ(sx.mode, S_IFREG | 0640);
	CHECK_EQ(sx.ino, stat_of("f").st_ino);
	CHECK_EQ(sx.mask & STATX_BASIC, STATX_BASIC);
	CHECK_OK(show(fd, "", AT_EMPTY_PATH, STATX_BASIC, &sx));
	CHECK_EQ(sx.size, 3);
	CHECK_ERR(show(fd, "", 0, STATX_BASIC, &sx), ENOENT);
	CHECK_ERR(show(fd, "", AT_EMPTY_PATH, 0x80000000u, &sx), EINVAL);
	struct stat st;
	CHECK_OK(fstatat(fd, "", &st, AT_EMPTY_PATH));
	CHECK_ERR(fstatat(AT_FDCWD, "f", &st, 0x40000), EINVAL);
	CHECK_ERR(syscall(SYS_stat, "f", 8), EFAULT);
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_OK(fstatat(ends[0], "", &st, AT_EMPTY_PATH));
	CHECK(S_ISFIFO(st.st_mode));
	struct statfs fs;
	CHECK_OK(statfs(".", &fs));
	CHECK(fs.f_bsize > 0 && fs.f_blocks >= fs.f_bfree && fs.f_namelen == 255);
	CHECK_OK(fstatfs(fd, &fs));
}

TEST(flock_excludes)
{
	int a = make("f", 0644), b = open("f", O_RDWR);
	CHECK_OK(flock(a, LOCK_SH));
	CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
	CHECK_ERR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(b, LOCK_UN));
	CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
	CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_ERR(flock(a, 77), EINVAL);
	pid_t pid = forked();
	if (!pid) {
		close(a);
		CHECK_OK(flock(b, LOCK_EX));
		_exit(0);
	}
	sleep_ms(50);
	CHECK_OK(close(a)); /* the last descriptor of that open file */
	CHECK_EQ(ended(pid), 0);
}

static int lock(int fd, int command, int type, off_t start, off_t len)
{
	struct flock fl = {
	    .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	int result = fcntl(fd, command, &fl);
	return result < 0 ? result : command == F_GETLK ? fl.l_type : 0;
}

TEST(fcntl_locks_ranges)
{
	int fd = make("f", 0644);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 100));
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 40, 20));
	CHECK_EQ(lock(fd, F_GETLK, F_WRLCK, 0, 0), F_UNLCK); /* one's own */
	pid_t pid = forked();
	if (!pid) {
		CHECK_ERR(lock(fd, F_SETLK, F_RDLCK, 39, 1), EAGAIN);
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 40, 20));
		CHECK_ERR(lock(fd, F_SETLK, F_WRLCK, 60, 1), EAGAIN);
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 100, 0));
		struct flock fl = {
		    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 50, .l_len = 0};
		CHECK_OK(fcntl(fd, F_GETLK, &fl));
		CHECK_EQ(fl.l_type, F_WRLCK);
		CHECK_EQ(fl.l_start, 60);
		CHECK_EQ(fl.l_len, 40);
		CHECK_EQ(fl.l_pid, getppid());
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	/* Closing any descriptor of the file lets go of all. */
	CHECK_OK(close(open("f", O_RDONLY)));
	pid = forked();
	if (!pid) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	int reader = open("f", O_RDONLY);
	CHECK_ERR(lock(reader, F_SETLK, F_WRLCK, 0, 0), EBADF);
	CHECK_ERR(lock(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
}

TEST(fcntl_finds_deadlocks)
{
	int fd = make("f", 0644), ends[2];
	CHECK_OK(pipe(ends));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 1, 1));
		CHECK_EQ(write(ends[1], "x", 1), 1);
		CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 1)); /* waits for the parent */
		_exit(0);
	}
	char c;
	CHECK_EQ(read(ends[0], &c, 1), 1);
	sleep_ms(100);
	CHECK_ERR(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 1));
	CHECK_EQ(ended(pid), 0);
}

TEST(stat_goes_to_any_address)
{
	char memory[sizeof(struct stat) + 8];
	struct stat aligned;
	CHECK_OK(syscall(SYS_stat, ".", &aligned));
	for (int shift = 1; shift < 8; shift++) {
		CHECK_OK(syscall(SYS_stat, ".", memory + shift));
		CHECK(!memcmp(memory + shift, &aligned, sizeof(aligned)));
		CHECK_OK(syscall(SYS_newfstatat, AT_FDCWD, ".", memory + shift, 0));
		CHECK(!memcmp(memory + shift, &aligned, sizeof(aligned)));
	}
}
