/* Files: opening, reading and writing, sizes, permissions, times, full file systems. */
#include "files.h"

#include <grp.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

TEST(open_flags)
{
	CHECK_ERR(open("none", O_RDONLY), ENOENT);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	close(make_file("f", "text"));
	CHECK_ERR(open("f", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK_ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
	CHECK_ERR(open(".", O_RDWR), EISDIR);
	CHECK_ERR(open(".", O_RDONLY | O_CREAT, 0644), EISDIR);
	CHECK_ERR(open("none/f", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_OK(symlink("f", "link"));
	CHECK_ERR(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_OK(symlink("loop", "loop"));
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
	CHECK_OK(symlink("made", "to_made"));
	CHECK_OK(close(open("to_made", O_WRONLY | O_CREAT, 0600)));
	CHECK_EQ(size_of("made"), 0);
	CHECK_ERR(open("to_made", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_OK(close(open("f", O_WRONLY | O_TRUNC)));
	CHECK_EQ(size_of("f"), 0);
}

TEST(modes_of_access_hold)
{
	char c = 'x';
	make_file("f", "text");
	int in = open("f", O_RDONLY), out = open("f", O_WRONLY), path = open("f", O_PATH);
	CHECK_ERR(write(in, &c, 1), EBADF);
	CHECK_ERR(read(out, &c, 1), EBADF);
	CHECK_ERR(ftruncate(in, 0), EINVAL);
	CHECK_ERR(read(path, &c, 1), EBADF);
	CHECK_ERR(read(77, &c, 1), EBADF);
	CHECK_ERR(read(-1, &c, 1), EBADF);
	int dir = open(".", O_RDONLY);
	CHECK_ERR(read(dir, &c, 1), EISDIR);
	struct stat st;
	CHECK_OK(fstat(path, &st));
	CHECK_EQ(fcntl(out, F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST(read_write_seek)
{
	char got[16] = {0};
	int fd = make_file("f", "0123456789");
	CHECK_EQ(read(fd, got, 4), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(fd, -2, SEEK_END), 8);
	CHECK_EQ(read(fd, got, 16), 2);
	CHECK_EQ(read(fd, got, 16), 0);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 77), EINVAL);
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
	CHECK_EQ(write(fd, "z", 1), 1);
	CHECK_EQ(size_of("f"), 101);
	CHECK_EQ(pread(fd, got, 16, 10), 16);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(got[i], 0);
	CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 101);
	CHECK_ERR(pread(fd, got, 1, -1), EINVAL);
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_ERR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(pread(ends[0], got, 1, 0), ESPIPE);
}

TEST(append_goes_to_the_end)
{
	close(make_file("f", "one"));
	int a = open("f", O_WRONLY | O_APPEND), b = open("f", O_WRONLY | O_APPEND);
	CHECK_EQ(write(a, "A", 1), 1);
	CHECK_EQ(write(b, "B", 1), 1);
	CHECK_OK(lseek(a, 0, SEEK_SET));
	CHECK_EQ(write(a, "C", 1), 1);
	char got[8] = {0};
	int fd = open("f", O_RDONLY);
	CHECK_EQ(read(fd, got, 8), 6);
	CHECK(strcmp(got, "oneABC") == 0);
}

TEST(vectors)
{
	char a[3] = {0}, b[4] = {0};
	int fd = make_file("f", "");
	struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}}, in[] = {{a, 2}, {b, 4}};
	CHECK_EQ(writev(fd, out, 3), 6);
	CHECK_EQ(preadv(fd, in, 2, 0), 6);
	CHECK(memcmp(a, "ab", 2) == 0 && memcmp(b, "cdef", 4) == 0);
	CHECK_ERR(writev(fd, out, -1), EINVAL);
	CHECK_ERR(writev(fd, out, 1025), EINVAL);
	out[0].iov_len = (size_t)1 << 63;
	CHECK_ERR(writev(fd, out, 3), EINVAL);
	CHECK_EQ(writev(fd, out, 0), 0);
}

TEST(large_files_keep_what_is_written)
{
	enum { BLOCK = 65536, COUNT = 64 };
	static char block[BLOCK];
	int fd = make_file("f", "");
	for (int i = 0; i < COUNT; i++) {
		memset(block, i, BLOCK);
		CHECK_EQ(write(fd, block, BLOCK), BLOCK);
	}
	for (int i = COUNT - 1; i >= 0; i--) {
		CHECK_EQ(pread(fd, block, BLOCK, (off_t)i * BLOCK), BLOCK);
		CHECK_EQ(block[0], i);
		CHECK_EQ(block[BLOCK - 1], i);
	}
	int sparse = make_file("sparse", "");
	CHECK_EQ(pwrite(sparse, "x", 1, (off_t)1 << 40), 1);
	CHECK_EQ(size_of("sparse"), ((off_t)1 << 40) + 1);
	struct stat st;
	CHECK_OK(fstat(sparse, &st));
	CHECK(st.st_blocks < 1000);
}

TEST(truncate_cuts_and_grows)
{
	char got[8192];
	int fd = make_file("f", "");
	memset(got, 'x', sizeof(got));
	CHECK_EQ(write(fd, got, 8192), 8192);
	CHECK_OK(ftruncate(fd, 100));
	CHECK_OK(ftruncate(fd, 8192));
	CHECK_EQ(pread(fd, got, 8192, 0), 8192);
	CHECK_EQ(got[99], 'x');
	for (int i = 100; i < 8192; i++)
		CHECK_EQ(got[i], 0);
	CHECK_OK(truncate("f", 1));
	CHECK_EQ(size_of("f"), 1);
	CHECK_ERR(truncate("f", -1), EINVAL);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_ERR(truncate("none", 0), ENOENT);
}

TEST(permissions_bind_users)
{
	close(make_file("secret", "x"));
	close(make_file("open", "x"));
	CHECK_OK(mkdir("closed", 0700));
	close(make_file("closed/f", "x"));
	CHECK_OK(mkdir("sticky", 01777));
	CHECK_OK(chmod("sticky", 01777));
	close(make_file("sticky/roots", "x"));
	CHECK_OK(chmod("secret", 0600));
	CHECK_OK(chmod("open", 0644));
	CHECK_OK(chmod(".", 0755));
	CHECK_OK(chmod("..", 0755));
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(1000, 1000, 1000));
	CHECK_OK(setresuid(1000, 1000, 1000));
	CHECK_ERR(open("secret", O_RDONLY), EACCES);
	CHECK_OK(close(open("open", O_RDONLY)));
	CHECK_ERR(open("open", O_WRONLY), EACCES);
	CHECK_ERR(open("closed/f", O_RDONLY), EACCES);
	CHECK_ERR(open("new", O_WRONLY | O_CREAT, 0644), EACCES);
	CHECK_ERR(unlink("open"), EACCES);
	CHECK_ERR(chmod("open", 0777), EPERM);
	CHECK_ERR(chown("open", 1000, 1000), EPERM);
	CHECK_ERR(access("open", W_OK), EACCES);
	CHECK_ERR(access("open", X_OK), EACCES);
	CHECK_OK(access("open", R_OK));
	CHECK_ERR(unlink("sticky/roots"), EPERM);
	CHECK_OK(close(open("sticky/mine", O_WRONLY | O_CREAT, 0644)));
	CHECK_OK(chmod("sticky/mine", 0400));
	CHECK_ERR(open("sticky/mine", O_WRONLY), EACCES);
	CHECK_OK(unlink("sticky/mine"));
	CHECK_ERR(mknod("dev", S_IFCHR | 0600, makedev(1, 3)), EACCES);
	CHECK_ERR(chroot("."), EPERM);
}

TEST(modes_and_umask)
{
	struct stat st;
	umask(027);
	CHECK_OK(close(open("f", O_WRONLY | O_CREAT, 0666)));
	CHECK_OK(stat("f", &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	CHECK_EQ(umask(022), 027);
	CHECK_OK(chmod("f", 04755));
	CHECK_OK(stat("f", &st));
	CHECK_EQ(st.st_mode & 07777, 04755);
	CHECK_OK(chown("f", 7, 8));
	CHECK_OK(stat("f", &st));
	CHECK_EQ(st.st_uid, 7);
	CHECK_EQ(st.st_gid, 8);
	CHECK_EQ(st.st_mode & 07777, 0755); /* a change of owner drops set-user-id */
	CHECK_OK(chown("f", (uid_t)-1, 9));
	CHECK_OK(stat("f", &st));
	CHECK_EQ(st.st_uid, 7);
	CHECK_EQ(st.st_gid, 9);
}

TEST(times_are_kept)
{
	struct stat st;
	struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
	int fd = make_file("f", "x");
	CHECK_OK(futimens(fd, times));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_atim.tv_sec, 1000000000);
	CHECK_EQ(st.st_mtim.tv_sec, 1100000000);
	CHECK_EQ(st.st_mtim.tv_nsec, 7);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK_OK(futimens(fd, times));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_atim.tv_sec, 1000000000);
	CHECK(llabs((long long)st.st_mtim.tv_sec - time(NULL)) < 5);
	times[1].tv_nsec = 2000000000;
	CHECK_ERR(futimens(fd, times), EINVAL);
}

TEST(calls_relative_to_a_folder)
{
	CHECK_OK(mkdir("d", 0755));
	int d = open("d", O_RDONLY | O_DIRECTORY);
	int fd = openat(d, "f", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0);
	CHECK_OK(access("d/f", F_OK));
	struct stat st, at;
	CHECK_OK(fstatat(d, "f", &at, 0));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_ino, at.st_ino);
	CHECK_OK(fstatat(fd, "", &at, AT_EMPTY_PATH));
	CHECK_EQ(st.st_ino, at.st_ino);
	CHECK_ERR(openat(fd, "f", O_RDONLY), ENOTDIR);
	CHECK_ERR(openat(99, "f", O_RDONLY), EBADF);
	CHECK_OK(mkdirat(d, "e", 0755));
	CHECK_OK(renameat(d, "f", d, "e/f"));
	CHECK_OK(linkat(d, "e/f", d, "g", 0));
	CHECK_OK(symlinkat("g", d, "s"));
	CHECK_OK(unlinkat(d, "g", 0));
	CHECK_ERR(unlinkat(d, "e", 0), EISDIR);
	CHECK_ERR(unlinkat(d, "e", AT_REMOVEDIR), ENOTEMPTY);
	CHECK_OK(fchdir(d));
	CHECK_OK(access("e/f", F_OK));
	CHECK_ERR(fchdir(fd), ENOTDIR);
}

TEST(nodes_and_fifos)
{
	struct stat st;
	CHECK_OK(mkfifo("fifo", 0644));
	CHECK_OK(stat("fifo", &st));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	int in = open("fifo", O_RDONLY | O_NONBLOCK), out = open("fifo", O_WRONLY);
	CHECK(in >= 0 && out >= 0);
	CHECK_EQ(write(out, "abc", 3), 3);
	char got[4];
	CHECK_EQ(read(in, got, 4), 3);
	CHECK_OK(mknod("zero", S_IFCHR | 0644, makedev(1, 5)));
	int zero = open("zero", O_RDONLY);
	if (zero < 0 && errno == EACCES)
		return; /* mounted without devices here */
	CHECK_EQ(read(zero, got, 4), 4);
	CHECK_EQ(got[0] | got[3], 0);
}

TEST(copies_within_the_kernel)
{
	char got[16] = {0};
	int in = make_file("in", "0123456789"), out = make_file("out", "");
	off_t at = 2;
	NEEDS(syscall(SYS_sendfile, out, in, &at, 0));
	CHECK_EQ(syscall(SYS_sendfile, out, in, &at, 5), 5);
	CHECK_EQ(at, 7);
	CHECK_EQ(pread(out, got, 16, 0), 5);
	CHECK(strcmp(got, "23456") == 0);
	NEEDS(syscall(SYS_copy_file_range, in, NULL, out, NULL, 0, 0));
	CHECK_EQ(syscall(SYS_copy_file_range, in, NULL, out, NULL, 100, 0), 10);
	CHECK_EQ(size_of("out"), 15);
}

TEST(a_full_file_system_says_so)
{
	struct statfs info;
	CHECK_OK(statfs("/tmp", &info));
	CHECK(info.f_bsize > 0 && info.f_namelen == 255);
	CHECK_ERR(statfs("none", &info), ENOENT);
	int full = open("/dev/full", O_WRONLY);
	CHECK(full >= 0);
	CHECK_ERR(write(full, "x", 1), ENOSPC);
}

TEST(many_writers_of_one_file)
{
	enum { WRITERS = 4, ROUNDS = 200 };
	close(make_file("f", ""));
	for (int i = 0; i < WRITERS; i++)
		if (forked() == 0) {
			int fd = open("f", O_WRONLY | O_APPEND);
			char line[8] = "line  \n";
			line[5] = (char)('0' + i);
			for (int j = 0; j < ROUNDS; j++)
				CHECK_EQ(write(fd, line, 7), 7);
			_exit(0);
		}
	for (int i = 0; i < WRITERS; i++) {
		int status;
		wait(&status);
		CHECK_EQ(status, 0);
	}
	static char text[WRITERS * ROUNDS * 7 + 1];
	int fd = open("f", O_RDONLY), counts[WRITERS] = {0};
	CHECK_EQ(read(fd, text, sizeof(text)), WRITERS * ROUNDS * 7);
	for (int i = 0; i < WRITERS * ROUNDS; i++) {
		CHECK(memcmp(text + 7 * i, "line ", 5) == 0);
		counts[text[7 * i + 5] - '0']++;
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK_EQ(counts[i], ROUNDS);
}
