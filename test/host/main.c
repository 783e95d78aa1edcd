/*
 * The main program of every host test. Each test runs in a forked child with a time limit, so that a crash, a leak or a
 * hang is one failure and leaves the next test a clean process.
 *
 *     prog              all tests of the file
 *     prog PATTERN      those whose name contains PATTERN
 *     TEST_SECONDS=N    the limit for one test (default 300)
 *
 * The child tells its end by its exit status. It leaves through exit() when all went well, so that LeakSanitizer has its
 * say, and through _exit() otherwise. Only dprintf speaks here: lib/ brings its own snprintf, which may be what is tested.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <test/test.h>
#include <unistd.h>

#include "panic_hook.h"

enum { STATUS_FAILED = 101, STATUS_PANICKED = 102 };

static struct test *first_test, **last_link = &first_test;
static const char *running_test = "?";

/* Sanitizers ask for these when they start. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=1:allocator_may_return_null=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

void test_register(struct test *test)
{
	*last_link = test;
	last_link = &test->next;
}

void test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	dprintf(1, "FAIL %s: %s:%d: ", running_test, file, line);
	vdprintf(1, format, args);
	dprintf(1, "\n");
	va_end(args);
	_exit(STATUS_FAILED);
}

PRINTF_LIKE(1, 0) static void fail_on_panic(const char *format, va_list args)
{
	dprintf(1, "FAIL %s: panic: ", running_test);
	vdprintf(1, format, args);
	dprintf(1, "\n");
	_exit(STATUS_FAILED);
}

PRINTF_LIKE(1, 0) static void expect_panic(const char *format, va_list args)
{
	(void)format, (void)args;
	_exit(STATUS_PANICKED);
}

/* A child panics in our place: locks it held and lists it left half linked die with it. */
bool test_panics(void (*fn)(void *arg), void *arg)
{
	pid_t child = fork();
	if (child < 0)
		test_fail(__FILE__, __LINE__, "fork: error %d", errno);
	if (child == 0) {
		panic_hook = expect_panic;
		fn(arg);
		_exit(0);
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			test_fail(__FILE__, __LINE__, "waitpid: error %d", errno);
	if (!WIFEXITED(status))
		test_fail(
		    __FILE__, __LINE__, "died of signal %d instead of a panic", WTERMSIG(status));
	if (WEXITSTATUS(status) == STATUS_FAILED)
		_exit(STATUS_FAILED);
	if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != STATUS_PANICKED)
		test_fail(
		    __FILE__, __LINE__, "exit status %d instead of a panic", WEXITSTATUS(status));
	return WEXITSTATUS(status) == STATUS_PANICKED;
}

static void run_in_child(struct test *test)
{
	setpgid(0, 0); /* so that the time limit reaches the test's own children */
	running_test = test->name;
	panic_hook = fail_on_panic;
	test->run();
	exit(0);
}

/* Waits until the child ends; false: the time is over. */
static bool wait_with_limit(pid_t child, int limit_s, int *status)
{
	int fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd ends = {.fd = fd, .events = POLLIN};
	int ready;
	while ((ready = poll(&ends, 1, limit_s * 1000)) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		close(fd);
	if (ready == 0)
		kill(-child, SIGKILL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
	kill(-child, SIGKILL); /* what the test may have left behind */
	return ready != 0;
}

static bool run_test(struct test *test, int limit_s)
{
	pid_t child = fork();
	if (child < 0) {
		dprintf(1, "FAIL %s: fork: error %d\n", test->name, errno);
		return false;
	}
	if (child == 0)
		run_in_child(test);
	setpgid(child, child);

	int status = 0;
	if (!wait_with_limit(child, limit_s, &status)) {
		dprintf(1, "FAIL %s: not done after %d s\n", test->name, limit_s);
		return false;
	}
	if (WIFSIGNALED(status)) {
		dprintf(1, "FAIL %s: died of signal %d\n", test->name, WTERMSIG(status));
		return false;
	}
	switch (WEXITSTATUS(status)) {
	case 0: dprintf(1, "ok %s\n", test->name); return true;
	case STATUS_FAILED: return false; /* it has said why */
	default:
		dprintf(1, "FAIL %s: exit status %d, a sanitizer's report is above\n", test->name,
		    WEXITSTATUS(status));
		return false;
	}
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : "";
	const char *limit = getenv("TEST_SECONDS");
	int limit_s = limit ? atoi(limit) : 300;
	unsigned passed = 0, failed = 0;

	for (struct test *test = first_test; test; test = test->next) {
		if (!__builtin_strstr(test->name, pattern))
			continue;
		if (run_test(test, limit_s))
			passed++;
		else
			failed++;
	}
	dprintf(1, "%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
