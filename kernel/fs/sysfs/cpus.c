/* Processors: all that run. Each counts as a core of one package, as in /proc/cpuinfo. */
#include "sysfs_impl.h"

#include <arch/percpu.h>

static cpumask_t all_cpus(void)
{
	return atomic_load(&cpu_online_mask);
}

unsigned count_cpus(void)
{
	return (unsigned)__builtin_popcountll(all_cpus());
}

static int show_bits(struct proc_text *text, cpumask_t set)
{
	proc_print_bits(text, set, count_cpus());
	proc_print(text, "\n");
	return 0;
}

static int show_list(struct proc_text *text, cpumask_t set)
{
	proc_print_list(text, set);
	proc_print(text, "\n");
	return 0;
}

int show_cpus(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_list(text, all_cpus());
}

int show_no_cpus(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_list(text, 0);
}

int show_cpu_max(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "%d\n", CPU_MAX - 1);
	return 0;
}

int show_core(struct proc_text *text, const struct proc_subject *subject)
{
	proc_print(text, "%d\n", subject->index);
	return 0;
}

int show_package(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	proc_print(text, "0\n");
	return 0;
}

int show_core_bits(struct proc_text *text, const struct proc_subject *subject)
{
	return show_bits(text, cpumask_of((unsigned)subject->index));
}

int show_core_list(struct proc_text *text, const struct proc_subject *subject)
{
	return show_list(text, cpumask_of((unsigned)subject->index));
}

int show_package_bits(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_bits(text, all_cpus());
}

int show_package_list(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	return show_list(text, all_cpus());
}
