/*
 * Tests and benchmarks that run inside the kernel, in QEMU, on request (`selftest=PATTERN` or `bench=PATTERN` on the command line,
 * `selftest` at the monitor). They lie in a section of the image, so adding one is writing it.
 *
 *     SELFTEST(buddy_survives_random_traffic) { ... CHECK_EQ(...); }
 *     BENCH(slab_alloc_free, 40, "slab alloc + free, magazine hit") { for each of `rounds` do it once }
 *
 * The harness runs each in a thread of its own with a deadline, and checks afterwards that no page, object, thread or
 * timer was leaked.
 */
#pragma once

#include <lib/types.h>

struct selftest {
	const char *name;
	void (*run)(void);
	uint32_t timeout_s;
};

/* Ends the thread of the test. */
NORETURN void selftest_fail(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);
/* The machine lacks what the test needs (a second CPU, a second node): counted apart, never as passed. */
NORETURN void selftest_skip(const char *reason);
/* A line of the test's own, such as a figure. */
void selftest_note(const char *format, ...) PRINTF_LIKE(1, 2);
/* Longer in a long run: multiplies a test's rounds by `selftest_scale` (command line, default 1). */
uint64_t selftest_rounds(uint64_t rounds);
/* Seeds by the command line or the TSC, and prints the seed when the test fails. */
uint64_t selftest_seed(void);

/* ALIGNED(8), or the compiler aligns to 16 or 32 what is larger, and the table has holes where two files meet. */
/* Runs fn(arg) in a thread on each online CPU at the same time, and waits for all of them. */
void selftest_on_all_cpus(void (*fn)(void *arg), void *arg);

#define SELFTEST_TIMEOUT(test_name, seconds)                                                       \
	static void selftest_##test_name(void);                                                    \
	SECTION(".selftests")                                                                      \
	USED ALIGNED(8) static const struct selftest selftest_entry_##test_name = {                \
	    .name = #test_name, .run = selftest_##test_name, .timeout_s = (seconds)};              \
	static void selftest_##test_name(void)
#define SELFTEST(test_name) SELFTEST_TIMEOUT(test_name, 60)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			selftest_fail(__FILE__, __LINE__, "%s", #cond);                            \
	} while (0)

#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		__typeof__(actual) check_actual_ = (actual);                                       \
		__typeof__(actual) check_expected_ = (__typeof__(actual))(expected);               \
		if (unlikely(check_actual_ != check_expected_))                                    \
			selftest_fail(__FILE__, __LINE__, "%s is %lld, not %s = %lld", #actual,    \
			    (long long)check_actual_, #expected, (long long)check_expected_);      \
	} while (0)

struct bench {
	const char *name;
	uint32_t goal; /* instructions per operation under -icount; 0: none stated */
	const char *what;
	void (*run)(uint64_t rounds);
};

/* The harness calls run(rounds) several times and prints the minimum per round, loop included:
 *     bench NAME VALUE GOAL what
 */
#define BENCH(bench_name, goal_, what_)                                                            \
	static void bench_##bench_name(uint64_t rounds);                                           \
	SECTION(".benches")                                                                        \
	USED ALIGNED(8) static const struct bench bench_entry_##bench_name = {                     \
	    .name = #bench_name, .goal = (goal_), .what = (what_), .run = bench_##bench_name};     \
	static void bench_##bench_name(uint64_t rounds)

/*
 * Running them: for the boot and the monitor. Context: thread, may sleep; one at a time.
 */

/* Those whose name matches the pattern ('*' and '?'). Prints a line for each, and the sum. False when one failed. */
bool selftest_run(const char *pattern);
void bench_run(const char *pattern);
/* What the command line asks for: selftest[=PATTERN], bench[=PATTERN]. If it does, ends with the machine off, or with QEMU's
 * end when there is exit_port=PORT. */
void selftest_run_from_cmdline(void);
/* The names of all tests, and of all benchmarks. */
void selftest_list(void);
void bench_list(void);

/* Figures of the boot, which only the boot can take; printed with the benchmarks. */
struct bench_boot {
	uint64_t
	    first_thread_ticks; /* TSC ticks from the first instruction to the first kernel thread */
	uint64_t first_thread_us; /* the same, as time */
	uint64_t memory_kib;      /* used by the kernel then, its image included */
};
extern struct bench_boot bench_boot;
