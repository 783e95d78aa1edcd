/* What /proc tells of the machine: processors, memory, load. */
#include "procfs_impl.h"

#include <arch/percpu.h>
#include <boot/boot_info.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <sched/load.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <x86/cpuid.h>

static unsigned online_cpus(void)
{
	return (unsigned)__builtin_popcountll(atomic_load(&cpu_online_mask));
}

int show_cpuinfo(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct cpuid id = cpuid(1, 0);
	uint32_t family = id.eax >> 8 & 15, model = id.eax >> 4 & 15;
	if (family == 15)
		family += id.eax >> 20 & 255;
	if (family >= 6)
		model |= id.eax >> 12 & 0xf0;
	uint64_t khz = tsc_frequency_hz() / 1000;
	char flags[512];
	cpu_features_list(flags, sizeof(flags));
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
		proc_print(text,
		    "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
		    cpu_features.vendor, family, model);
		proc_print(text, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n",
		    cpu_features.model, id.eax & 15, khz / 1000, khz % 1000);
		proc_print(text, "flags\t\t: %s\naddress sizes\t: 48 bits virtual\n\n", flags);
	}
	return 0;
}

int show_meminfo(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct page_stats pages;
	page_stats_total(&pages);
	const uint64_t kib = PAGE_SIZE / KiB;
	proc_print(text,
	    "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n",
	    pages.total * kib, pages.free * kib, pages.free * kib);
	/* There is no disk, so nothing is buffered for one, and no swap. */
	proc_print(text, "Buffers:        %8u kB\nCached:         %8u kB\nSwapCached:     %8u kB\n",
	    0u, 0u, 0u);
	proc_print(text, "SwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0u, 0u);
	return 0;
}

static void show_slab(const struct slab_stats *stats, void *ctx)
{
	uint64_t per_slab = stats->slabs ? stats->objects_total / stats->slabs : 0;
	proc_print(ctx, "%-17s %6lu %6lu %6lu %4lu %4lu : tunables 0 0 0 : slabdata %6lu %6lu 0\n",
	    stats->name, stats->objects_used, stats->objects_total, stats->object_size, per_slab,
	    stats->slab_pages, stats->slabs, stats->slabs);
}

/* Objects that lie in the caches of processors count as free. */
int show_slabs(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> "
			 "<objperslab> <pagesperslab> : tunables <limit> <batchcount> "
			 "<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	slab_for_each_stats(show_slab, text);
	return 0;
}

static uint64_t idle_ns_of(unsigned cpu)
{
	struct sched_stats stats;
	sched_stats_of_cpu(cpu, &stats);
	return tsc_to_ns(stats.idle_ticks);
}

static void show_cpu_times(struct proc_text *text, uint64_t busy_ns, uint64_t idle_ns)
{
	proc_print(text, "%lu 0 0 %lu 0 0 0 0 0 0\n", ticks_of_ns(busy_ns), ticks_of_ns(idle_ns));
}

static uint64_t less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

struct counts {
	unsigned total, running;
};

static void count_thread(struct thread *thread, void *ctx)
{
	struct counts *counts = ctx;
	uint32_t state = atomic_load(&thread->state);
	counts->total++;
	counts->running += !thread->is_idle && (state == THREAD_READY || state == THREAD_RUNNING);
}

/* Busy time is not told apart into user's and system's. */
int show_system_stat(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	uint64_t now = uptime_ns(), idle = 0, switches = 0;
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
		struct sched_stats stats;
		sched_stats_of_cpu(cpu, &stats);
		idle += tsc_to_ns(stats.idle_ticks);
		switches += stats.switches;
	}
	proc_print(text, "cpu  ");
	show_cpu_times(text, less(now * online_cpus(), idle), idle);
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
		proc_print(text, "cpu%u ", cpu);
		show_cpu_times(text, less(now, idle_ns_of(cpu)), idle_ns_of(cpu));
	}
	struct counts counts = {0};
	thread_for_each(count_thread, &counts);
	proc_print(text, "ctxt %lu\nbtime %lu\nprocesses %lu\n", switches,
	    (uint64_t)((uint64_t)unix_timestamp() - now / NSEC_PER_SEC), process_count_made());
	proc_print(text, "procs_running %u\nprocs_blocked 0\n", counts.running);
	return 0;
}

int show_uptime(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	uint64_t now = ticks_of_ns(uptime_ns()), idle = 0;
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++)
		idle += idle_ns_of(cpu);
	idle = ticks_of_ns(idle);
	proc_print(text, "%lu.%02lu %lu.%02lu\n", now / 100, now % 100, idle / 100, idle % 100);
	return 0;
}

/* Rounded to hundredths. */
static void show_load(struct proc_text *text, uint64_t load)
{
	const uint64_t one = 1 << LOAD_SHIFT;
	load += one / 200;
	proc_print(text, "%lu.%02lu ", load / one, load % one * 100 / one);
}

int show_loadavg(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct counts counts = {0};
	thread_for_each(count_thread, &counts);
	uint64_t loads[3];
	load_averages(loads);
	uint32_t last = 0;
	for (uint32_t pid = process_next_pid(0); pid; pid = process_next_pid(pid))
		last = pid;
	for (unsigned i = 0; i < 3; i++)
		show_load(text, loads[i]);
	proc_print(text, "%u/%u %u\n", counts.running, counts.total, last);
	return 0;
}

int show_boot_cmdline(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%s\n", boot_info.cmdline);
	return 0;
}

int show_swaps(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}
