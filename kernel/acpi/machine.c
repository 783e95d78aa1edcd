/*
 * Filling in struct machine, whatever the source: defaults, additions within bounds, the order of
 * processors.
 */
#include <log/log.h>

#include "acpi.h"

#define LAPIC_ADDRESS 0xfee00000 /* after reset */

void machine_reset_facts(struct machine *m)
{
	*m = (struct machine){
	    .source = "nothing",
	    .lapic_address = LAPIC_ADDRESS,
	    .has_pics = true,
	    .node_count = 1,
	    .distances = {{10}},
	    .fixed = {.has_8042 = true, .has_vga = true, .has_cmos = true},
	};
	for (uint32_t i = 0; i < MACHINE_ISA_IRQS; i++)
		m->isa_irqs[i].gsi = i;
}

void machine_add_cpu(struct machine *m, uint32_t apic_id, uint32_t firmware_id)
{
	for (size_t i = 0; i < m->cpu_count; i++) {
		if (m->cpus[i].apic_id == apic_id)
			return; /* listed both as local APIC and as x2APIC */
	}
	if (m->cpu_count == MACHINE_CPUS_MAX)
		m->cpu_ignored++;
	else
		m->cpus[m->cpu_count++] =
		    (struct machine_cpu){.apic_id = apic_id, .firmware_id = firmware_id};
}

void machine_add_ioapic(struct machine *m, uint32_t id, paddr_t address, uint32_t gsi_base)
{
	if (!address || m->ioapic_count == MACHINE_IOAPICS_MAX) {
		log_warn("machine", "I/O APIC %u at %#lx is left out", id, address);
		return;
	}
	m->ioapics[m->ioapic_count++] =
	    (struct machine_ioapic){.id = id, .gsi_base = gsi_base, .address = address};
}

void machine_decode_inti(uint16_t flags, bool *level, bool *active_low)
{
	*active_low = (flags & 3) == 3;
	*level = (flags >> 2 & 3) == 3;
}

void machine_finish(struct machine *m, uint32_t boot_apic_id)
{
	size_t at = 0;
	while (at < m->cpu_count && m->cpus[at].apic_id != boot_apic_id)
		at++;
	if (at == m->cpu_count) {
		if (m->cpu_count)
			log_warn(
			    "machine", "the boot processor, APIC %u, was not listed", boot_apic_id);
		if (m->cpu_count == MACHINE_CPUS_MAX) {
			at--;
			m->cpu_ignored++;
		} else {
			m->cpu_count++;
		}
		m->cpus[at] = (struct machine_cpu){.apic_id = boot_apic_id};
	}
	struct machine_cpu boot_cpu = m->cpus[at];
	for (; at > 0; at--)
		m->cpus[at] = m->cpus[at - 1];
	m->cpus[0] = boot_cpu;
}

/*
 * Tables that are not needed to run: a damaged one has been complained about, and is done without.
 */
static void read_optional_tables(struct machine *m, const struct acpi_root *root)
{
	struct acpi_table table, slit;
	paddr_t dsdt = 0;
	bool has_slit = acpi_find(root, "SLIT", 0, &slit) == 0;
	int result = 0;
	if (acpi_find(root, "SRAT", 0, &table) == 0)
		result |= acpi_read_srat(m, &table, has_slit ? &slit : NULL);
	if (acpi_find(root, "HPET", 0, &table) == 0)
		result |= acpi_read_hpet(m, &table);
	if (acpi_find(root, "MCFG", 0, &table) == 0)
		result |= acpi_read_mcfg(m, &table);
	if (acpi_find(root, "FACP", 0, &table) == 0)
		result |= acpi_read_fadt(m, &table, &dsdt);
	if (dsdt && acpi_open(&table, "DSDT", dsdt, root->map) == 0)
		acpi_read_s5(m, &table);
	for (unsigned i = 0; !m->fixed.has_s5 && acpi_find(root, "SSDT", i, &table) == 0; i++)
		acpi_read_s5(m, &table);
	if (result < 0)
		log_warn("acpi", "going on without what the damaged tables say");
}

int acpi_read(struct machine *m, const struct boot_info *info, boot_map_t map)
{
	struct acpi_root root;
	struct acpi_table madt;
	int result = acpi_find_root(&root, info, map);
	if (result < 0)
		return result;
	result = acpi_find(&root, "APIC", 0, &madt);
	if (result == 0)
		result = acpi_read_madt(m, &madt);
	read_optional_tables(m, &root); /* SRAT refers to the processors */
	return result;
}
