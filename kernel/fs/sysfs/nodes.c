/* Nodes: which processors and how much memory each has, and how far apart they are. */
#include "sysfs_impl.h"

#include <arch/percpu.h>
#include <mm/page_alloc.h>

unsigned count_nodes(void)
{
	return node_count;
}

static cpumask_t cpus_of(unsigned node)
{
	cpumask_t cpus = 0;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		if (node_of_cpu(cpu) == node)
			cpus |= cpumask_of(cpu);
	return cpus;
}

static uint64_t pages_of(unsigned node, uint64_t *free)
{
	struct page_stats stats;
	page_stats_of_node(node, &stats);
	*free = stats.free;
	return stats.total;
}

static bool is_any(unsigned node)
{
	(void)node;
	return true;
}

static bool has_cpus(unsigned node)
{
	return cpus_of(node);
}

static bool has_memory(unsigned node)
{
	uint64_t free;
	return pages_of(node, &free);
}

static int show_those(struct proc_text *text, bool (*is_one)(unsigned node))
{
	uint64_t set = 0;
	for (unsigned node = 0; node < node_count; node++)
		if (is_one(node))
			set |= 1ull << node;
	proc_print_list(text, set);
	proc_print(text, "\n");
	return 0;
}

int show_nodes(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_those(text, is_any);
}

int show_nodes_with_cpus(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_those(text, has_cpus);
}

int show_nodes_with_memory(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_those(text, has_memory);
}

int show_node_cpu_bits(struct proc_text *text, const struct proc_subject *subject)
{
	const unsigned cpus = (unsigned)__builtin_popcountll(atomic_load(&cpu_online_mask));
	proc_print_bits(text, cpus_of((unsigned)subject->index), cpus);
	proc_print(text, "\n");
	return 0;
}

int show_node_cpu_list(struct proc_text *text, const struct proc_subject *subject)
{
	proc_print_list(text, cpus_of((unsigned)subject->index));
	proc_print(text, "\n");
	return 0;
}

int show_node_memory(struct proc_text *text, const struct proc_subject *subject)
{
	const uint64_t kib = PAGE_SIZE / KiB;
	uint64_t free, total = pages_of((unsigned)subject->index, &free);
	const struct {
		const char *name;
		uint64_t pages;
	} lines[] = {{"MemTotal:", total}, {"MemFree:", free}, {"MemUsed:", total - free}};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		proc_print(text, "Node %d %-15s%8lu kB\n", subject->index, lines[i].name,
		    lines[i].pages * kib);
	return 0;
}

int show_node_distances(struct proc_text *text, const struct proc_subject *subject)
{
	for (unsigned to = 0; to < node_count; to++)
		proc_print(text, to ? " %u" : "%u", node_distance((unsigned)subject->index, to));
	proc_print(text, "\n");
	return 0;
}
