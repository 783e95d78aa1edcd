/* Descriptors: copies, flags, limits; pipes, poll and select. */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>

TEST(the_lowest_free_number_is_taken)
{
	int a = open("/dev/null", O_RDONLY), b = dup(a), c = dup(a);
	CHECK_EQ(b, a + 1);
	CHECK_EQ(c, a + 2);
	CHECK_OK(close(b));
	CHECK_EQ(dup(a), b);
	CHECK_EQ(fcntl(a, F_DUPFD, 100), 100);
	CHECK_EQ(fcntl(a, F_DUPFD, 100), 101);
	CHECK_ERR(close(500), EBADF);
	CHECK_OK(close(a));
	CHECK_ERR(close(a), EBADF);
}

TEST(copies_share_the_position)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), copy = dup(fd), other = open("f", O_RDONLY);
	CHECK_EQ(write(fd, "abcdef", 6), 6);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 6);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
	pid_t pid = forked();
	if (pid == 0) {
		lseek(fd, 2, SEEK_SET);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 2);
	CHECK_OK(fcntl(copy, F_SETFL, O_APPEND));
	CHECK(fcntl(fd, F_GETFL) & O_APPEND);
}

TEST(dup2_and_dup3)
{
	int fd = open("/dev/null", O_RDWR);
	CHECK_EQ(dup2(fd, 50), 50);
	CHECK_EQ(dup2(fd, 50), 50);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERR(dup2(99, 98), EBADF);
	CHECK_ERR(dup2(99, 99), EBADF);
	CHECK_ERR(dup2(fd, -1), EBADF);
	CHECK_ERR(dup2(fd, 1 << 30), EBADF);
	CHECK_ERR(dup3(fd, fd, 0), EINVAL);
	CHECK_ERR(syscall(SYS_dup3, fd, 51, 1), EINVAL);
	CHECK_EQ(dup3(fd, 51, O_CLOEXEC), 51);
	CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(50, F_GETFD), 0);
}

TEST(the_limit_on_descriptors_holds)
{
	struct rlimit limit = {20, 20};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	int fd, last = -1;
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 19);
	int ends[2];
	CHECK_ERR(pipe(ends), EMFILE);
	CHECK_OK(close(10));
	CHECK_ERR(pipe(ends), EMFILE); /* and leaves no half of one */
	CHECK_EQ(open("/dev/null", O_RDONLY), 10);
	CHECK_ERR(fcntl(5, F_DUPFD, 20), EINVAL);
}

TEST(many_descriptors)
{
	struct rlimit limit = {4096, 4096};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	int fd, count = 0;
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	CHECK_EQ(errno, EMFILE);
	CHECK(count > 4000);
	NEEDS(syscall(SYS_close_range, 5000, 5001, 0));
	CHECK_OK(syscall(SYS_close_range, 3, 4095, 0));
	CHECK_EQ(open("/dev/null", O_RDONLY), 3);
	CHECK_ERR(syscall(SYS_close_range, 5, 4, 0), EINVAL);
}

TEST(a_pipe_keeps_order_and_ends)
{
	int ends[2];
	char got[16] = {0};
	CHECK_OK(pipe(ends));
	CHECK_EQ(write(ends[1], "abc", 3), 3);
	CHECK_EQ(write(ends[1], "def", 3), 3);
	CHECK_EQ(read(ends[0], got, 4), 4);
	CHECK_EQ(read(ends[0], got + 4, 10), 2);
	CHECK(strcmp(got, "abcdef") == 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(read(ends[0], got, 10), 1);
	CHECK_EQ(read(ends[0], got, 10), 0);
	CHECK_EQ(read(ends[0], got, 10), 0);
}

TEST(a_pipe_without_reader_signals)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_OK(close(ends[0]));
	pid_t pid = forked();
	if (pid == 0) {
		if (write(ends[1], "x", 1) < 0)
			_exit(1);
		_exit(0);
	}
	CHECK_EQ(ended(pid), -1 - SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(ends[1], "x", 1), EPIPE);
}

TEST(a_full_pipe)
{
	static char block[4096];
	int ends[2], flags;
	CHECK_OK(pipe2(ends, O_NONBLOCK));
	CHECK_ERR(read(ends[0], block, 1), EAGAIN);
	long all = 0, n;
	while ((n = write(ends[1], block, sizeof(block))) > 0)
		all += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(all, 65536);
	CHECK_EQ(read(ends[0], block, 100), 100);
	CHECK_ERR(write(ends[1], block, 4096), EAGAIN); /* up to PIPE_BUF: all or nothing */
	CHECK_OK(ioctl(ends[0], FIONREAD, &flags));
	CHECK_EQ(flags, 65536 - 100);
}

TEST(much_through_a_pipe)
{
	enum { SIZE = 1 << 20 };
	static unsigned char data[SIZE], got[SIZE];
	int ends[2];
	for (int i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (pid == 0) {
		close(ends[0]);
		for (size_t at = 0, step = 1; at < SIZE; at += step, step = step * 5 % 70001) {
			if (step > SIZE - at)
				step = SIZE - at;
			CHECK_EQ(write(ends[1], data + at, step), (ssize_t)step);
		}
		_exit(0);
	}
	close(ends[1]);
	size_t at = 0;
	ssize_t n;
	while ((n = read(
		    ends[0], got + at, at % 9973 + 1 < SIZE - at ? at % 9973 + 1 : SIZE - at)) > 0)
		at += (size_t)n;
	CHECK_EQ(at, SIZE);
	CHECK(memcmp(data, got, SIZE) == 0);
	CHECK_EQ(ended(pid), 0);
}

TEST(short_writes_of_many_do_not_mix)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	for (int i = 0; i < 4; i++)
		if (forked() == 0) {
			char line[100];
			memset(line, 'a' + i, sizeof(line));
			for (int j = 0; j < 300; j++)
				CHECK_EQ(write(ends[1], line, sizeof(line)), 100);
			_exit(0);
		}
	close(ends[1]);
	for (int i = 0; i < 1200; i++) {
		char line[100];
		size_t at = 0;
		while (at < 100) {
			ssize_t n = read(ends[0], line + at, 100 - at);
			CHECK(n > 0);
			at += (size_t)n;
		}
		for (int j = 1; j < 100; j++)
			CHECK_EQ(line[j], line[0]);
	}
}

TEST(poll_tells_what_is_ready)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	struct pollfd fds[3] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 9}};
	CHECK_EQ(poll(fds, 3, 0), 1);
	CHECK_EQ(fds[0].revents, 0);
	CHECK_EQ(fds[1].revents, POLLOUT);
	CHECK_EQ(fds[2].revents, 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(poll(fds, 3, -1), 2);
	CHECK_EQ(fds[0].revents, POLLIN);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(poll(fds, 2, 0), 2);
	CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
	CHECK_EQ(fds[1].revents, POLLNVAL);
	CHECK_OK(pipe(ends));
	CHECK_OK(close(ends[0]));
	fds[0] = (struct pollfd){ends[1], POLLOUT, 0};
	CHECK_EQ(poll(fds, 1, 0), 1);
	CHECK(fds[0].revents & POLLERR);
	int file = open("f", O_RDWR | O_CREAT, 0644);
	fds[0] = (struct pollfd){file, POLLIN | POLLOUT, 0};
	CHECK_EQ(poll(fds, 1, 0), 1);
	CHECK_EQ(fds[0].revents, POLLIN | POLLOUT);
	CHECK_ERR(poll((void *)8, 1, 0), EFAULT);
}

TEST(poll_waits_and_times_out)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	struct pollfd fd = {ends[0], POLLIN, 0};
	int64_t start = now_ms();
	CHECK_EQ(poll(&fd, 1, 50), 0);
	CHECK(now_ms() - start >= 50);
	pid_t pid = forked();
	if (pid == 0) {
		sleep_ms(30);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	CHECK_EQ(poll(&fd, 1, 20000), 1);
	CHECK_EQ(fd.revents, POLLIN);
	CHECK_EQ(ended(pid), 0);
}

TEST(select_tells_what_is_ready)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	fd_set in, out;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(ends[0], &in);
	FD_SET(ends[1], &out);
	struct timeval zero = {0, 0};
	CHECK_EQ(select(ends[1] + 1, &in, &out, NULL, &zero), 1);
	CHECK(!FD_ISSET(ends[0], &in));
	CHECK(FD_ISSET(ends[1], &out));
	CHECK_EQ(write(ends[1], "x", 1), 1);
	FD_SET(ends[0], &in);
	CHECK_EQ(select(ends[1] + 1, &in, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(ends[0], &in));
	FD_ZERO(&in);
	FD_SET(60, &in);
	CHECK_ERR(select(61, &in, NULL, NULL, &zero), EBADF);
	CHECK_ERR(select(-1, NULL, NULL, NULL, &zero), EINVAL);
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST(waits_end_with_a_signal)
{
	int ends[2];
	char c;
	struct sigaction action = {.sa_handler = on_alarm};
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	CHECK_OK(pipe(ends));
	ualarm(30000, 0);
	CHECK_ERR(read(ends[0], &c, 1), EINTR);
	struct pollfd fd = {ends[0], POLLIN, 0};
	ualarm(30000, 0);
	CHECK_ERR(poll(&fd, 1, 20000), EINTR);
	action.sa_flags = SA_RESTART;
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	pid_t pid = forked();
	if (pid == 0) {
		sleep_ms(100);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	ualarm(30000, 0);
	CHECK_EQ(read(ends[0], &c, 1), 1); /* began anew */
	CHECK_EQ(ended(pid), 0);
}

TEST(devices)
{
	char got[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR),
	    random = open("/dev/urandom", O_RDONLY);
	CHECK(null >= 0 && zero >= 0 && random >= 0);
	CHECK_EQ(read(null, got, 8), 0);
	CHECK_EQ(write(null, got, 8), 8);
	CHECK_EQ(read(zero, got, 8), 8);
	CHECK_EQ(got[0] | got[7], 0);
	CHECK_EQ(read(random, got, 8), 8);
	uint64_t value;
	memcpy(&value, got, 8);
	CHECK(value != 0);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(p[5000], 0);
	p[5000] = 1;
	CHECK_ERR(ioctl(null, 0x5401, got), ENOTTY);
}
