/* What read, write and their variants answer at the edges: of positions, of good memory, of what a file may hold. */
#include "check.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static char buf[70000];
static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

/* The call fails with this error, and with so many signals. */
#define CHECK_SIGNALLED(call, error, count)                                                        \
	do {                                                                                       \
		signals = 0;                                                                       \
		CHECK_ERR(call, error);                                                            \
		CHECK_EQ(signals, count);                                                          \
	} while (0)

static int file_of(const char *name, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, buf, len), (ssize_t)len);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat st;
	CHECK_OK(fstat(fd, &st));
	return st.st_size;
}

/* Two pages of which the one behind is bad memory. */
static char *end_of_memory(void)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_OK(mprotect(p + 2 * 4096, 4096, PROT_NONE));
	return p + 2 * 4096;
}

TEST(positions_end_at_the_largest_number)
{
	int fd = file_of("f", 1000), ends[2];
	CHECK_ERR(pread(fd, buf, 100, INT64_MAX - 10), EINVAL);
	CHECK_ERR(pread(fd, buf, 1, INT64_MAX), EINVAL);
	CHECK_EQ(pread(fd, buf, 1, INT64_MAX - 1), 0);
	CHECK_EQ(pread(fd, buf, 0, INT64_MAX), 0);
	CHECK_ERR(pread(fd, buf, 1, -1), EINVAL);
	CHECK_ERR(pwrite(fd, buf, 10, INT64_MAX - 5), EINVAL);
	CHECK_ERR(pwrite(fd, buf, 1, INT64_MAX), EINVAL);
	CHECK_EQ(pwrite(fd, buf, 0, INT64_MAX), 0);
	CHECK_EQ(size_of(fd), 1000);
	CHECK_ERR(lseek(fd, INT64_MAX, SEEK_END), EINVAL);
	CHECK_ERR(lseek(fd, -1001, SEEK_END), EINVAL);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, 0, 99), EINVAL);
	CHECK_OK(pipe(ends));
	CHECK_ERR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(lseek(ends[0], 0, 99), EINVAL);
	CHECK_ERR(pread(ends[0], buf, 1, -1), EINVAL);
	CHECK_ERR(pread(ends[0], buf, 1, 0), ESPIPE);
}

TEST(nothing_at_all_is_moved_too)
{
	int fd = file_of("f", 10), full = open("/dev/full", O_RDWR), ends[2];
	CHECK_EQ(read(fd, NULL, 0), 0);
	CHECK_ERR(syscall(SYS_read, fd, 0xffff800000000000ul, 0), EFAULT);
	CHECK_ERR(syscall(SYS_read, fd, buf, ~0ul), EFAULT);
	CHECK_ERR(write(full, buf, 1), ENOSPC);
	CHECK_ERR(write(full, buf, 0), ENOSPC);
	CHECK_EQ(read(full, buf, 5), 5);
	CHECK_OK(pipe(ends));
	close(ends[0]);
	CHECK_EQ(write(ends[1], buf, 0), 0);
}

TEST(vectors_are_checked)
{
	static struct iovec v[IOV_MAX + 1];
	int fd = file_of("f", 10);
	for (int i = 0; i <= IOV_MAX; i++)
		v[i] = (struct iovec){buf, 1};
	CHECK_EQ(writev(fd, v, 0), 0);
	CHECK_EQ(writev(fd, v, IOV_MAX), IOV_MAX);
	CHECK_ERR(writev(fd, v, IOV_MAX + 1), EINVAL);
	CHECK_ERR(writev(fd, v, -1), EINVAL);
	CHECK_ERR(writev(fd, (void *)8, 1), EFAULT);
	CHECK_EQ(writev(fd, (void *)8, 0), 0);
	CHECK_ERR(writev(99, v, -1), EBADF);
	v[0].iov_len = ~(size_t)0;
	CHECK_ERR(writev(fd, v, 2), EINVAL);
	v[0].iov_len = 1;
	v[1] = (struct iovec){(void *)0xffff800000000000ul, 5};
	CHECK_ERR(writev(fd, v, 3), EFAULT);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), IOV_MAX);
}

/* What was moved before is told; the next call meets the bad memory first. */
TEST(bad_memory_ends_a_transfer)
{
	char *end = end_of_memory();
	int fd = file_of("f", 10000), zero = open("/dev/zero", O_RDONLY);
	CHECK_EQ(pread(fd, end - 100, 200, 0), 100);
	CHECK_EQ(read(fd, end - 4096, 8192), 4096);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4096);
	CHECK_ERR(read(fd, end, 10), EFAULT);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4096);
	CHECK_EQ(pwrite(fd, end - 4096, 8192, 0), 4096);
	CHECK_ERR(pwrite(fd, end, 10, 0), EFAULT);
	CHECK_EQ(read(zero, end - 10, 20), 10);
	CHECK_EQ(read(zero, end - 10, 200000), 10);
	CHECK_ERR(read(zero, end, 1), EFAULT);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(pwrite(fd, end - 10, 20, 5), 10);
	CHECK_EQ(size_of(fd), 15);
	struct iovec v[3] = {{buf, 10}, {end - 5, 10}, {buf, 10}};
	CHECK_EQ(pwritev(fd, v, 3, 0), 15);
	CHECK_EQ(preadv(fd, v, 3, 0), 15);
}

TEST(limits_on_the_size_of_files)
{
	signal(SIGXFSZ, count_signal);
	int large = file_of("large", 10000);
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){5000, 5000}));
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	CHECK_EQ(write(fd, buf, 8192), 5000);
	CHECK_SIGNALLED(write(fd, buf, 1), EFBIG, 1);
	CHECK_EQ(write(fd, buf, 0), 0);
	CHECK_SIGNALLED(pwrite(fd, buf, 1, 6000), EFBIG, 1);
	CHECK_SIGNALLED(ftruncate(fd, 6000), EFBIG, 1);
	CHECK_SIGNALLED(truncate("f", 5001), EFBIG, 1);
	CHECK_EQ(size_of(fd), 5000);
	/* Also inside a file that is larger already; but it may become smaller. */
	CHECK_EQ(pwrite(large, buf, 2000, 4000), 1000);
	CHECK_SIGNALLED(pwrite(large, buf, 1, 7000), EFBIG, 1);
	CHECK_OK(ftruncate(large, 9000));
	CHECK_EQ(size_of(large), 9000);

	struct iovec v[2] = {{buf, 4000}, {buf, 4000}};
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(writev(fd, v, 2), 5000);
	CHECK_SIGNALLED(writev(fd, v, 2), EFBIG, 1);
	CHECK_SIGNALLED(sendfile(fd, large, NULL, 10), EFBIG, 1);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_ERR(write(fd, buf, 1), EFBIG);

	/* Only files have a size. */
	int null = open("/dev/null", O_WRONLY), ends[2];
	CHECK_EQ(pwrite(null, buf, 10, 100000), 10);
	CHECK_OK(pipe(ends));
	CHECK_EQ(write(ends[1], buf, 6000), 6000);
}

TEST(appending_ignores_positions)
{
	int fd = file_of("f", 4990), end = open("f", O_WRONLY | O_APPEND);
	signal(SIGXFSZ, count_signal);
	CHECK_EQ(pwrite(end, "ab", 2, 0), 2);
	CHECK_EQ(lseek(end, 0, SEEK_CUR), 0);
	CHECK_EQ(write(end, "c", 1), 1);
	CHECK_EQ(lseek(end, 0, SEEK_CUR), 4993);
	CHECK_EQ(lseek(end, 10, SEEK_SET), 10);
	CHECK_EQ(write(end, "d", 1), 1);
	CHECK_EQ(pread(fd, buf, 10, 4990), 4);
	CHECK(!memcmp(buf, "abcd", 4));
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){5000, 5000}));
	CHECK_EQ(pwrite(end, buf, 100, 0), 6);
	CHECK_SIGNALLED(pwrite(end, buf, 100, 0), EFBIG, 1);
}

/* One call may append where the others do not, and the other way round. */
TEST(a_call_appends_for_itself)
{
	enum { APPEND = 16, NOAPPEND = 32 };
	int fd = file_of("f", 100), end = open("f", O_WRONLY | O_APPEND);
	struct iovec v = {"ab", 2};
	NEEDS(syscall(SYS_pwritev2, fd, &v, 1, 0, 0, 0));
	CHECK_EQ(syscall(SYS_pwritev2, fd, &v, 1, 0, 0, APPEND), 2);
	CHECK_EQ(size_of(fd), 102);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(syscall(SYS_pwritev2, fd, &v, 1, -1l, 0l, APPEND), 2);
	CHECK_EQ(size_of(fd), 104);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 104);
	CHECK_EQ(syscall(SYS_pwritev2, end, &v, 1, 10, 0, NOAPPEND), 2);
	CHECK_EQ(size_of(fd), 104);
	CHECK_EQ(pread(fd, buf, 3, 10), 3);
	CHECK(!memcmp(buf, "ab", 3));
	CHECK_ERR(syscall(SYS_pwritev2, end, &v, 1, 10, 0, APPEND | NOAPPEND), EINVAL);
	CHECK_ERR(syscall(SYS_pwritev2, fd, &v, 1, 0, 0, 1 << 20), EOPNOTSUPP);
	v.iov_base = buf;
	CHECK_EQ(syscall(SYS_preadv2, fd, &v, 1, 10, 0, APPEND), 2);
}

TEST(nobody_reads)
{
	signal(SIGPIPE, count_signal);
	int fd = file_of("f", 100), ends[2];
	struct iovec v = {buf, 10};
	CHECK_OK(pipe(ends));
	close(ends[0]);
	CHECK_SIGNALLED(write(ends[1], buf, 1), EPIPE, 1);
	CHECK_SIGNALLED(write(ends[1], (void *)8, 1), EPIPE, 1);
	CHECK_SIGNALLED(writev(ends[1], &v, 1), EPIPE, 1);
	CHECK_SIGNALLED(sendfile(ends[1], fd, NULL, 10), EPIPE, 1);
	CHECK_SIGNALLED(splice(fd, NULL, ends[1], NULL, 10, 0), EPIPE, 1);
	CHECK_SIGNALLED(vmsplice(ends[1], &v, 1, 0), EPIPE, 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(ends[1], buf, 1), EPIPE);
}

TEST(what_was_opened_otherwise)
{
	int fd = file_of("f", 100), reader = open("f", O_RDONLY), writer = open("f", O_WRONLY),
	    place = open("f", O_PATH), dir = open(".", O_RDONLY), ends[2];
	CHECK_ERR(write(reader, buf, 1), EBADF);
	CHECK_ERR(read(writer, buf, 1), EBADF);
	CHECK_ERR(read(place, buf, 1), EBADF);
	CHECK_ERR(write(place, buf, 1), EBADF);
	CHECK_ERR(lseek(place, 0, SEEK_SET), EBADF);
	CHECK_ERR(ftruncate(place, 0), EBADF);
	CHECK_ERR(ftruncate(reader, 0), EINVAL);
	CHECK_ERR(read(dir, buf, 1), EISDIR);
	CHECK_ERR(pread(dir, buf, 1, 0), EISDIR);
	CHECK_ERR(write(dir, buf, 1), EBADF);
	CHECK_ERR(ftruncate(dir, 0), EINVAL);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_OK(pipe(ends));
	CHECK_ERR(read(ends[1], buf, 1), EBADF);
	CHECK_ERR(write(ends[0], buf, 1), EBADF);
	CHECK_ERR(ftruncate(ends[1], 0), EINVAL);
	CHECK_ERR(fsync(ends[1]), EINVAL);
	CHECK_EQ(write(fd, buf, 1), 1);
}

/* Whoever reads the log has its position while it waits for more. */
TEST(the_killed_do_not_wait_for_a_position)
{
	int log = open("/dev/kmsg", O_RDONLY);
	if (log < 0) {
		CHECK(!getenv("OWN_MACHINE"));
		return;
	}
	pid_t reader = forked();
	if (reader == 0)
		for (;;)
			if (read(log, buf, sizeof(buf)) < 0 && errno != EPIPE)
				_exit(1);
	sleep_ms(200);
	pid_t other = forked();
	if (other == 0) {
		CHECK_OK(lseek(log, 0, SEEK_SET));
		for (;;)
			pause();
	}
	sleep_ms(200);
	alarm(30);
	CHECK_OK(kill(other, SIGKILL));
	CHECK_EQ(ended(other), -1 - SIGKILL);
	CHECK_OK(kill(reader, SIGKILL));
	CHECK_EQ(ended(reader), -1 - SIGKILL);
}
