/*
 * Tests of system calls: plain Linux programs, which pass on Linux first and then, the same binary, on Exo-OS.
 *
 *     TEST(a_name_that_says_what_holds) { int fd = open(…); CHECK(fd >= 0); CHECK_ERR(close(99), EBADF); }
 *
 * Each case runs in a process of its own, in an empty folder, for at most CASE_SECONDS. It prints "ok NAME", "skip NAME: …" (the kernel
 * answers ENOSYS to a call that the case is about) or "FAIL NAME: …". `PROGRAM [-n] [WORD]` runs the cases whose names contain WORD; -n: lists.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS 120 /* a busy host may need most of them */
#define CASE_SKIPPED 77
#define SLOW_MS      1000 /* from here on it is told: every case runs on eight machines */

struct check_case {
	const char *name;
	void (*run)(void);
	struct check_case *next;
};
static struct check_case *check_first, **check_last = &check_first;

#define TEST(case_name)                                                                            \
	static void case_name(void);                                                               \
	static struct check_case check_##case_name = {#case_name, case_name, NULL};                \
	__attribute__((constructor)) static void check_add_##case_name(void)                       \
	{                                                                                          \
		*check_last = &check_##case_name;                                                  \
		check_last = &check_##case_name.next;                                              \
	}                                                                                          \
	static void case_name(void)

/* Ends the case, from any process of it. */
#define FAIL(...)                                                                                  \
	do {                                                                                       \
		int check_errno = errno;                                                           \
		char check_text[300];                                                              \
		int check_len =                                                                    \
		    snprintf(check_text, sizeof(check_text), "    line %d: ", __LINE__);           \
		check_len += snprintf(                                                             \
		    check_text + check_len, sizeof(check_text) - (size_t)check_len, __VA_ARGS__);  \
		if (check_len > 250)                                                               \
			check_len = 250;                                                           \
		check_len += snprintf(check_text + check_len,                                      \
		    sizeof(check_text) - (size_t)check_len, " (errno %d)\n", check_errno);         \
		if (write(1, check_text, (size_t)check_len) < 0)                                   \
			_exit(2);                                                                  \
		_exit(1);                                                                          \
	} while (0)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			FAIL("%s", #condition);                                                    \
	} while (0)

#define CHECK_EQ(left, right)                                                                      \
	do {                                                                                       \
		long long check_l = (long long)(left), check_r = (long long)(right);               \
		if (check_l != check_r)                                                            \
			FAIL("%s is %lld instead of %lld", #left, check_l, check_r);               \
	} while (0)

/* The call fails with this error. */
#define CHECK_ERR(call, error)                                                                     \
	do {                                                                                       \
		errno = 0;                                                                         \
		long long check_r = (long long)(call);                                             \
		if (check_r != -1)                                                                 \
			FAIL("%s gives %lld instead of " #error, #call, check_r);                  \
		if (errno != (error))                                                              \
			FAIL("%s fails otherwise than with " #error, #call);                       \
	} while (0)

/* Skips the case where the kernel does not have the call that it is about, and only then. */
#define NEEDS(call)                                                                                \
	do {                                                                                       \
		errno = 0;                                                                         \
		if ((long long)(call) == -1 && errno == ENOSYS)                                    \
			_exit(CASE_SKIPPED);                                                       \
	} while (0)

#define CHECK_OK(call)                                                                             \
	do {                                                                                       \
		if ((long long)(call) == -1)                                                       \
			FAIL("%s", #call);                                                         \
	} while (0)

/* The status with which a child ends; -1 - N when signal N ended it. */
static inline int ended(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1 - WTERMSIG(status);
}

/* A child; its failed checks fail the case through CHECK_EQ(ended(pid), 0). */
static inline pid_t forked(void)
{
	pid_t pid = fork();
	if (pid < 0)
		FAIL("fork");
	return pid;
}

/* Mounts that nobody else sees; on a machine of our own all are. */
static inline bool may_mount(void)
{
	if (getenv("OWN_MACHINE"))
		return true;
	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static inline int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * A fork bomb burns under `pid`, in a process group of its own; its orphans come to us. After three seconds, in which we take turns of 20 ms, it is
 * ended: how many processes there were in the end.
 */
static inline int put_out_bomb(pid_t pid, int *turns)
{
	setpgid(pid, pid);
	int64_t begin = now_ms();
	for (*turns = 0; now_ms() < begin + 3000; ++*turns)
		sleep_ms(20);
	CHECK_OK(kill(-pid, SIGKILL));
	int status, ends = 0;
	for (; wait(&status) > 0; ends++)
		CHECK_EQ(status, SIGKILL);
	CHECK_EQ(errno, ECHILD);
	return ends;
}

/* The case's process group is ended with it, whatever it left behind. */
static int check_run(const struct check_case *test, const char *folder)
{
	char place[64];
	snprintf(place, sizeof(place), "%s/%s", folder, "case");
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if ((mkdir(place, 0755) && errno != EEXIST) || chdir(place)) {
			printf("    no folder %s\n", place);
			_exit(3);
		}
		umask(022);
		test->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0) {
		printf("FAIL %s: no process (errno %d)\n", test->name, errno);
		return 1;
	}
	int status = 0;
	int64_t begin = now_ms(), limit = begin + CASE_SECONDS * 1000;
	pid_t got;
	long pause_us = 200;
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ms() < limit) {
		nanosleep(&(struct timespec){.tv_nsec = pause_us * 1000}, NULL);
		pause_us = pause_us < 20000 ? pause_us * 2 : pause_us;
	}
	kill(-pid, SIGKILL);
	if (got == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		printf("FAIL %s: not done after %d s\n", test->name, CASE_SECONDS);
		return 1;
	}
	if (got < 0) {
		printf("FAIL %s: waitpid (errno %d)\n", test->name, errno);
		return 1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		int64_t ms = now_ms() - begin;
		printf(ms < SLOW_MS ? "ok %s\n" : "ok %s, %lld ms\n", test->name, (long long)ms);
		return 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == CASE_SKIPPED) {
		printf("skip %s: the kernel has no such call\n", test->name);
		return CASE_SKIPPED;
	}
	if (WIFEXITED(status))
		printf("FAIL %s: status %d\n", test->name, WEXITSTATUS(status));
	else
		printf("FAIL %s: signal %d\n", test->name, WTERMSIG(status));
	return 1;
}

static void check_empty(const char *folder)
{
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", folder, NULL);
		execl("/bin/busybox", "rm", "-rf", folder, NULL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* A program that cases run themselves, as something else, says so here; by then main has not begun. */
__attribute__((weak)) void check_as_program(int argc, char **argv, char **envp);

int main(int argc, char **argv, char **envp)
{
	if (check_as_program)
		check_as_program(argc, argv, envp);
	const char *word = "";
	int passed = 0, failed = 0, skipped = 0;
	for (int i = 1; i < argc; i++)
		word = argv[i];
	char folder[32];
	snprintf(folder, sizeof(folder), "/tmp/check.%d", (int)getpid());
	mkdir(folder, 0755);
	for (struct check_case *test = check_first; test; test = test->next) {
		if (!strstr(test->name, word))
			continue;
		int status = check_run(test, folder);
		char place[64];
		snprintf(place, sizeof(place), "%s/case", folder);
		check_empty(place);
		passed += status == 0;
		skipped += status == CASE_SKIPPED;
		failed += status == 1;
	}
	check_empty(folder);
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	fflush(stdout);
	return failed > 0;
}
