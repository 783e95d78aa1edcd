/* Processes as descriptors: naming them, sending to them, waiting for them. */
#include "check.h"

#include <poll.h>
#include <sys/utsname.h>

static int pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_kill(int fd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

static bool is_readable(int fd, int ms)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	int n = poll(&polled, 1, ms);
	CHECK(n >= 0);
	return n == 1 && polled.revents & POLLIN;
}

#define P_PIDFD_NUMBER 3
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

TEST(a_descriptor_names_a_process)
{
	pid_t pid = forked();
	if (pid == 0)
		for (;;)
			pause();
	int fd = pidfd_open(pid, 0);
	NEEDS(fd);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!is_readable(fd, 0));
	char c;
	CHECK_ERR(read(fd, &c, 1), EINVAL);
	CHECK_OK(pidfd_kill(fd, 0));
	CHECK_ERR(pidfd_kill(fd, 999), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 99), EINVAL);
	CHECK_ERR(pidfd_kill(0, SIGTERM), EBADF);
	CHECK_ERR(pidfd_kill(99, SIGTERM), EBADF);
	char name[32];
	snprintf(name, sizeof(name), "/proc/%d", (int)pid);
	int folder = open(name, O_RDONLY | O_DIRECTORY);
	CHECK_OK(folder);
	CHECK_OK(pidfd_kill(folder, 0));

	siginfo_t info = {0};
	CHECK_OK(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED | WNOHANG));
	CHECK_EQ(info.si_pid, 0);
	CHECK_ERR(waitid(P_PIDFD_NUMBER, 99, &info, WEXITED), EBADF);
	CHECK_OK(pidfd_kill(fd, SIGTERM));
	CHECK(is_readable(fd, 10000));
	CHECK_OK(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGTERM);
	CHECK(is_readable(fd, 0));
	CHECK_ERR(pidfd_kill(fd, SIGTERM), ESRCH);
	CHECK_ERR(pidfd_kill(folder, SIGTERM), ESRCH);
	CHECK_ERR(openat(folder, "stat", O_RDONLY), ESRCH);
	CHECK_OK(close(folder));
	CHECK_ERR(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED), ECHILD);
	CHECK_OK(close(fd));

	CHECK_ERR(pidfd_open(pid, 0), ESRCH);
	CHECK_ERR(pidfd_open(0, 0), EINVAL);
	CHECK_ERR(pidfd_open(-1, 0), EINVAL);
	CHECK_ERR(pidfd_open(getpid(), 1), EINVAL);
}

/* Linux tells so since 6.9. */
static bool tells_of_reaping(void)
{
	struct utsname names;
	int major = 0, minor = 0;
	CHECK_OK(uname(&names));
	sscanf(names.release, "%d.%d", &major, &minor);
	return major > 6 || (major == 6 && minor >= 9);
}

/* Its end is one thing, that its parent has looked at it another. */
TEST(who_waits_until_a_process_is_reaped_is_woken)
{
	if (!tells_of_reaping())
		return;
	pid_t pid = forked();
	if (pid == 0)
		for (;;)
			pause();
	struct pollfd polled = {.fd = pidfd_open(pid, 0)};
	NEEDS(polled.fd);
	pid_t waiter = forked();
	if (waiter == 0) {
		alarm(30);
		CHECK_EQ(poll(&polled, 1, -1), 1);
		CHECK_EQ(polled.revents, POLLHUP);
		_exit(0);
	}
	sleep_ms(100);
	CHECK_OK(kill(pid, SIGKILL));
	sleep_ms(100);
	CHECK_EQ(waitpid(waiter, NULL, WNOHANG), 0);
	CHECK_EQ(ended(pid), -1 - SIGKILL);
	CHECK_EQ(ended(waiter), 0);
}

TEST(a_descriptor_that_does_not_block)
{
	pid_t pid = forked();
	if (pid == 0)
		for (;;)
			pause();
	int fd = pidfd_open(pid, O_NONBLOCK);
	NEEDS(fd);
	siginfo_t info = {0};
	CHECK_ERR(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED), EAGAIN);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK(is_readable(fd, 10000));
	CHECK_OK(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
}

TEST(clone_gives_a_descriptor_of_the_child)
{
	int fd = -1;
	long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
	CHECK_OK(pid);
	if (pid == 0)
		_exit(7);
	CHECK(fd >= 0);
	CHECK(is_readable(fd, 10000));
	siginfo_t info = {0};
	CHECK_OK(waitid(P_PIDFD_NUMBER, (id_t)fd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 7);
	CHECK_ERR(
	    syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, (void *)8, 0, 0), EFAULT);
	CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
}
