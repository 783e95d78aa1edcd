/* Signals as descriptors: signalfd(2). */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static sigset_t set_of(int first, int second)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, first);
	if (second)
		sigaddset(&set, second);
	return set;
}

/* For signals that are blocked, as they have to be. */
static int watch(int first, int second, int flags)
{
	sigset_t set = set_of(first, second);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	int fd = signalfd(-1, &set, flags);
	NEEDS(fd);
	return fd;
}

static bool is_ready(int fd, int timeout_ms)
{
	struct pollfd in = {fd, POLLIN | POLLOUT, 0};
	int n = poll(&in, 1, timeout_ms);
	CHECK(n == 0 || (n == 1 && in.revents == POLLIN));
	return n == 1;
}

TEST(signals_are_read)
{
	struct signalfd_siginfo info[4];
	int fd = watch(SIGUSR1, SIGUSR2, SFD_NONBLOCK | SFD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(read(fd, info, sizeof(info)), EAGAIN);
	CHECK(!is_ready(fd, 0));
	CHECK_OK(kill(getpid(), SIGUSR2));
	CHECK_OK(kill(getpid(), SIGUSR2)); /* waits once */
	CHECK_OK(raise(SIGUSR1));
	CHECK(is_ready(fd, 0));
	CHECK_EQ(read(fd, info, sizeof(info)), 2 * sizeof(*info));
	CHECK_EQ(info[0].ssi_signo, SIGUSR1);
	CHECK_EQ(info[1].ssi_signo, SIGUSR2);
	CHECK_EQ(info[1].ssi_code, SI_USER);
	CHECK_EQ(info[1].ssi_pid, getpid());
	CHECK_EQ(info[1].ssi_uid, getuid());
	CHECK_ERR(read(fd, info, sizeof(info)), EAGAIN);
}

TEST(values_come_along)
{
	struct signalfd_siginfo info;
	int fd = watch(SIGRTMIN + 1, 0, SFD_NONBLOCK);
	for (int i = 0; i < 3; i++)
		CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 100 + i}));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
		CHECK_EQ(info.ssi_int, 100 + i);
		CHECK_EQ(info.ssi_code, SI_QUEUE);
	}
	CHECK_ERR(read(fd, &info, sizeof(info)), EAGAIN);
}

TEST(children_are_told_of)
{
	struct signalfd_siginfo info;
	int fd = watch(SIGCHLD, 0, 0);
	pid_t child = fork();
	if (!child)
		_exit(7);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info)); /* waits */
	CHECK_EQ(info.ssi_signo, SIGCHLD);
	CHECK_EQ(info.ssi_code, CLD_EXITED);
	CHECK_EQ(info.ssi_pid, child);
	CHECK_EQ(info.ssi_status, 7);
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
}

TEST(another_set)
{
	struct signalfd_siginfo info;
	int fd = watch(SIGUSR1, SIGUSR2, SFD_NONBLOCK);
	sigset_t set = set_of(SIGUSR2, SIGKILL);
	CHECK_EQ(signalfd(fd, &set, 0), fd);
	CHECK_OK(raise(SIGUSR1));
	CHECK_ERR(read(fd, &info, sizeof(info)), EAGAIN);
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR2);
}

/* Whoever reads takes its own, whoever made the descriptor. */
TEST(a_child_reads_its_own)
{
	struct signalfd_siginfo info;
	int fd = watch(SIGUSR1, 0, SFD_NONBLOCK);
	CHECK_OK(raise(SIGUSR1));
	pid_t child = forked();
	if (!child) {
		CHECK_ERR(read(fd, &info, sizeof(info)), EAGAIN);
		CHECK_OK(raise(SIGUSR1));
		CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
		CHECK_EQ(info.ssi_pid, getpid());
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_pid, getpid());
}

static void *send_later(void *arg)
{
	sleep_ms(50);
	CHECK_OK(kill(getpid(), (int)(intptr_t)arg));
	return NULL;
}

TEST(waits_end)
{
	struct signalfd_siginfo info;
	pthread_t thread;
	int fd = watch(SIGUSR1, SIGUSR2, 0), set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK_EQ(pthread_create(&thread, NULL, send_later, (void *)(intptr_t)SIGUSR1), 0);
	CHECK(is_ready(fd, 20000));
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_OK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
	CHECK_EQ(pthread_create(&thread, NULL, send_later, (void *)(intptr_t)SIGUSR2), 0);
	CHECK_EQ(epoll_wait(set, &event, 1, 20000), 1);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR2);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
}

/* A set may outlive the process whose signals it waits for. */
TEST(sets_outlive_processes)
{
	int fd = watch(SIGUSR1, 0, SFD_NONBLOCK);
	for (int i = 0; i < 50; i++) {
		int set = epoll_create1(0);
		struct epoll_event event = {.events = EPOLLIN};
		pid_t child = forked();
		if (!child) {
			CHECK_OK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
			CHECK_OK(raise(SIGUSR1));
			_exit(0);
		}
		CHECK_EQ(ended(child), 0);
		CHECK(epoll_wait(set, &event, 1, 0) <= 1);
		if (i % 2)
			CHECK_OK(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
		close(set);
	}
	CHECK_OK(raise(SIGUSR1));
	CHECK(is_ready(fd, 0));
}

TEST(checks_arguments)
{
	char info[128];
	int ends[2], fd = watch(SIGUSR1, 0, SFD_NONBLOCK);
	uint64_t set = 1;
	CHECK_OK(pipe(ends));
	CHECK_ERR(syscall(SYS_signalfd4, -1, &set, 7, 0), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, -1, (void *)8, 8, 0), EFAULT);
	CHECK_ERR(syscall(SYS_signalfd4, -1, &set, 8, 1), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, ends[0], &set, 8, 0), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, 999, &set, 8, 0), EBADF);
	CHECK_EQ(syscall(SYS_signalfd, fd, &set, 8), fd);
	CHECK_ERR(read(fd, info, 127), EINVAL);
	CHECK_ERR(write(fd, info, 128), EINVAL);
}
