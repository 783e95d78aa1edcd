/* MADT: processors and interrupt controllers. ACPI 6.5, 5.2.12. */
#include <abi/errno.h>

#include "acpi.h"

#define FIRST_ENTRY 44
#define HAS_PICS    1u /* flag of the table */
#define CPU_ENABLED 1u

enum madt_entry {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_ISA_OVERRIDE = 2,
	MADT_NMI = 3,
	MADT_LAPIC_NMI = 4,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

static const uint8_t min_len[] = {
    [MADT_LAPIC] = 8,
    [MADT_IOAPIC] = 12,
    [MADT_ISA_OVERRIDE] = 10,
    [MADT_NMI] = 8,
    [MADT_LAPIC_NMI] = 6,
    [MADT_LAPIC_ADDRESS] = 12,
    [MADT_X2APIC] = 16,
    [MADT_X2APIC_NMI] = 12,
};

/* Processors that could only be plugged in later ("online capable") are not there now. */
static void read_cpu(struct machine *m, const uint8_t *entry)
{
	if (entry[0] == MADT_LAPIC && read32(entry + 4) & CPU_ENABLED && entry[3] != 0xff)
		machine_add_cpu(m, entry[3], entry[2]);
	else if (entry[0] == MADT_X2APIC && read32(entry + 8) & CPU_ENABLED)
		machine_add_cpu(m, read32(entry + 4), read32(entry + 12));
}

static void read_isa_override(struct machine *m, const uint8_t *entry)
{
	if (entry[2] != 0 || entry[3] >= MACHINE_ISA_IRQS)
		return;
	struct machine_irq *irq = &m->isa_irqs[entry[3]];
	irq->gsi = read32(entry + 4);
	machine_decode_inti(read16(entry + 8), &irq->level, &irq->active_low);
}

static void read_nmi(struct machine *m, const uint8_t *entry)
{
	if (m->nmi_count == MACHINE_NMIS_MAX)
		return;
	struct machine_irq *nmi = &m->nmis[m->nmi_count++];
	nmi->gsi = read32(entry + 4);
	machine_decode_inti(read16(entry + 2), &nmi->level, &nmi->active_low);
}

/* The table names processors by the firmware's number, ~0 meaning all. */
static void add_local_nmi(
    struct machine *m, uint32_t firmware_id, uint32_t all, uint16_t flags, uint8_t lint)
{
	struct machine_local_nmi nmi = {.apic_id = MACHINE_ALL_CPUS, .lint = lint};
	if (lint > 1 || m->local_nmi_count == MACHINE_NMIS_MAX)
		return;
	if (firmware_id != all) {
		size_t i = 0;
		while (i < m->cpu_count && m->cpus[i].firmware_id != firmware_id)
			i++;
		if (i == m->cpu_count)
			return; /* of a processor that is not there */
		nmi.apic_id = m->cpus[i].apic_id;
	}
	machine_decode_inti(flags, &nmi.level, &nmi.active_low);
	m->local_nmis[m->local_nmi_count++] = nmi;
}

static void read_other(struct machine *m, const uint8_t *entry)
{
	switch (entry[0]) {
	case MADT_IOAPIC:
		machine_add_ioapic(m, entry[2], read32(entry + 4), read32(entry + 8));
		break;
	case MADT_ISA_OVERRIDE: read_isa_override(m, entry); break;
	case MADT_NMI: read_nmi(m, entry); break;
	case MADT_LAPIC_NMI: add_local_nmi(m, entry[2], 0xff, read16(entry + 3), entry[5]); break;
	case MADT_X2APIC_NMI:
		add_local_nmi(m, read32(entry + 4), UINT32_MAX, read16(entry + 2), entry[8]);
		break;
	case MADT_LAPIC_ADDRESS: m->lapic_address = read64(entry + 4); break;
	default: break;
	}
}

int acpi_read_madt(struct machine *m, const struct acpi_table *madt)
{
	if (acpi_check_entries(madt, FIRST_ENTRY, min_len, ARRAY_LEN(min_len)) < 0)
		return -EINVAL;
	m->lapic_address = read32(madt->data + 36);
	m->has_pics = read32(madt->data + 40) & HAS_PICS;
	/* Processors first: the rest refers to them. */
	for (const uint8_t *entry = NULL; acpi_next_entry(madt, FIRST_ENTRY, &entry);)
		read_cpu(m, entry);
	if (!m->cpu_count)
		return acpi_refuse(madt, "it has no processors");
	for (const uint8_t *entry = NULL; acpi_next_entry(madt, FIRST_ENTRY, &entry);)
		read_other(m, entry);
	return 0;
}
