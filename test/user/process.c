/* Processes: fork and vfork, groups and sessions, limits, and what else a process has of its own. */
#include "check.h"

#include <grp.h>
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
