/* cpus, irq and clocks. */
#include "command.h"

#include <arch/cpu.h>
#include <boot/boot_info.h>
#include <irq/irq.h>
#include <log/log.h>
#include <mm/page_alloc.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <time/date.h>
#include <time/timer.h>
#include <x86/cpuid.h>

static void print_cpu(unsigned cpu, uint64_t ticks_since_boot)
{
	struct sched_stats sched;
	struct timer_stats timers;
	sched_stats_of_cpu(cpu, &sched);
	timer_stats(cpu, &timers);
	uint64_t idle = min(sched.idle_ticks * 1000 / ticks_since_boot, 1000ul);
	console_printf(
	    "%3u  %4u  %3lu.%lu%%  %9lu  %9lu  %6lu  %6lu  %2u/%2u/%2u/%2u  %6lu  %8lu\n", cpu,
	    node_of_cpu(cpu), idle / 10, idle % 10, sched.switches, sched.wakeups,
	    sched.preemptions, sched.steals, sched.queued_rt, sched.queued[QUEUE_HOT],
	    sched.queued[QUEUE_NORMAL], sched.queued[QUEUE_COLD], timers.armed, timers.fired);
}

void command_cpus(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	char features[300];
	cpu_features_list(features, sizeof(features));
	console_printf("%s (%s)\n%s\n", cpu_features.model, cpu_features.vendor, features);
	console_printf(
	    "CPU  node    idle   switches   wake-ups  preempt  steals  rt/ho/no/co  timers     fired\n");
	uint64_t ticks = max(cpu_timestamp() - boot_info.entry_tsc, 1ul);
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		print_cpu(cpu, ticks);
}

static void print_vector(const struct irq_stats *stats, void *ctx)
{
	(void)ctx;
	console_printf(
	    "   %#04x  %3u  %10lu  %s\n", stats->vector, stats->cpu, stats->count, stats->name);
}

void command_irq(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	console_printf(" vector  CPU       count  name\n");
	irq_for_each_stats(print_vector, NULL);
}

void command_clocks(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	nsec_t now = uptime_ns();
	console_printf(
	    "uptime     %llu.%03llu s\n", now / NSEC_PER_SEC, now % NSEC_PER_SEC / NSEC_PER_MSEC);
	struct date date = date_from_unix(unix_timestamp());
	console_printf("UTC        %04d-%02d-%02d %02d:%02d:%02d\n", date.year, date.month,
	    date.day, date.hour, date.minute, date.second);
	console_printf("source     %s\n", clock_source_name());
	console_printf("TSC        %lu Hz by %s, %sinvariant\n", tsc_frequency_hz(),
	    clock_calibration_name(), cpu_features.invariant_tsc ? "" : "not ");
	nsec_t next = timer_next_deadline();
	if (next != NSEC_MAX)
		console_printf("timers     the next of this CPU in %lld us\n",
		    (long long)(next - uptime_ns()) / (long long)NSEC_PER_USEC);
}
