/* Pipes and FIFOs, poll and select. */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>

static int ends[2];

static void open_pipe(int flags)
{
	CHECK_EQ(pipe2(ends, flags), 0);
}

static void nothing(int signal)
{
	(void)signal;
}

static void catch_signal(int signal, int flags)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = flags};
	CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

static void reap(pid_t child)
{
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

TEST(bytes_come_out_in_order)
{
	char buf[64] = {0};
	open_pipe(0);
	CHECK_EQ(write(ends[1], "abc", 3), 3);
	CHECK_EQ(write(ends[1], "def", 3), 3);
	CHECK_EQ(read(ends[0], buf, 4), 4);
	CHECK(!memcmp(buf, "abcd", 4));
	CHECK_EQ(read(ends[0], buf, sizeof(buf)), 2);
	CHECK(!memcmp(buf, "ef", 2));
}

TEST(pipe_arguments_are_checked)
{
	CHECK_ERR(pipe2(ends, O_APPEND), EINVAL);
	CHECK_ERR(syscall(SYS_pipe, 8L), EFAULT);
	int before = dup(0);
	close(before);
	CHECK_ERR(syscall(SYS_pipe, 8L), EFAULT);
	int after = dup(0);
	CHECK_EQ(before, after);
	open_pipe(O_CLOEXEC | O_NONBLOCK);
	CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	CHECK_EQ(fcntl(ends[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(fcntl(ends[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_ERR(read(ends[1], &before, 1), EBADF);
	CHECK_ERR(write(ends[0], &before, 1), EBADF);
	CHECK_ERR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(pread(ends[0], &before, 1, 0), ESPIPE);
	struct stat stat;
	CHECK_EQ(fstat(ends[0], &stat), 0);
	CHECK(S_ISFIFO(stat.st_mode));
}

TEST(end_of_file_when_no_writer_is_left)
{
	char c;
	open_pipe(0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	close(ends[1]);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	CHECK_EQ(read(ends[0], &c, 1), 0);
}

TEST(epipe_and_sigpipe_when_no_reader_is_left)
{
	open_pipe(0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(ends[1], "x", 1), EPIPE);
	CHECK_EQ(write(ends[1], "x", 0), 0);
	pid_t child = fork();
	if (!child) {
		signal(SIGPIPE, SIG_DFL);
		CHECK(write(ends[1], "x", 1) < 0);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

TEST(nonblocking_ends_say_eagain)
{
	static char page[4096];
	char c;
	int n = 0;
	open_pipe(O_NONBLOCK);
	CHECK_ERR(read(ends[0], &c, 1), EAGAIN);
	while (write(ends[1], page, sizeof(page)) == sizeof(page))
		n++;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(n, 16);
	CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
	int waiting;
	CHECK_EQ(ioctl(ends[0], FIONREAD, &waiting), 0);
	CHECK_EQ(waiting, 65536);
	/* An atomic write fits wholly or not at all. */
	CHECK_EQ(read(ends[0], page, 100), 100);
	CHECK_ERR(write(ends[1], page, 4096), EAGAIN);
	CHECK_EQ(read(ends[0], page, 3996), 3996);
	CHECK_EQ(write(ends[1], page, 4096), 4096);
	/* A larger one may be cut. */
	CHECK_EQ(read(ends[0], page, 4096), 4096);
	static char big[8192];
	CHECK_EQ(write(ends[1], big, sizeof(big)), 4096);
}

TEST(sizes_can_be_changed)
{
	static char page[4096];
	open_pipe(O_NONBLOCK);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1), 4096);
	CHECK_EQ(write(ends[1], page, sizeof(page)), 4096);
	CHECK_ERR(write(ends[1], page, 1), EAGAIN);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 5000), 8192);
	CHECK_EQ(write(ends[1], page, sizeof(page)), 4096);
	CHECK_ERR(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK_ERR(fcntl(ends[1], F_SETPIPE_SZ, 0), EBUSY);
	CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	int waiting;
	CHECK_EQ(ioctl(ends[1], FIONREAD, &waiting), 0);
	CHECK_EQ(waiting, 8192);
}

TEST(packets_stay_packets)
{
	char buf[16];
	open_pipe(O_DIRECT);
	CHECK_EQ(write(ends[1], "abcdef", 6), 6);
	CHECK_EQ(write(ends[1], "gh", 2), 2);
	CHECK_EQ(read(ends[0], buf, 4), 4);
	CHECK_EQ(read(ends[0], buf, sizeof(buf)), 2);
	CHECK(!memcmp(buf, "gh", 2));
}

TEST(bad_memory_is_efault)
{
	char c;
	open_pipe(0);
	CHECK_ERR(write(ends[1], (void *)8, 1), EFAULT);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_ERR(read(ends[0], (void *)8, 1), EFAULT);
	CHECK_EQ(read(ends[0], &c, 1), 1);
}

/* Pages of which the one behind is bad memory. */
static char *pages_before_a_hole(int count)
{
	size_t len = (size_t)count * 4096;
	char *p =
	    mmap(NULL, len + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(mprotect(p + len, 4096, PROT_NONE), 0);
	return p;
}

TEST(reads_end_before_bad_memory)
{
	static char page[4 * 4096];
	char *good = pages_before_a_hole(2);
	open_pipe(O_NONBLOCK);
	memset(page, 'a', sizeof(page));
	CHECK_EQ(write(ends[1], page, 3 * 4096), 3 * 4096);
	/* Page by page: one that does not fit in whole stays. */
	CHECK_EQ(read(ends[0], good, 3 * 4096), 2 * 4096);
	CHECK_EQ(good[0], 'a');
	CHECK_EQ(good[2 * 4096 - 1], 'a');
	CHECK_ERR(read(ends[0], good + 2 * 4096 - 50, 100), EFAULT);
	CHECK_EQ(read(ends[0], page, sizeof(page)), 4096);
	CHECK_ERR(read(ends[0], page, 1), EAGAIN);
}

TEST(writes_end_before_bad_memory)
{
	static char page[4 * 4096];
	char *good = pages_before_a_hole(2);
	open_pipe(O_NONBLOCK);
	memset(good, 'b', 2 * 4096);
	CHECK_EQ(write(ends[1], good, 3 * 4096), 2 * 4096);
	CHECK_ERR(write(ends[1], good + 2 * 4096 - 50, 100), EFAULT);
	CHECK_EQ(write(ends[1], good + 4096 + 100, 4096), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(read(ends[0], page, sizeof(page)), 2 * 4096);
	CHECK_EQ(page[0] + page[2 * 4096 - 1], 2 * 'b');
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_ERR(write(ends[1], good + 2 * 4096 - 50, 100), EFAULT);
	CHECK_EQ(read(ends[0], page, sizeof(page)), 1);
}

static unsigned next_random(unsigned below)
{
	static unsigned state = 1;
	state = state * 1103515245 + 12345;
	return (state >> 8) % below;
}

/* Mostly a few bytes, some of whole pages, up to more than fits. */
static size_t random_size(void)
{
	switch (next_random(4)) {
	case 0: return 1 + next_random(20);
	case 1: return 4096 * (size_t)(1 + next_random(17));
	case 2: return 1 + next_random(5000);
	default: return 1 + next_random(70000);
	}
}

TEST(bytes_stay_in_order_however_they_are_cut)
{
	static unsigned char out[70000], in[70000];
	uint64_t written = 0, seen = 0;
	open_pipe(O_NONBLOCK);
	for (int round = 0; round < 4000; round++) {
		for (int n = (int)next_random(4); n > 0; n--) {
			size_t len = random_size();
			for (size_t i = 0; i < len; i++)
				out[i] = (unsigned char)((written + i) * 31 >> 3);
			ssize_t put = write(ends[1], out, len);
			CHECK(put > 0 || errno == EAGAIN);
			CHECK(put == (ssize_t)len || len > 4096 || put < 0);
			written += put > 0 ? (uint64_t)put : 0;
		}
		for (int n = (int)next_random(4); n > 0; n--) {
			ssize_t got = read(ends[0], in, random_size());
			CHECK(got > 0 || (errno == EAGAIN && seen == written));
			for (ssize_t i = 0; i < got; i++)
				CHECK_EQ(in[i], (unsigned char)((seen + (uint64_t)i) * 31 >> 3));
			seen += got > 0 ? (uint64_t)got : 0;
		}
		int waiting;
		CHECK_EQ(ioctl(ends[0], FIONREAD, &waiting), 0);
		CHECK_EQ((uint64_t)waiting, written - seen);
		if (next_random(100) == 0)
			fcntl(ends[1], F_SETPIPE_SZ, 4096 << next_random(7));
	}
}

TEST(a_blocked_writer_goes_on_when_there_is_room)
{
	enum { TOTAL = 1 << 20 };
	static unsigned char buf[TOTAL];
	open_pipe(0);
	pid_t child = fork();
	if (!child) {
		for (int i = 0; i < TOTAL; i++)
			buf[i] = (unsigned char)(i * 7 + i / 4096);
		CHECK_EQ(write(ends[1], buf, TOTAL), TOTAL);
		_exit(0);
	}
	close(ends[1]);
	int done = 0;
	for (ssize_t n; (n = read(ends[0], buf + done, 10000)) > 0; done += (int)n)
		;
	CHECK_EQ(done, TOTAL);
	for (int i = 0; i < TOTAL; i++)
		CHECK_EQ(buf[i], (unsigned char)(i * 7 + i / 4096));
	reap(child);
}

TEST(writes_of_many_processes_do_not_mix)
{
	enum { WRITERS = 4, ROUNDS = 100, SIZE = 1000 };
	char buf[SIZE];
	open_pipe(0);
	for (int w = 0; w < WRITERS; w++)
		if (!fork()) {
			memset(buf, 'a' + w, SIZE);
			for (int i = 0; i < ROUNDS; i++)
				CHECK_EQ(write(ends[1], buf, SIZE), SIZE);
			_exit(0);
		}
	close(ends[1]);
	for (int i = 0; i < WRITERS * ROUNDS; i++) {
		for (int done = 0; done < SIZE;) {
			ssize_t n = read(ends[0], buf + done, (size_t)(SIZE - done));
			CHECK(n > 0);
			done += (int)n;
		}
		for (int k = 1; k < SIZE; k++)
			CHECK_EQ(buf[k], buf[0]);
	}
	for (int w = 0; w < WRITERS; w++)
		CHECK(wait(NULL) > 0);
}

TEST(a_signal_ends_a_blocked_read)
{
	char c;
	open_pipe(0);
	catch_signal(SIGALRM, 0);
	struct itimerval timer = {.it_value.tv_usec = 50000};
	setitimer(ITIMER_REAL, &timer, NULL);
	CHECK_ERR(read(ends[0], &c, 1), EINTR);
	/* And what was written before it came is told. */
	static char big[100000];
	setitimer(ITIMER_REAL, &timer, NULL);
	CHECK_EQ(write(ends[1], big, sizeof(big)), 65536);
}

TEST(a_read_is_begun_again_with_sa_restart)
{
	char c;
	open_pipe(0);
	catch_signal(SIGALRM, SA_RESTART);
	pid_t child = fork();
	if (!child) {
		usleep(200000);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	struct itimerval timer = {.it_value.tv_usec = 50000};
	setitimer(ITIMER_REAL, &timer, NULL);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	reap(child);
}

TEST(fifos_bring_both_sides_together)
{
	char buf[4];
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	int reader = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	CHECK_EQ(read(reader, buf, 1), 0);
	struct pollfd fd = {.fd = reader, .events = POLLIN};
	CHECK_EQ(poll(&fd, 1, 0), 0);
	int writer = open("fifo", O_WRONLY | O_NONBLOCK);
	CHECK(writer >= 0);
	CHECK_ERR(read(reader, buf, 1), EAGAIN);
	CHECK_EQ(write(writer, "hi", 2), 2);
	CHECK_EQ(read(reader, buf, 4), 2);
	close(writer);
	CHECK_EQ(poll(&fd, 1, 0), 1);
	CHECK_EQ(fd.revents, POLLHUP);
	close(reader);
	/* What nobody read is gone with the last who closes. */
	int both = open("fifo", O_RDWR);
	CHECK_EQ(write(both, "x", 1), 1);
	close(both);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK_EQ(read(reader, buf, 1), 0);
	close(reader);
	/* Blocking opens wait for each other. */
	pid_t child = fork();
	if (!child) {
		usleep(50000);
		int fd_child = open("fifo", O_WRONLY);
		CHECK_EQ(write(fd_child, "y", 1), 1);
		_exit(0);
	}
	reader = open("fifo", O_RDONLY);
	CHECK_EQ(read(reader, buf, 1), 1);
	reap(child);
}

TEST(poll_tells_what_is_ready)
{
	open_pipe(0);
	struct pollfd fds[4] = {
	    {ends[0], POLLIN, 99}, {ends[1], POLLOUT, 99}, {-1, POLLIN, 99}, {200, POLLIN, 99}};
	CHECK_EQ(poll(fds, 4, -1), 2);
	CHECK_EQ(fds[0].revents, 0);
	CHECK_EQ(fds[1].revents, POLLOUT);
	CHECK_EQ(fds[2].revents, 0);
	CHECK_EQ(fds[3].revents, POLLNVAL);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(poll(fds, 1, -1), 1);
	CHECK_EQ(fds[0].revents, POLLIN);
	close(ends[1]);
	CHECK_EQ(poll(fds, 1, -1), 1);
	CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
	open_pipe(0);
	close(ends[0]);
	fds[1].fd = ends[1];
	CHECK_EQ(poll(fds + 1, 1, -1), 1);
	CHECK_EQ(fds[1].revents, POLLOUT | POLLERR);
	CHECK_ERR(poll((void *)8, 1, 0), EFAULT);
	CHECK_ERR(poll(fds, 1u << 30, 0), EINVAL);
}

TEST(poll_waits_for_time_and_for_others)
{
	open_pipe(0);
	struct pollfd fd = {ends[0], POLLIN, 0};
	int64_t start = now_ms();
	CHECK_EQ(poll(&fd, 1, 60), 0);
	CHECK(now_ms() - start >= 59);
	CHECK_EQ(poll(NULL, 0, 10), 0);
	pid_t child = fork();
	if (!child) {
		usleep(50000);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	CHECK_EQ(poll(&fd, 1, -1), 1);
	reap(child);
}

TEST(poll_of_a_hundred_descriptors)
{
	struct pollfd fds[100];
	open_pipe(0);
	for (int i = 0; i < 100; i++) {
		fds[i] = (struct pollfd){dup(ends[0]), POLLIN, 0};
		CHECK(fds[i].fd >= 0);
	}
	CHECK_EQ(poll(fds, 100, 20), 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(poll(fds, 100, -1), 100);
}

TEST(a_signal_ends_a_poll)
{
	open_pipe(0);
	catch_signal(SIGALRM, SA_RESTART);
	struct itimerval timer = {.it_value.tv_usec = 50000};
	setitimer(ITIMER_REAL, &timer, NULL);
	struct pollfd fd = {ends[0], POLLIN, 0};
	CHECK_ERR(poll(&fd, 1, 5000), EINTR);
}

TEST(ppoll_lets_a_blocked_signal_in)
{
	sigset_t blocked, none;
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	catch_signal(SIGUSR1, 0);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	struct timespec timeout = {.tv_sec = 5};
	CHECK_ERR(ppoll(NULL, 0, &timeout, &none), EINTR);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1));
	timeout = (struct timespec){.tv_nsec = 1000000000};
	CHECK_ERR(ppoll(NULL, 0, &timeout, NULL), EINVAL);
}

TEST(select_reads_and_writes_sets)
{
	fd_set readers, writers;
	open_pipe(0);
	FD_ZERO(&readers);
	FD_ZERO(&writers);
	FD_SET(ends[0], &readers);
	FD_SET(ends[1], &writers);
	CHECK_EQ(select(ends[1] + 1, &readers, &writers, NULL, NULL), 1);
	CHECK(!FD_ISSET(ends[0], &readers) && FD_ISSET(ends[1], &writers));
	FD_SET(ends[0], &readers);
	struct timeval timeout = {.tv_usec = 30000};
	/* The call itself, because the library keeps the time that is left to itself. */
	CHECK_EQ(syscall(SYS_select, ends[0] + 1, &readers, NULL, NULL, &timeout), 0);
	CHECK_EQ(timeout.tv_usec, 0);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	FD_SET(ends[0], &readers);
	timeout = (struct timeval){.tv_sec = 5};
	CHECK_EQ(select(ends[0] + 1, &readers, NULL, NULL, &timeout), 1);
	CHECK(timeout.tv_sec == 4 || timeout.tv_sec == 5);
	close(ends[0]);
	CHECK_ERR(select(ends[0] + 1, &readers, NULL, NULL, NULL), EBADF);
	CHECK_ERR(select(-1, NULL, NULL, NULL, NULL), EINVAL);
}
