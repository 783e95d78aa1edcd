/* What /proc tells of the machine as a whole: memory, time, load. */
#include "procfs_impl.h"

#include <arch/percpu.h>
#include <boot/boot_info.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <sched/load.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <vm/page_cache.h>

unsigned online_cpus(void)
{
	return (unsigned)__builtin_popcountll(atomic_load(&cpu_online_mask));
}

static void add_slabs(const struct slab_stats *stats, void *ctx)
{
	uint64_t *pages = ctx;
	*pages += stats->slabs * stats->slab_pages;
}

int show_meminfo(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct page_stats pages;
	page_stats_total(&pages);
	uint64_t files = page_cache_total(), slabs = 0;
	slab_for_each_stats(add_slabs, &slabs);
	const uint64_t kib = PAGE_SIZE / KiB;
	proc_print(text,
	    "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n",
	    pages.total * kib, pages.free * kib, pages.free * kib);
	/* Files lie in memory only: nothing is buffered for a disk, nothing can be dropped, and there is no swap. */
	proc_print(text,
	    "Buffers:        %8u kB\nCached:         %8lu kB\nSwapCached:     %8u kB\n", 0u,
	    files * kib, 0u);
	proc_print(text,
	    "SwapTotal:      %8u kB\nSwapFree:       %8u kB\nDirty:          %8u kB\n"
	    "Writeback:      %8u kB\nShmem:          %8lu kB\n",
	    0u, 0u, 0u, 0u, files * kib);
	proc_print(text,
	    "Slab:           %8lu kB\nSReclaimable:   %8u kB\nSUnreclaim:     %8lu kB\n",
	    slabs * kib, 0u, slabs * kib);
	/* None are set apart. */
	proc_print(text,
	    "HugePages_Total:   %5u\nHugePages_Free:    %5u\nHugePages_Rsvd:    %5u\n"
	    "HugePages_Surp:    %5u\nHugepagesize:   %8u kB\n",
	    0u, 0u, 0u, 0u, 2048u);
	return 0;
}

/* What there is to count: nothing comes from a disk, nothing goes to a swap. */
int show_vmstat(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct page_stats pages;
	page_stats_total(&pages);
	proc_print(text, "nr_free_pages %lu\nnuma_local %lu\nnuma_other %lu\n", pages.free,
	    pages.local, pages.remote);
	proc_print(text, "nr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n");
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

static uint64_t less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

struct cpu_times {
	struct cpu_split busy;
	uint64_t idle_ns;
};

static struct cpu_times times_of(unsigned cpu)
{
	struct cpu_times times = {.idle_ns = idle_ns_of(cpu)};
	times.busy = cpu_usage(cpu, less(uptime_ns(), times.idle_ns));
	return times;
}

static void show_cpu_times(struct proc_text *text, const struct cpu_times *times)
{
	proc_print(text, "%lu 0 %lu %lu 0 0 0 0 0 0\n", ticks_of_ns(times->busy.user_ns),
	    ticks_of_ns(times->busy.system_ns), ticks_of_ns(times->idle_ns));
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

int show_system_stat(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct cpu_times all = {{0, 0}, 0};
	uint64_t switches = 0;
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
		struct sched_stats stats;
		sched_stats_of_cpu(cpu, &stats);
		switches += stats.switches;
		struct cpu_times times = times_of(cpu);
		all.busy.user_ns += times.busy.user_ns;
		all.busy.system_ns += times.busy.system_ns;
		all.idle_ns += times.idle_ns;
	}
	proc_print(text, "cpu  ");
	show_cpu_times(text, &all);
	for (unsigned cpu = 0; cpu < online_cpus(); cpu++) {
		proc_print(text, "cpu%u ", cpu);
		struct cpu_times times = times_of(cpu);
		show_cpu_times(text, &times);
	}
	int err = show_interrupt_sums(text);
	if (err)
		return err;
	struct counts counts = {0};
	thread_for_each(count_thread, &counts);
	proc_print(text, "ctxt %lu\nbtime %lu\nprocesses %lu\n", switches,
	    (uint64_t)((uint64_t)unix_timestamp() - uptime_ns() / NSEC_PER_SEC),
	    process_count_made());
	/* Nobody waits for a disk, and interrupts leave nothing for later but to threads. */
	proc_print(text, "procs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
	    counts.running);
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
