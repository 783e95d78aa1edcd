/* /proc/cpuinfo: the processors, in the words of Linux. Each counts as a core of one package. */
#include "procfs_impl.h"

#include <acpi/machine.h>
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <time/clock.h>
#include <x86/cpuid.h>

struct identity {
	uint32_t family, model, stepping;
	uint32_t physical_bits, cache_line;
};

/* Family and model are in two parts: Intel SDM vol. 2, CPUID leaf 1. */
static struct identity identify(void)
{
	struct cpuid id = cpuid(1, 0);
	struct identity result = {
	    .family = id.eax >> 8 & 15,
	    .model = id.eax >> 4 & 15,
	    .stepping = id.eax & 15,
	    .cache_line = (id.ebx >> 8 & 255) * 8,
	    .physical_bits = 36,
	};
	if (result.family == 15)
		result.family += id.eax >> 20 & 255;
	if (result.family >= 6)
		result.model |= id.eax >> 12 & 0xf0;
	if (cpu_features.max_extended_leaf >= 0x80000008)
		result.physical_bits = cpuid(0x80000008, 0).eax & 255;
	return result;
}

static void show_flag(const char *name, void *ctx)
{
	proc_print(ctx, " %s", name);
}

static void show_processor(
    struct proc_text *text, unsigned cpu, unsigned count, const struct identity *id)
{
	uint64_t khz = tsc_frequency_hz() / 1000;
	uint32_t apic_id = machine.cpus[cpu].apic_id;
	proc_print(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
	    cpu_features.vendor, id->family, id->model);
	proc_print(text, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n",
	    cpu_features.model, id->stepping, khz / 1000, khz % 1000);
	proc_print(text, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n",
	    count, cpu, count);
	proc_print(text, "apicid\t\t: %u\ninitial apicid\t: %u\n", apic_id, apic_id);
	proc_print(text, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
	    cpu_features.max_leaf);
	proc_print(text, "flags\t\t:");
	cpu_for_each_flag(show_flag, text);
	proc_print(text, "\nbogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n",
	    khz / 500, khz % 500 / 5, id->cache_line, id->cache_line);
	/* Four levels of page tables, whatever the processor could do. */
	proc_print(
	    text, "address sizes\t: %u bits physical, 48 bits virtual\n\n", id->physical_bits);
}

int show_cpuinfo(struct proc_text *text, const struct proc_subject *subject)
{
	(void)subject;
	struct identity id = identify();
	unsigned count = online_cpus();
	for (unsigned cpu = 0; cpu < count; cpu++)
		show_processor(text, cpu, count, &id);
	return 0;
}
