/*
 * Intel's MultiProcessor specification 1.4: what machines without ACPI have. A floating pointer
 * ("_MP_") leads to a table ("PCMP") of entries whose length depends on their type. Its numbers for
 * buses are resolved only as far as ISA.
 */
#include <abi/errno.h>
#include <lib/string.h>
#include <log/log.h>

#include "acpi.h"

#define POINTER_LEN 16
#define FIRST_ENTRY 44
#define IOAPIC_PINS 24 /* of the usual part: how the second one's interrupts are numbered */
#define ENABLED     1u
#define ALL         0xff

enum mp_entry {
	MP_CPU = 0,
	MP_BUS = 1,
	MP_IOAPIC = 2,
	MP_INTERRUPT = 3,
	MP_LOCAL_INTERRUPT = 4,
	MP_TYPES,
};

enum mp_interrupt {
	MP_INT = 0,
	MP_NMI = 1,
};

static const uint8_t entry_len[MP_TYPES] = {20, 8, 8, 8, 8};

static paddr_t find_pointer(boot_map_t map)
{
	paddr_t ebda = acpi_ebda(map), found = 0;
	if (ebda)
		found = acpi_search(ebda, ebda + KiB, "_MP_", POINTER_LEN, map);
	if (!found)
		found = acpi_search(0x9fc00, 0xa0000, "_MP_", POINTER_LEN, map);
	if (!found)
		found = acpi_search(0xe0000, 0x100000, "_MP_", POINTER_LEN, map);
	return found;
}

/* The table, checked down to the length of each entry. */
static int open_table(struct acpi_table *table, boot_map_t map)
{
	paddr_t pointer = find_pointer(map);
	const uint8_t *p = pointer ? map(pointer, POINTER_LEN) : NULL;
	if (!p)
		return -ENOENT;
	table->address = read32(p + 4);
	table->data = table->address ? map(table->address, FIRST_ENTRY) : NULL;
	if (!table->data || memcmp(table->data, "PCMP", 4) != 0)
		return -ENOENT; /* or one of the default configurations of 1994 */
	table->len = read16(table->data + 4);
	if (table->len < FIRST_ENTRY)
		return acpi_refuse(table, "bad length");
	const uint8_t *whole = map(table->address, table->len);
	if (!whole)
		return acpi_refuse(table, "not in memory");
	table->data = whole;
	if (acpi_sum(table->data, table->len) != 0)
		return acpi_refuse(table, "bad checksum");

	/* By length: some firmware leaves the count of entries 0. */
	for (size_t pos = FIRST_ENTRY; pos < table->len;) {
		uint8_t type = table->data[pos];
		if (type >= MP_TYPES || entry_len[type] > table->len - pos)
			return acpi_refuse(table, "bad entry");
		pos += entry_len[type];
	}
	return 0;
}

static bool next_entry(const struct acpi_table *table, const uint8_t **entry)
{
	*entry = *entry ? *entry + entry_len[**entry] : table->data + FIRST_ENTRY;
	return *entry < table->data + table->len;
}

static bool bus_is_isa(const struct acpi_table *table, uint8_t bus)
{
	for (const uint8_t *entry = NULL; next_entry(table, &entry);) {
		if (entry[0] == MP_BUS && entry[1] == bus)
			return memcmp(entry + 2, "ISA   ", 6) == 0;
	}
	return false;
}

static bool gsi_of_pin(const struct machine *m, uint8_t ioapic, uint8_t pin, uint32_t *gsi)
{
	for (size_t i = 0; i < m->ioapic_count; i++) {
		if (m->ioapics[i].id == ioapic || ioapic == ALL) {
			*gsi = m->ioapics[i].gsi_base + pin;
			return true;
		}
	}
	return false;
}

static void read_interrupt(struct machine *m, const struct acpi_table *table, const uint8_t *entry)
{
	struct machine_irq irq = {0};
	machine_decode_inti(read16(entry + 2), &irq.level, &irq.active_low);
	if (!gsi_of_pin(m, entry[6], entry[7], &irq.gsi))
		return;
	if (entry[1] == MP_INT && entry[5] < MACHINE_ISA_IRQS && bus_is_isa(table, entry[4]))
		m->isa_irqs[entry[5]] = irq;
	else if (entry[1] == MP_NMI && m->nmi_count < MACHINE_NMIS_MAX)
		m->nmis[m->nmi_count++] = irq;
}

static void read_local_interrupt(struct machine *m, const uint8_t *entry)
{
	if (entry[1] != MP_NMI || entry[7] > 1 || m->local_nmi_count == MACHINE_NMIS_MAX)
		return;
	struct machine_local_nmi *nmi = &m->local_nmis[m->local_nmi_count++];
	nmi->apic_id = entry[6] == ALL ? MACHINE_ALL_CPUS : entry[6];
	nmi->lint = entry[7];
	machine_decode_inti(read16(entry + 2), &nmi->level, &nmi->active_low);
}

int mp_read(struct machine *m, boot_map_t map)
{
	struct acpi_table table = {0};
	int result = open_table(&table, map);
	if (result < 0)
		return result;
	for (const uint8_t *entry = NULL; next_entry(&table, &entry);) {
		if (entry[0] == MP_CPU && entry[3] & ENABLED)
			machine_add_cpu(m, entry[1], entry[1]);
	}
	if (!m->cpu_count)
		return acpi_refuse(&table, "it has no processors");
	m->lapic_address = read32(table.data + 36);
	m->has_pics = true;
	for (const uint8_t *entry = NULL; next_entry(&table, &entry);) {
		if (entry[0] == MP_IOAPIC && entry[3] & ENABLED)
			machine_add_ioapic(m, entry[1], read32(entry + 4),
			    (uint32_t)m->ioapic_count * IOAPIC_PINS);
	}
	/* What refers to I/O APICs comes after them in order, but need not. */
	for (const uint8_t *entry = NULL; next_entry(&table, &entry);) {
		if (entry[0] == MP_INTERRUPT)
			read_interrupt(m, &table, entry);
		else if (entry[0] == MP_LOCAL_INTERRUPT)
			read_local_interrupt(m, entry);
	}
	return 0;
}
