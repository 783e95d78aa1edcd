/* The end of processes, and waiting for it: statuses, zombies, orphans, stops that are told. */
#include "check.h"

#include <sys/prctl.h>

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

/* The ends of others, just when it looks, make it miss nothing. */
TEST(one_child_is_waited_for_while_others_end)
{
	enum { CHILDREN = 24 };
	for (int64_t end = now_ms() + 500; now_ms() < end;) {
		pid_t pids[CHILDREN];
		for (int i = 0; i < CHILDREN; i++)
			if (!(pids[i] = forked()))
				_exit(i);
		for (int i = CHILDREN - 1; i >= 0; i--)
			CHECK_EQ(ended(pids[i]), i);
	}
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
