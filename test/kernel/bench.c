/*
 * Benchmarks: the minimum over several repetitions of the TSC ticks per round. Under QEMU's -icount shift=0 a tick is an
 * instruction, and the figure is the same whatever else the machine does.
 */
#include "selftest_impl.h"

#include <arch/cpu.h>
#include <lib/string.h>
#include <log/log.h>
#include <sched/thread.h>

extern const struct bench __benches_start[], __benches_end[];

#define WARM_UP_ROUNDS       16
#define REPETITIONS          7
#define TICKS_PER_REPETITION 4000000u
#define ROUNDS_MAX           20000u

struct bench_boot bench_boot;

static uint64_t measure(const struct bench *bench, uint64_t rounds)
{
	uint64_t start = cpu_timestamp();
	bench->run(rounds);
	return cpu_timestamp() - start;
}

/* The value with two decimals, without floating point. */
static void print_figure(const char *name, uint64_t hundredths, uint64_t goal, const char *what)
{
	console_printf(
	    "bench %s %lu.%02lu %lu %s\n", name, hundredths / 100, hundredths % 100, goal, what);
}

static void run_bench(void *arg)
{
	const struct bench *bench = arg;
	/* The first rounds fill caches, and tell how many rounds make a repetition of a bearable length. */
	measure(bench, WARM_UP_ROUNDS);
	uint64_t per_round = max(measure(bench, WARM_UP_ROUNDS) / WARM_UP_ROUNDS, 1ul);
	uint64_t rounds = max(
	    min(TICKS_PER_REPETITION / per_round, (uint64_t)ROUNDS_MAX), (uint64_t)WARM_UP_ROUNDS);

	uint64_t best = UINT64_MAX;
	for (unsigned i = 0; i < REPETITIONS; i++)
		best = min(best, measure(bench, rounds));
	print_figure(bench->name, best * 100 / rounds, bench->goal, bench->what);
}

static void print_boot_figures(const char *pattern)
{
	if (str_matches(pattern, "boot_to_first_thread"))
		print_figure("boot_to_first_thread", bench_boot.first_thread_ticks * 100, 3000000,
		    "ticks from the first instruction to the first thread");
	if (str_matches(pattern, "boot_time_us"))
		print_figure("boot_time_us", bench_boot.first_thread_us * 100, 20000,
		    "the same in microseconds");
	if (str_matches(pattern, "kernel_memory_kib"))
		print_figure("kernel_memory_kib", bench_boot.memory_kib * 100, 4096,
		    "memory used by the kernel at that moment");
}

void bench_run(const char *pattern)
{
	print_boot_figures(pattern);
	for (const struct bench *bench = __benches_start; bench < __benches_end; bench++) {
		if (!str_matches(pattern, bench->name))
			continue;
		struct thread *thread =
		    thread_create(bench->name, run_bench, (void *)(uintptr_t)bench);
		if (!thread) {
			console_printf("bench %s: no memory for its thread\n", bench->name);
			continue;
		}
		thread_start(thread);
		thread_join(thread);
		thread_put(thread);
	}
	console_printf("bench: done\n");
}

void bench_list(void)
{
	for (const struct bench *bench = __benches_start; bench < __benches_end; bench++)
		console_printf("%s (%s)\n", bench->name, bench->what);
}
