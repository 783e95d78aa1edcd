/*
 * Runs self-tests, one after another, each in a thread of its own.
 *
 * The runner sleeps until the test's thread ends or its time is over. A thread cannot be killed, so a test that hangs
 * ends the run, after a backtrace of every thread. Should even the runner not get a CPU any more, a timer panics.
 */
#include "selftest_impl.h"

#include <acpi/power.h>
#include <boot/boot_info.h>
#include <debug/backtrace.h>
#include <debug/panic.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <wait/wait_queue.h>

extern const struct selftest __selftests_start[], __selftests_end[];

/* How much later than the test's time the watchdog bites. */
#define WATCHDOG_GRACE_NS (5 * NSEC_PER_SEC)

enum outcome { OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_SKIPPED };

/* The test that runs; there is one at a time. Letters: I while it runs, a atomic, t its own thread. */
static struct {
	const struct selftest *test; /* I */
	struct thread *thread;       /* a */
	uint32_t outcome;            /* a: enum outcome */
	bool is_done;                /* a */
	uint64_t seed;               /* a; 0: not asked for */
} running;

static struct wait_queue test_done = WAIT_QUEUE_INIT(test_done);

static void test_ended(void)
{
	atomic_store_release(&running.is_done, true);
	wait_wake_all(&test_done);
}

static void run_test(void *arg)
{
	(void)arg;
	atomic_store(&running.thread, current_thread());
	running.test->run();
	test_ended();
}

void selftest_fail(const char *file, int line, const char *format, ...)
{
	char text[160];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Benchmarks check too, and then there is no test whose failure it could be. */
	if (!running.test)
		panic("%s:%d: %s", file, line, text);

	console_printf("FAIL %s: %s:%d: %s\n", running.test->name, file, line, text);
	uint64_t seed = atomic_load(&running.seed);
	if (seed)
		console_printf(
		    "     %s: repeat with selftest_seed=%lu\n", running.test->name, seed);
	atomic_store(&running.outcome, OUTCOME_FAILED);
	/* A helper's failure is the test's, but the test's own thread must still end. */
	if (current_thread() == atomic_load(&running.thread))
		test_ended();
	thread_exit(1);
}

void selftest_skip(const char *reason)
{
	console_printf("skip %s: %s\n", running.test->name, reason);
	uint32_t passed = OUTCOME_PASSED;
	atomic_cas(&running.outcome, &passed, OUTCOME_SKIPPED);
	test_ended();
	thread_exit(0);
}

void selftest_note(const char *format, ...)
{
	char text[160];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	console_printf("     %s: %s\n", running.test ? running.test->name : "bench", text);
}

uint64_t selftest_rounds(uint64_t rounds)
{
	return rounds * cmdline_get_size(boot_info.cmdline, "selftest_scale", 1);
}

uint64_t selftest_seed(void)
{
	uint64_t seed = cmdline_get_size(boot_info.cmdline, "selftest_seed", 0);
	if (!seed)
		seed = cpu_timestamp() | 1; /* zero means none */
	atomic_store(&running.seed, seed);
	return seed;
}

static void watchdog_bites(struct timer *timer)
{
	(void)timer;
	panic("self-test %s hangs, and so does all else", running.test->name);
}

static void report_hang(void)
{
	console_printf("FAIL %s: not done after %u s; all threads:\n", running.test->name,
	    running.test->timeout_s);
	threads_print_backtraces();
}

/* False when it hangs. */
static bool wait_for_test(void)
{
	static struct timer watchdog;
	nsec_t deadline = uptime_ns() + running.test->timeout_s * NSEC_PER_SEC;
	timer_init(&watchdog, watchdog_bites);
	timer_arm(&watchdog, deadline + WATCHDOG_GRACE_NS);
	int err = wait_until(&test_done, atomic_load_acquire(&running.is_done), deadline);
	timer_cancel_sync(&watchdog);
	return err == 0;
}

static void print_leak(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	console_write(text, len);
}

static void check_leaks(const struct inventory *before)
{
	char leaks[100];
	if (inventory_compare(before, leaks, sizeof(leaks)))
		return;
	console_printf("FAIL %s: leaked%s\n", running.test->name, leaks);
	slab_report_leaks(print_leak, NULL);
	atomic_store(&running.outcome, OUTCOME_FAILED);
}

/* False when the run cannot go on. */
static bool run_one(const struct selftest *test)
{
	struct inventory before;
	inventory_take(&before);
	slab_leak_mark();
	running.test = test;
	running.seed = 0;
	atomic_store(&running.outcome, OUTCOME_PASSED);
	atomic_store(&running.is_done, false);
	nsec_t start = uptime_ns();

	struct thread *thread = thread_create(test->name, run_test, NULL);
	if (!thread) {
		console_printf("FAIL %s: no memory for its thread\n", test->name);
		running.outcome = OUTCOME_FAILED;
		return true;
	}
	thread_start(thread);
	if (!wait_for_test()) {
		report_hang();
		running.outcome = OUTCOME_FAILED;
		return false;
	}
	thread_join(thread);
	thread_put(thread);
	nsec_t duration = uptime_ns() - start;
	alloc_fail_after(0);
	check_leaks(&before);
	if (running.outcome == OUTCOME_PASSED)
		console_printf("ok %s (%llu ms)\n", test->name, duration / NSEC_PER_MSEC);
	return true;
}

bool selftest_run(const char *pattern)
{
	unsigned count[3] = {0};
	bool go_on = true;
	for (const struct selftest *test = __selftests_start; test < __selftests_end && go_on;
	     test++) {
		if (!str_matches(pattern, test->name))
			continue;
		go_on = run_one(test);
		count[running.outcome]++;
	}
	running.test = NULL;
	console_printf("selftest: %u passed, %u failed, %u skipped\n", count[OUTCOME_PASSED],
	    count[OUTCOME_FAILED], count[OUTCOME_SKIPPED]);
	return count[OUTCOME_FAILED] == 0;
}

void selftest_list(void)
{
	for (const struct selftest *test = __selftests_start; test < __selftests_end; test++)
		console_printf("%s\n", test->name);
}

/* False when the word is not on the command line. A bare word means all. */
static bool get_pattern(const char *name, char *pattern, size_t size)
{
	if (cmdline_get(boot_info.cmdline, name, pattern, size) <= 0)
		return false;
	if (!pattern[0])
		str_copy(pattern, size, "*");
	return true;
}

void selftest_run_from_cmdline(void)
{
	char pattern[64];
	bool passed = true, ran = false;
	if (get_pattern("selftest", pattern, sizeof(pattern))) {
		passed = selftest_run(pattern);
		ran = true;
	}
	if (get_pattern("bench", pattern, sizeof(pattern))) {
		bench_run(pattern);
		ran = true;
	}
	if (!ran)
		return;
	exit_to_host(passed ? EXIT_PASSED : EXIT_FAILED);
	machine_power_off();
}
