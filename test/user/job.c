/* Processes: fork, wait in its forms, stop and continue, groups and sessions, orphans. */
#include "check.h"

#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <time.h>

static pid_t spawn_sleeper(void)
{
	pid_t pid = fork();
	if (!pid)
		for (;;)
			pause();
	CHECK(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

TEST(exit_status)
{
	int status;
	for (int code = 0; code < 300; code += 37) {
		pid_t pid = fork();
		if (!pid)
			_exit(code);
		CHECK(wait(&status) == pid && WIFEXITED(status) &&
		      WEXITSTATUS(status) == (code & 0xff));
	}
	CHECK_ERR(wait(&status), ECHILD);
	CHECK_ERR(waitpid(getpid(), &status, 0), ECHILD);
	CHECK_ERR(waitpid(-1, &status, 0x1000), EINVAL);
	CHECK_ERR(syscall(SYS_wait4, (int)0x80000000, NULL, 0, NULL), ESRCH);
}

TEST(wait_forms)
{
	int status;
	siginfo_t info;
	pid_t pid = spawn_sleeper();
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	memset(&info, 1, sizeof(info));
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0 &&
	      info.si_signo == 0);
	CHECK_ERR(waitid(P_PID, (id_t)pid, &info, WNOHANG), EINVAL);
	CHECK_ERR(waitid(77, 1, &info, WEXITED), EINVAL);
	CHECK_ERR(waitid(P_PID, 0, &info, WEXITED), EINVAL);
	kill(pid, SIGTERM);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK(info.si_signo == SIGCHLD && info.si_code == CLD_KILLED && info.si_status == SIGTERM &&
	      info.si_pid == pid);
	struct rusage usage;
	CHECK(wait4(-getpgrp(), &status, 0, &usage) == pid && WTERMSIG(status) == SIGTERM);
	CHECK_ERR(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
}

static volatile sig_atomic_t children, child_code, child_status;
static void child_changed(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	children++;
	child_code = info->si_code;
	child_status = info->si_status;
}

TEST(stop_and_continue)
{
	struct sigaction action = {
	    .sa_sigaction = child_changed, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigaction(SIGCHLD, &action, NULL);
	int status;
	siginfo_t info;
	pid_t pid = spawn_sleeper();
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
	      WSTOPSIG(status) == SIGSTOP);
	/* On Linux the signal may come a little later than what waitpid tells. */
	for (int i = 0; i < 5000 && !children; i++)
		usleep(1000);
	CHECK(children == 1 && child_code == CLD_STOPPED && child_status == SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0); /* told once */
	/* A signal does not wake it, except the two that do. */
	kill(pid, SIGTERM);
	usleep(20000);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	end(pid);

	pid = spawn_sleeper();
	kill(pid, SIGSTOP);
	CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED &&
	      info.si_status == SIGSTOP);
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	CHECK(waitpid(pid, &status, WCONTINUED | WNOHANG) == 0);
	end(pid);

	action.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &action, NULL);
	pid = spawn_sleeper();
	children = 0;
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && children == 0);
	end(pid);
}

TEST(children_nobody_wants)
{
	int status;
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = fork();
	if (!pid)
		_exit(3);
	CHECK_ERR(waitpid(pid, &status, 0), ECHILD);
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	sigaction(SIGCHLD, &action, NULL);
	pid = fork();
	if (!pid)
		_exit(3);
	CHECK_ERR(waitpid(pid, &status, 0), ECHILD);
}

TEST(groups)
{
	pid_t pid = spawn_sleeper();
	CHECK(getpgid(pid) == getpgrp());
	CHECK(setpgid(pid, pid) == 0 && getpgid(pid) == pid);
	CHECK(setpgid(pid, getpgrp()) == 0 && setpgid(pid, 0) == 0 && getpgid(pid) == pid);
	CHECK(kill(-pid, 0) == 0);
	CHECK_ERR(kill(-0x7ffffff0, 0), ESRCH);
	CHECK_ERR(setpgid(pid, -1), EINVAL);
	CHECK_ERR(setpgid(0x7ffffff0, 0), ESRCH);
	CHECK_ERR(getpgid(0x7ffffff0), ESRCH);
	CHECK_ERR(setpgid(pid, 0x7ffffff0), EPERM);
	int status;
	CHECK(kill(-pid, SIGTERM) == 0 && waitpid(-pid, &status, 0) == pid);
	CHECK_ERR(kill(-pid, 0), ESRCH);
}

TEST(sessions)
{
	pid_t pid = fork();
	if (!pid) {
		pid_t self = getpid();
		if (setsid() != self || getsid(0) != self || getpgrp() != self)
			_exit(1);
		errno = 0;
		if (setsid() != -1 || errno != EPERM)
			_exit(2);
		errno = 0;
		_exit(setpgid(0, 0) == -1 && errno == EPERM ? 0 : 3);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(orphan_is_adopted)
{
	int fds[2];
	CHECK(pipe(fds) == 0);
	pid_t pid = fork();
	if (!pid) {
		pid_t middle = getpid();
		if (!fork()) {
			while (getppid() == middle)
				usleep(1000);
			pid_t parent = getppid();
			_exit(write(fds[1], &parent, sizeof(parent)) != sizeof(parent));
		}
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	pid_t parent = 0;
	CHECK(
	    read(fds[0], &parent, sizeof(parent)) == sizeof(parent) && parent != pid && parent > 0);
}

/* A stopped member of a group that becomes orphaned gets SIGHUP and SIGCONT. */
TEST(orphaned_group)
{
	int fds[2];
	CHECK(pipe(fds) == 0);
	pid_t leader = fork();
	if (!leader) {
		setsid();
		pid_t middle = fork();
		if (!middle) {
			pid_t member = fork();
			if (!member) {
				setpgid(0, 0);
				raise(SIGSTOP);
				_exit(0); /* unless SIGHUP comes first */
			}
			int status;
			setpgid(member, member);
			waitpid(member, &status, WUNTRACED);
			if (write(fds[1], &member, sizeof(member)) < 0)
				_exit(1);
			_exit(0);
		}
		waitpid(middle, NULL, 0);
		_exit(0);
	}
	pid_t member;
	CHECK(read(fds[0], &member, sizeof(member)) == sizeof(member));
	CHECK(waitpid(leader, NULL, 0) == leader);
	for (int i = 0; i < 200 && kill(member, 0) == 0; i++)
		usleep(10000);
	/* Either gone, or a zombie of whoever adopted it. */
	close(fds[1]);
	char byte;
	CHECK(read(fds[0], &byte, 1) == 0);
}

/* However many groups there are, and members in one: all end, which closes the pipe. */
TEST(many_orphaned_groups)
{
	int fds[2];
	CHECK(pipe(fds) == 0);
	pid_t leader = fork();
	if (!leader) {
		pid_t session = setsid(), middle = fork();
		if (!middle) {
			pid_t together = 0;
			for (int i = 0; i < 24; i++) {
				pid_t member = fork();
				if (!member) {
					while (getpgrp() == session)
						usleep(1000);
					raise(SIGSTOP);
					_exit(0);
				}
				setpgid(member, i % 2 ? together : member);
				if (!together)
					together = member;
				if (waitpid(member, NULL, WUNTRACED) != member)
					_exit(1);
			}
			_exit(0);
		}
		_exit(ended(middle));
	}
	close(fds[1]);
	CHECK_EQ(ended(leader), 0);
	char byte;
	CHECK(read(fds[0], &byte, 1) == 0);
}

static int shared_value;
TEST(vfork_shares)
{
	volatile int *value = &shared_value;
	pid_t pid = vfork();
	if (!pid) {
		*value = 42;
		_exit(0);
	}
	CHECK(*value == 42);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

TEST(clone_arguments)
{
	CHECK_ERR(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, NULL, 8), EINVAL);
	uint64_t args[11] = {0};
	CHECK_ERR(syscall(SYS_clone3, (void *)8, sizeof(args)), EFAULT);
	args[0] = 1; /* exit signals do not belong into the flags */
	CHECK_ERR(syscall(SYS_clone3, args, sizeof(args)), EINVAL);
	args[0] = 0;
	args[5] = 4096; /* a stack without a size */
	CHECK_ERR(syscall(SYS_clone3, args, sizeof(args)), EINVAL);
	args[5] = 0;
	args[4] = SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone3, args, 64);
	if (!pid)
		_exit(7);
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	pid_t parent_tid = 0;
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &parent_tid, 0, 0);
	if (!pid)
		_exit(0);
	CHECK(parent_tid == pid && waitpid(pid, NULL, 0) == pid);
	/* A child that ends silently is seen only by those who ask for such. */
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (!pid)
		_exit(0);
	CHECK_ERR(waitpid(pid, NULL, 0), ECHILD);
	CHECK(waitpid(pid, NULL, __WALL) == pid);
}

TEST(memory_is_copied)
{
	char *pages =
	    mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(pages, 1, 1 << 20);
	pid_t pid = fork();
	if (!pid) {
		memset(pages, 2, 1 << 20);
		*shared = 5;
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	for (int i = 0; i < 1 << 20; i += 4096)
		CHECK(pages[i] == 1);
	CHECK(*shared == 5);
}

TEST(times_of_children_are_counted)
{
	struct tms start, end;
	struct rusage usage;
	CHECK(times(&start) != -1);
	pid_t pid = fork();
	struct timespec now;
	if (!pid) {
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		while (now.tv_nsec < 60000000 && now.tv_sec == 0);
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	times(&end);
	CHECK(end.tms_cutime + end.tms_cstime - start.tms_cutime - start.tms_cstime >= 4);
	CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
	CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 50000 || usage.ru_utime.tv_sec);
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	CHECK_ERR(getrusage(77, &usage), EINVAL);
}

static volatile sig_atomic_t told;

static void note_told(int signal)
{
	(void)signal;
	told = 1;
}

/* Says when it is about to fork; 0 when it and its child have both been told, or had been before. */
static int fork_and_wait_to_be_told(int ready)
{
	signal(SIGUSR1, note_told);
	CHECK_EQ(write(ready, "", 1), 1);
	/* Not libc's, which blocks signals before it: what comes then waits for this process alone. */
	pid_t child = (pid_t)syscall(SYS_fork);
	CHECK(child >= 0);
	for (int i = 0; i < 3000 && !told; i++)
		sleep_ms(1);
	if (child == 0)
		_exit(!told);
	return ended(child) || !told;
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Who sends to a group reaches all of it: also the child that a member is about to have. */
TEST(a_group_is_told_with_those_who_are_being_born)
{
	size_t size = 4 << 20; /* so that a fork lasts */
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	int64_t begin = now_us();
	pid_t pid = forked();
	if (pid == 0)
		_exit(0);
	int64_t lasts = now_us() - begin;
	CHECK_EQ(ended(pid), 0);
	for (int round = 0; round < 100; round++) {
		int ready[2];
		char c;
		CHECK_OK(pipe(ready));
		pid = forked();
		if (pid == 0) {
			CHECK_OK(setpgid(0, 0));
			_exit(fork_and_wait_to_be_told(ready[1]));
		}
		CHECK_EQ(read(ready[0], &c, 1), 1);
		for (begin = now_us(); now_us() < begin + lasts * round / 80;)
			;
		CHECK_OK(kill(-pid, SIGUSR1));
		CHECK_EQ(ended(pid), 0);
		close(ready[0]);
		close(ready[1]);
	}
}

TEST(fork_storm)
{
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 10; i++) {
			pid_t pid = fork();
			if (!pid)
				_exit(i);
			CHECK(pid > 0);
		}
		int sum = 0, status;
		while (wait(&status) > 0)
			sum += WEXITSTATUS(status);
		CHECK(sum == 45);
	}
}
