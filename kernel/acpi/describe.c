/* machine_describe: the sources in the order of how much they know. */
#include <acpi/machine.h>
#include <log/log.h>
#include <x86/cpuid.h>

#include "acpi.h"
#include "platform.h"

#define IOAPIC_ADDRESS 0xfec00000 /* where every PC has its first */

struct machine machine;

/* The initial APIC id, 32 bits where the processor tells so many. */
static uint32_t boot_apic_id(void)
{
	if (cpuid(0, 0).eax >= 0xb && cpuid(0xb, 0).ebx)
		return cpuid(0xb, 0).edx;
	return cpuid(1, 0).ebx >> 24;
}

/* QEMU tells how many processors there are. */
static bool add_qemu_cpus(struct machine *m)
{
	uint32_t count = fw_cfg_cpu_count();
	for (uint32_t i = 0; i < count; i++)
		machine_add_cpu(m, i, i);
	return count;
}

static const char *describe_without_acpi(struct machine *m, boot_map_t map)
{
	if (mp_read(m, map) == 0) {
		add_qemu_cpus(m); /* SeaBIOS' table has only one of each package */
		return "MP table";
	}
	machine_add_ioapic(m, 0, IOAPIC_ADDRESS, 0);
	return add_qemu_cpus(m) ? "fw_cfg" : "CPUID";
}

void machine_describe(const struct boot_info *info, boot_map_t map)
{
	struct machine *m = &machine;
	machine_reset_facts(m);
	if (acpi_read(m, info, map) == 0)
		m->source = "ACPI";
	else
		m->source = describe_without_acpi(m, map);
	machine_finish(m, boot_apic_id());

	log_info("machine", "%zu CPUs, %zu I/O APICs, %u memory nodes, from %s", m->cpu_count,
	    m->ioapic_count, m->node_count, m->source);
	if (m->cpu_ignored)
		log_warn("machine", "%zu CPUs are left out: at most %d are used", m->cpu_ignored,
		    MACHINE_CPUS_MAX);
}
