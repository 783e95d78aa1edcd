/* Copies within the kernel, and attributes that no file system here keeps. */
#include "files.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

static ssize_t copy_range(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
	return syscall(SYS_copy_file_range, in, in_at, out, out_at, len, flags);
}

static void check_text(int fd, const char *want)
{
	char got[64] = {0};
	CHECK_EQ(pread(fd, got, sizeof(got), 0), (long)strlen(want));
	if (strcmp(got, want) != 0)
		FAIL("'%s' instead of '%s'", got, want);
}

static off_t place(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

TEST(sendfile_moves_positions)
{
	int in = make_file("in", "0123456789"), out = make_file("out", "");
	CHECK_EQ(sendfile(out, in, NULL, 4), 4);
	CHECK_EQ(place(in), 4);
	CHECK_EQ(place(out), 4);
	off_t at = 8;
	CHECK_EQ(sendfile(out, in, &at, 100), 2);
	CHECK_EQ(at, 10);
	CHECK_EQ(place(in), 4);
	CHECK_EQ(sendfile(out, in, &at, 100), 0);
	CHECK_EQ(sendfile(out, in, NULL, 0), 0);
	check_text(out, "012389");
}

TEST(sendfile_into_a_pipe)
{
	int in = make_file("in", "0123456789"), ends[2];
	char got[16];
	CHECK_OK(pipe(ends));
	off_t at = 3;
	CHECK_EQ(sendfile(ends[1], in, &at, 5), 5);
	CHECK_EQ(read(ends[0], got, 16), 5);
	CHECK(memcmp(got, "34567", 5) == 0);
	/* What does not fit is not lost. */
	static char big[200000];
	memset(big, 'b', sizeof(big));
	int large = make_file("large", "");
	CHECK_EQ(write(large, big, sizeof(big)), (long)sizeof(big));
	CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	at = 0;
	ssize_t n = sendfile(ends[1], large, &at, sizeof(big));
	CHECK_EQ(n, 65536);
	CHECK_EQ(at, 65536);
	CHECK_ERR(sendfile(ends[1], large, &at, 10), EAGAIN);
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	CHECK_ERR(sendfile(ends[1], large, &at, 10), EPIPE);
}

TEST(sendfile_refuses)
{
	int in = make_file("in", "0123456789"), out = make_file("out", ""), ends[2];
	CHECK_OK(pipe(ends));
	off_t at = 0, wrong = -1;
	CHECK_ERR(sendfile(out, 99, NULL, 1), EBADF);
	CHECK_ERR(sendfile(99, in, NULL, 1), EBADF);
	CHECK_ERR(sendfile(open("in", O_RDONLY), in, NULL, 1), EBADF);
	CHECK_ERR(sendfile(out, open("in", O_WRONLY), NULL, 1), EBADF);
	CHECK_ERR(sendfile(out, open("in", O_PATH), NULL, 1), EBADF);
	CHECK_ERR(sendfile(out, ends[0], NULL, 1), EINVAL);
	CHECK_ERR(sendfile(out, ends[0], &at, 1), ESPIPE);
	CHECK_ERR(sendfile(out, in, &wrong, 1), EINVAL);
	CHECK_ERR(sendfile(out, open(".", O_RDONLY), NULL, 1), EINVAL);
	CHECK_ERR(sendfile(open("out", O_WRONLY | O_APPEND), in, NULL, 1), EINVAL);
	CHECK_ERR(syscall(SYS_sendfile, out, in, (void *)8, 1), EFAULT);
	CHECK_ERR(syscall(SYS_sendfile, out, in, NULL, -1L), EINVAL);
}

TEST(copy_file_range_moves_positions)
{
	int in = make_file("in", "0123456789"), out = make_file("out", "abcdefgh");
	off_t from = 2, to = 4;
	CHECK_EQ(copy_range(in, &from, out, &to, 3, 0), 3);
	CHECK_EQ(from, 5);
	CHECK_EQ(to, 7);
	CHECK_EQ(place(in), 0);
	CHECK_EQ(place(out), 0);
	check_text(out, "abcd234h");
	CHECK_EQ(copy_range(in, NULL, out, NULL, 2, 0), 2);
	CHECK_EQ(place(in), 2);
	CHECK_EQ(place(out), 2);
	check_text(out, "01cd234h");
	from = 8;
	CHECK_EQ(copy_range(in, &from, out, NULL, 1000, 0), 2);
	CHECK_EQ(copy_range(in, &from, out, NULL, 1000, 0), 0);
	from = 500;
	CHECK_EQ(copy_range(in, &from, out, NULL, 1000, 0), 0);
	CHECK_EQ(copy_range(in, NULL, out, NULL, 0, 0), 0);
	/* Within a file, when it does not overlap. */
	from = 0, to = 10;
	CHECK_EQ(copy_range(in, &from, in, &to, 10, 0), 10);
	check_text(in, "01234567890123456789");
}

TEST(copy_file_range_refuses)
{
	int in = make_file("in", "0123456789"), out = make_file("out", ""), ends[2];
	int directory = open(".", O_RDONLY);
	CHECK_OK(pipe(ends));
	off_t from = 0, to = 5, wrong = -5;
	CHECK_ERR(copy_range(99, NULL, out, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_range(in, NULL, 99, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_range(in, NULL, out, NULL, 1, 1u << 4), EINVAL);
	CHECK_ERR(copy_range(in, NULL, open("out", O_RDONLY), NULL, 1, 0), EBADF);
	CHECK_ERR(copy_range(open("in", O_WRONLY), NULL, out, NULL, 1, 0), EBADF);
	CHECK_ERR(copy_range(in, NULL, open("out", O_WRONLY | O_APPEND), NULL, 1, 0), EBADF);
	CHECK_ERR(copy_range(directory, NULL, out, NULL, 1, 0), EISDIR);
	CHECK_ERR(copy_range(in, NULL, directory, NULL, 1, 0), EISDIR);
	CHECK_ERR(copy_range(ends[0], NULL, out, NULL, 1, 0), EINVAL);
	CHECK_ERR(copy_range(in, NULL, ends[1], NULL, 1, 0), EINVAL);
	CHECK_ERR(copy_range(in, &from, in, &to, 6, 0), EINVAL);
	CHECK_ERR(copy_range(in, &wrong, out, NULL, 1, 0), EINVAL);
	CHECK_ERR(copy_range(in, (void *)8, out, NULL, 1, 0), EFAULT);
	CHECK_ERR(copy_range(in, &wrong, out, NULL, 10, 0), EOVERFLOW);
	from = LLONG_MAX - 1;
	CHECK_EQ(copy_range(in, &from, out, NULL, 100, 0), 0);
	struct rlimit limit = {4, 4};
	signal(SIGXFSZ, SIG_IGN);
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_EQ(copy_range(in, NULL, out, NULL, 10, 0), 4);
	CHECK_ERR(copy_range(in, NULL, out, NULL, 10, 0), EFBIG);
	CHECK_ERR(sendfile(out, in, NULL, 10), EFBIG);
}

TEST(much_is_copied)
{
	enum { SIZE = 3000001 };
	char *text = malloc(SIZE), *got = malloc(SIZE);
	for (int i = 0; i < SIZE; i++)
		text[i] = (char)(i * 7 ^ i >> 8);
	int in = make_file("in", ""), out = make_file("out", ""), out2 = make_file("out2", "");
	CHECK_EQ(write(in, text, SIZE), SIZE);
	off_t from = 0, at = 1;
	ssize_t n, sum = 0;
	while ((n = copy_range(in, &from, out, NULL, SIZE, 0)) > 0)
		sum += n;
	CHECK_EQ(sum, SIZE);
	for (sum = 0; (n = sendfile(out2, in, &at, 0x7ffff000)) > 0;)
		sum += n;
	CHECK_EQ(sum, SIZE - 1);
	CHECK_EQ(pread(out, got, SIZE, 0), SIZE);
	CHECK(memcmp(got, text, SIZE) == 0);
	CHECK_EQ(pread(out2, got, SIZE, 0), SIZE - 1);
	CHECK(memcmp(got, text + 1, SIZE - 1) == 0);
}

/* Of a file system that has none: Linux's /proc. */
TEST(attributes_are_refused)
{
	char value[64], name[300];
	const char *file = "/proc/self/status";
	CHECK_ERR(getxattr("none", "user.x", value, 64), ENOENT);
	CHECK_ERR(setxattr("none/x", "user.x", value, 1, 0), ENOENT);
	CHECK_ERR(listxattr("none", value, 64), ENOENT);
	CHECK_ERR(removexattr("none", "user.x"), ENOENT);
	CHECK_ERR(fgetxattr(99, "user.x", value, 64), EBADF);
	CHECK_ERR(flistxattr(open(".", O_PATH), value, 64), EBADF);
	CHECK_ERR(getxattr(file, "user.x", value, 64), EOPNOTSUPP);
	CHECK_ERR(getxattr(file, "system.posix_acl_access", value, 64), EOPNOTSUPP);
	CHECK_ERR(lgetxattr(file, "security.capability", value, 64), EOPNOTSUPP);
	CHECK_ERR(fgetxattr(open(file, O_RDONLY), "user.x", NULL, 0), EOPNOTSUPP);
	CHECK_ERR(getxattr(file, "", value, 64), ERANGE);
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[299] = '\0';
	CHECK_ERR(getxattr(file, name, value, 64), ERANGE);
	CHECK_ERR(getxattr(file, (void *)8, value, 64), EFAULT);
	CHECK_ERR(setxattr(file, "user.x", value, 1, 4), EINVAL);
	CHECK_ERR(setxattr(file, "user.x", value, 70000, 0), E2BIG);
	CHECK_ERR(setxattr(file, "user.x", (void *)8, 8, 0), EFAULT);
	CHECK_EQ(llistxattr(file, value, 64), 0);
	CHECK_EQ(listxattr(file, NULL, 0), 0);
	/* Only files and directories have a user's. */
	CHECK_ERR(lgetxattr("/proc/self/cwd", "user.x", value, 64), ENODATA);
	CHECK_ERR(lsetxattr("/proc/self/cwd", "user.x", value, 1, 0), EPERM);
}
