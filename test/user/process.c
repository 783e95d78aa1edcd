/* Processes: fork, how they end, waiting for them, orphans, groups and sessions, identities. */
#include "check.h"

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

TEST(fork_gives_a_child_its_own_memory)
{
	static volatile int value = 1;
	int on_stack = 1;
	pid_t pid = forked();
	if (pid == 0) {
		value = 2;
		on_stack = 2;
		_exit(value + on_stack);
	}
	CHECK_EQ(ended(pid), 4);
	CHECK_EQ(value, 1);
	CHECK_EQ(on_stack, 1);
}

TEST(exit_status_is_the_low_byte)
{
	static const int given[] = {0, 1, 127, 128, 255, 256, 257, -1};
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		pid_t pid = forked();
		if (pid == 0)
			_exit(given[i]);
		CHECK_EQ(ended(pid), given[i] & 255);
	}
}

TEST(death_by_signal_is_told)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t pid = forked();
		if (pid == 0) {
			kill(getpid(), signals[i]);
			_exit(0);
		}
		CHECK_EQ(ended(pid), -1 - signals[i]);
	}
}

TEST(wait_without_children_fails)
{
	CHECK_ERR(wait(NULL), ECHILD);
	CHECK_ERR(waitpid(1, NULL, 0), ECHILD);
	CHECK_ERR(waitpid(getpid(), NULL, 0), ECHILD);
	CHECK_ERR(waitpid(-1, NULL, 0x1000), EINVAL);
}

TEST(wait_nohang_tells_of_running_children)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (pid == 0) {
		char c;
		close(ends[1]);
		_exit(read(ends[0], &c, 1) == 0 ? 5 : 6);
	}
	close(ends[0]);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	close(ends[1]);
	CHECK_EQ(ended(pid), 5);
	CHECK_ERR(waitpid(pid, NULL, WNOHANG), ECHILD);
}

TEST(waitid_leaves_what_it_only_looks_at)
{
	pid_t pid = forked();
	if (pid == 0)
		_exit(9);
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_signo, SIGCHLD);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 9);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(ended(pid), 9);
	CHECK_ERR(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
	CHECK_ERR(waitid(P_ALL, 0, &info, 0), EINVAL);
}

TEST(stop_and_continue_are_told)
{
	pid_t pid = forked();
	if (pid == 0)
		for (;;)
			pause();
	int status;
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(WSTOPSIG(status), SIGSTOP);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	CHECK_OK(kill(pid, SIGTERM));
	CHECK_EQ(ended(pid), -1 - SIGTERM);
}

TEST(a_zombie_is_there_until_waited_for)
{
	pid_t pid = forked();
	if (pid == 0)
		_exit(0);
	siginfo_t info;
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK_OK(kill(pid, 0));
	CHECK_EQ(ended(pid), 0);
	CHECK_ERR(kill(pid, 0), ESRCH);
}

TEST(an_orphan_gets_another_parent)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (pid == 0) {
		pid_t middle = getpid();
		if (forked() == 0) {
			while (getppid() == middle)
				sleep_ms(1);
			pid_t parent = getppid();
			_exit(write(ends[1], &parent, sizeof(parent)) < 0);
		}
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	pid_t parent;
	CHECK_EQ(read(ends[0], &parent, sizeof(parent)), (int)sizeof(parent));
	CHECK(parent != pid && parent != getpid());
}

TEST(a_subreaper_gets_orphans)
{
	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid_t pid = forked();
	if (pid == 0) {
		if (forked() == 0) {
			sleep_ms(20);
			_exit(33);
		}
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	int status;
	CHECK(wait(&status) > 0);
	CHECK_EQ(WEXITSTATUS(status), 33);
}

TEST(ignored_children_leave_no_zombies)
{
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = forked();
	if (pid == 0)
		_exit(3);
	CHECK_ERR(waitpid(pid, NULL, 0), ECHILD);
}

TEST(parent_death_signal)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t pid = forked();
	if (pid == 0) {
		int ready[2];
		CHECK_OK(pipe(ready));
		if (forked() == 0) {
			close(ends[0]);
			CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
			CHECK_EQ(write(ready[1], "x", 1), 1);
			for (;;)
				pause();
		}
		char c;
		CHECK_EQ(read(ready[0], &c, 1), 1);
		_exit(0);
	}
	close(ends[1]);
	char c;
	CHECK_EQ(ended(pid), 0);
	CHECK_EQ(read(ends[0], &c, 1), 0); /* the grandchild's end went with it */
}

TEST(process_groups)
{
	CHECK_EQ(getpgrp(), getpid()); /* the harness made us a group */
	CHECK_EQ(getpgid(0), getpid());
	pid_t pid = forked();
	if (pid == 0) {
		CHECK_EQ(getpgrp(), getppid());
		CHECK_OK(setpgid(0, 0));
		CHECK_EQ(getpgrp(), getpid());
		for (;;)
			pause();
	}
	while (getpgid(pid) != pid)
		sleep_ms(1);
	CHECK_ERR(setpgid(pid, 999999), EPERM);
	CHECK_ERR(setpgid(999999, 0), ESRCH);
	CHECK_ERR(setpgid(pid, -1), EINVAL);
	CHECK_ERR(getpgid(999999), ESRCH);
	CHECK_OK(kill(-pid, SIGTERM));
	int status;
	CHECK_ERR(waitpid(-999999, &status, 0), ECHILD);
	CHECK_EQ(waitpid(-pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGTERM);
	CHECK_ERR(kill(-pid, 0), ESRCH);
}

TEST(setpgid_after_exec_fails)
{
	int ends[2];
	CHECK_OK(pipe2(ends, O_CLOEXEC));
	pid_t pid = forked();
	if (pid == 0) {
		char *arguments[] = {"sleep", "100", NULL};
		execv("/bin/sleep", arguments);
		char *busybox[] = {"busybox", "sleep", "100", NULL};
		execv("/bin/busybox", busybox);
		_exit(1);
	}
	char c;
	close(ends[1]);
	CHECK_EQ(read(ends[0], &c, 1), 0);
	CHECK_ERR(setpgid(pid, pid), EACCES);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ended(pid), -1 - SIGKILL);
}

TEST(sessions)
{
	CHECK_ERR(setsid(), EPERM); /* leads a group */
	pid_t pid = forked();
	if (pid == 0) {
		CHECK_EQ(setsid(), getpid());
		CHECK_EQ(getsid(0), getpid());
		CHECK_EQ(getpgrp(), getpid());
		CHECK_ERR(setpgid(0, 0), EPERM);
		CHECK(getsid(getppid()) != getpid());
		CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_ERR(getsid(999999), ESRCH);
}

TEST(vfork_waits_for_the_child)
{
	static volatile int value = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		value = 7;
		_exit(1);
	}
	CHECK(pid > 0);
	CHECK_EQ(value, 7);
	CHECK_EQ(ended(pid), 1);
}

TEST(clone3_checks_its_arguments)
{
	uint64_t args[11] = {0};
	NEEDS(syscall(SYS_clone3, args, 0));
	CHECK_ERR(syscall(SYS_clone3, args, 8), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, NULL, 64), EFAULT);
	args[4] = SIGCHLD;
	long pid = syscall(SYS_clone3, args, 64);
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(4);
	CHECK_EQ(ended((pid_t)pid), 4);
	args[4] = 200;
	CHECK_ERR(syscall(SYS_clone3, args, 64), EINVAL);
}

TEST(many_children)
{
	enum { COUNT = 200 };
	pid_t pids[COUNT];
	for (int i = 0; i < COUNT; i++) {
		pids[i] = forked();
		if (pids[i] == 0)
			_exit(i);
	}
	for (int i = COUNT - 1; i >= 0; i--)
		CHECK_EQ(ended(pids[i]), i);
}

TEST(a_limit_on_processes_holds)
{
	struct rlimit limit = {20, 20};
	uid_t user = 100000 + (uid_t)getpid(); /* of nobody else's processes */
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(54321, 54321, 54321));
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
	CHECK_OK(setresuid(user, user, user));
	int made = 0;
	pid_t pid;
	while (made < 100 && (pid = fork()) >= 0) {
		if (pid == 0)
			for (;;)
				pause();
		made++;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK(made >= 10 && made < 20);
}

TEST(identities)
{
	uid_t r, e, s;
	CHECK_OK(setgroups(2, (gid_t[]){7, 8}));
	gid_t groups[8];
	CHECK_EQ(getgroups(0, NULL), 2);
	CHECK_EQ(getgroups(8, groups), 2);
	CHECK_EQ(groups[0] + groups[1], 15);
	CHECK_ERR(getgroups(1, groups), EINVAL);
	CHECK_OK(setresuid(1000, 1001, 1002));
	CHECK_OK(getresuid(&r, &e, &s));
	CHECK_EQ(r, 1000);
	CHECK_EQ(e, 1001);
	CHECK_EQ(s, 1002);
	CHECK_ERR(setuid(0), EPERM);
	CHECK_OK(setuid(1002));
	CHECK_EQ(geteuid(), 1002);
	CHECK_ERR(setgroups(0, NULL), EPERM);
	CHECK_ERR(setresuid(0, 0, 0), EPERM);
	CHECK_ERR(kill(1, SIGTERM), EPERM);
}

TEST(names_of_the_system)
{
	struct utsname name;
	CHECK_OK(uname(&name));
	CHECK(strcmp(name.sysname, "Linux") == 0);
	CHECK(strcmp(name.machine, "x86_64") == 0);
	CHECK_ERR(syscall(SYS_uname, (void *)8), EFAULT);
}

TEST(limits_are_kept_and_checked)
{
	struct rlimit limit = {100, 50};
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
	CHECK_ERR(setrlimit(99, &limit), EINVAL);
	limit = (struct rlimit){50, 100};
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(limit.rlim_cur, 50);
	CHECK_EQ(limit.rlim_max, 100);
	pid_t pid = forked();
	if (pid == 0) {
		CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
		_exit((int)limit.rlim_cur);
	}
	CHECK_EQ(ended(pid), 50);
	CHECK_ERR(getrlimit(RLIMIT_NOFILE, (void *)8), EFAULT);
}

TEST(an_unknown_call_is_told)
{
	CHECK_ERR(syscall(9999), ENOSYS);
	CHECK_ERR(syscall(-1), ENOSYS);
	CHECK_ERR(syscall(0x7fffffff), ENOSYS);
}

static long ioprio_set(int which, int who, int value)
{
	return syscall(SYS_ioprio_set, which, who, value);
}

TEST(io_priority_is_kept_and_inherited)
{
	enum { PROCESS = 1, BEST_EFFORT = 2 << 13, IDLE = 3 << 13 };
	int status;
	CHECK(ioprio_set(PROCESS, 0, BEST_EFFORT | 6) == 0);
	pid_t child = fork();
	if (child == 0)
		_exit(syscall(SYS_ioprio_get, PROCESS, 0) != (BEST_EFFORT | 6));
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(ioprio_set(PROCESS, getpid(), IDLE) == 0);
	CHECK_EQ(syscall(SYS_ioprio_get, PROCESS, getpid()), IDLE);
	CHECK_ERR(ioprio_set(PROCESS, 0, 1), EINVAL);
	CHECK_ERR(ioprio_set(PROCESS, 0, 4 << 13), EINVAL);
	CHECK_ERR(ioprio_set(9, 0, IDLE), EINVAL);
	CHECK_ERR(syscall(SYS_ioprio_get, PROCESS, child), ESRCH);
}

TEST(timer_slack_of_the_child_is_its_default)
{
	int status;
	CHECK(prctl(PR_SET_TIMERSLACK, 70000, 0, 0, 0) == 0);
	pid_t child = fork();
	if (child == 0) {
		bool ok = prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0) == 0 &&
			  prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 1 &&
			  prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0) == 0 &&
			  prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 70000;
		_exit(!ok);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

TEST(kernel_log_can_be_read)
{
	enum { READ_ALL = 3, CONSOLE_LEVEL = 8, SIZE = 10 };
	char text[4096];
	CHECK(syscall(SYS_syslog, SIZE, NULL, 0) > 0);
	CHECK(syscall(SYS_syslog, READ_ALL, text, sizeof(text)) > 0);
	CHECK_ERR(syscall(SYS_syslog, READ_ALL, text, -1), EINVAL);
	CHECK_ERR(syscall(SYS_syslog, READ_ALL, NULL, 10), EINVAL);
	CHECK_ERR(syscall(SYS_syslog, CONSOLE_LEVEL, NULL, 9), EINVAL);
	CHECK_ERR(syscall(SYS_syslog, 100, NULL, 0), EINVAL);
}

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

static void note(int signal)
{
	(void)signal;
}

/* Another process with the same handlers: changes them all the time, and leaves the signal ignored. */
static int change_handlers(void *rounds)
{
	struct sigaction action = {.sa_handler = note};
	for (int i = 0; i < *(int *)rounds; i++) {
		action.sa_flags = i & 1 ? SA_RESTART : SA_NODEFER;
		if (sigaction(SIGUSR1, &action, NULL))
			return 1;
	}
	action.sa_handler = SIG_IGN;
	return sigaction(SIGUSR1, &action, NULL) != 0;
}

TEST(processes_share_handlers)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int rounds = 20000;
	struct sigaction action = {.sa_handler = note};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	pid_t pid = clone(
	    change_handlers, stack + sizeof(stack), CLONE_VM | CLONE_SIGHAND | SIGCHLD, &rounds);
	CHECK(pid > 0);
	for (int i = 0; i < 2000; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(ended(pid), 0);
	CHECK_OK(sigaction(SIGUSR1, NULL, &action));
	CHECK(action.sa_handler == SIG_IGN);
}

TEST(a_zombie_keeps_its_name)
{
	char path[64], text[256];
	siginfo_t info;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, "once I was", 0, 0, 0);
		_exit(0);
	}
	CHECK(child > 0 && waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	CHECK(len > 0);
	text[len] = 0;
	CHECK(strstr(text, " (once I was) Z "));
	CHECK(waitpid(child, NULL, 0) == child);
}
