/* Changes of an object that are told by signals: F_SETOWN, F_SETSIG, O_ASYNC. */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif
#ifndef F_OWNER_TID
#define F_OWNER_TID  0
#define F_OWNER_PID  1
#define F_OWNER_PGRP 2
#endif

struct owner {
	int kind;
	pid_t pid;
};

static const int told = 40; /* of real time: none is lost */
static int ends[2];

static void block(int signal)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

/* The next, or 0 after `ms`. */
static int next_of(int signal, long ms, siginfo_t *info)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal);
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	int number = sigtimedwait(&set, info, &time);
	CHECK(number >= 0 || errno == EAGAIN);
	return number > 0 ? number : 0;
}

static void be_told(int fd, int signal)
{
	block(signal);
	CHECK_OK(fcntl(fd, F_SETSIG, signal));
	CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
	CHECK_OK(fcntl(fd, F_SETFL, O_ASYNC));
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
}

TEST(an_owner_is_told_what_can_be_read)
{
	siginfo_t info;
	CHECK_OK(pipe(ends));
	block(SIGIO);
	CHECK_OK(fcntl(ends[0], F_SETOWN, getpid()));
	CHECK(write(ends[1], "a", 1) == 1); /* it has not been switched on */
	CHECK_EQ(next_of(SIGIO, 30, &info), 0);
	CHECK_OK(fcntl(ends[0], F_SETFL, O_ASYNC));
	CHECK(write(ends[1], "b", 1) == 1);
	CHECK_EQ(next_of(SIGIO, 5000, &info), SIGIO);
	CHECK_OK(fcntl(ends[0], F_SETFL, 0));
	CHECK(!(fcntl(ends[0], F_GETFL) & O_ASYNC));
	CHECK(write(ends[1], "c", 1) == 1);
	CHECK_EQ(next_of(SIGIO, 30, &info), 0);
	int on = 1;
	CHECK_OK(ioctl(ends[0], FIOASYNC, &on));
	CHECK_OK(close(ends[1]));
	CHECK_EQ(next_of(SIGIO, 5000, &info), SIGIO);
}

TEST(a_signal_of_ones_own_tells_more)
{
	siginfo_t info;
	char buffer[65536] = {0};
	CHECK_OK(pipe(ends));
	be_told(ends[0], told);
	CHECK(write(ends[1], "a", 1) == 1);
	CHECK_EQ(next_of(told, 5000, &info), told);
	CHECK_EQ(info.si_code, POLL_IN);
	CHECK_EQ(info.si_fd, ends[0]);
	CHECK(info.si_band & POLLIN);
	/* And of the other end, what can be written. */
	CHECK_OK(fcntl(ends[0], F_SETFL, 0));
	be_told(ends[1], told);
	CHECK_OK(fcntl(ends[1], F_SETFL, O_ASYNC | O_NONBLOCK));
	while (write(ends[1], buffer, sizeof(buffer)) > 0)
		;
	while (next_of(told, 0, &info))
		;
	CHECK(read(ends[0], buffer, sizeof(buffer)) > 4096);
	CHECK_EQ(next_of(told, 5000, &info), told);
	CHECK_EQ(info.si_code, POLL_OUT);
	CHECK_EQ(info.si_fd, ends[1]);
}

TEST(owners_are_threads_processes_and_groups)
{
	siginfo_t info;
	CHECK_OK(pipe(ends));
	be_told(ends[0], told);
	CHECK_OK(setpgid(0, 0));
	struct owner owner = {9, 9};
	CHECK_OK(fcntl(ends[0], F_GETOWN_EX, &owner));
	CHECK(owner.kind == F_OWNER_PID && owner.pid == getpid());
	for (int kind = F_OWNER_TID; kind <= F_OWNER_PGRP; kind++) {
		owner = (struct owner){kind, getpid()};
		CHECK_OK(fcntl(ends[0], F_SETOWN_EX, &owner));
		CHECK(write(ends[1], "a", 1) == 1);
		CHECK_EQ(next_of(told, 5000, &info), told);
		CHECK_EQ(next_of(told, 20, &info), 0);
		int number = fcntl(ends[0], F_GETOWN);
		CHECK_EQ(number, kind == F_OWNER_PGRP ? -getpid() : getpid());
	}
	CHECK_OK(fcntl(ends[0], F_SETOWN, 0));
	CHECK(write(ends[1], "a", 1) == 1);
	CHECK_EQ(next_of(told, 30, &info), 0);
	CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
}

TEST(all_of_a_group_are_told)
{
	int ready[2];
	siginfo_t info;
	char byte;
	CHECK_OK(pipe(ends));
	CHECK_OK(pipe(ready));
	CHECK_OK(setpgid(0, 0));
	be_told(ends[0], told);
	CHECK_OK(fcntl(ends[0], F_SETOWN, -getpid()));
	pid_t pid = forked();
	if (!pid) {
		CHECK(write(ready[1], "r", 1) == 1);
		_exit(next_of(told, 10000, &info) == told ? 0 : 1);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK(write(ends[1], "a", 1) == 1);
	CHECK_EQ(next_of(told, 5000, &info), told);
	CHECK_EQ(ended(pid), 0);
}

TEST(whoever_may_not_signal_a_process_does_not_by_owning)
{
	siginfo_t info;
	block(told);
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (!pid) {
		CHECK_OK(setuid(1000));
		CHECK_OK(fcntl(ends[0], F_SETSIG, told));
		CHECK_OK(fcntl(ends[0], F_SETOWN, getppid()));
		CHECK_OK(fcntl(ends[0], F_SETFL, O_ASYNC));
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK(write(ends[1], "a", 1) == 1);
	CHECK_EQ(next_of(told, 50, &info), 0);
	CHECK_OK(fcntl(ends[0], F_SETOWN, getpid()));
	CHECK(write(ends[1], "a", 1) == 1);
	CHECK_EQ(next_of(told, 5000, &info), told);
}

TEST(owners_and_signals_that_there_are_not_are_refused)
{
	CHECK_OK(pipe(ends));
	struct owner owner = {7, getpid()};
	CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, &owner), EINVAL);
	owner = (struct owner){F_OWNER_PID, 1 << 22};
	CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, &owner), ESRCH);
	CHECK_ERR(fcntl(ends[0], F_SETOWN_EX, (void *)8), EFAULT);
	CHECK_ERR(fcntl(ends[0], F_GETOWN_EX, (void *)8), EFAULT);
	CHECK_ERR(fcntl(ends[0], F_SETOWN, 1 << 22), ESRCH);
	CHECK_ERR(fcntl(ends[0], F_SETOWN, INT32_MIN), EINVAL);
	CHECK_ERR(fcntl(ends[0], F_SETSIG, 65), EINVAL);
	CHECK_OK(fcntl(ends[0], F_SETSIG, SIGUSR1));
	CHECK_EQ(fcntl(ends[0], F_GETSIG), SIGUSR1);
	CHECK_EQ(fcntl(ends[1], F_GETSIG), 0);
	/* A file tells of nothing, but may have an owner. */
	int fd = open("file", O_RDWR | O_CREAT, 0600), on = 1;
	CHECK_OK(fcntl(fd, F_SETFL, O_ASYNC));
	CHECK(!(fcntl(fd, F_GETFL) & O_ASYNC));
	CHECK_ERR(ioctl(fd, FIOASYNC, &on), ENOTTY);
	CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
	CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
}

TEST(pipes_end_while_they_are_being_told_of)
{
	signal(SIGIO, SIG_IGN);
	for (int i = 0; i < 200; i++) {
		CHECK_OK(pipe(ends));
		CHECK_OK(fcntl(ends[0], F_SETOWN, getpid()));
		CHECK_OK(fcntl(ends[0], F_SETFL, O_ASYNC));
		CHECK(write(ends[1], "a", 1) == 1);
		CHECK_OK(close(ends[i & 1]));
		CHECK_OK(close(ends[!(i & 1)]));
	}
}

TEST(terminals_tell_of_what_is_typed)
{
	siginfo_t info;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), unlock = 0, number;
	CHECK(master >= 0 && !ioctl(master, TIOCSPTLCK, &unlock) &&
	      !ioctl(master, TIOCGPTN, &number));
	char name[32];
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	int fd = open(name, O_RDWR | O_NOCTTY);
	CHECK(fd >= 0);
	be_told(fd, told);
	CHECK(write(master, "line\n", 5) == 5);
	CHECK_EQ(next_of(told, 5000, &info), told);
	CHECK(info.si_code == POLL_IN || info.si_code == POLL_OUT);
}
