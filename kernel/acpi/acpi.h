/*
 * Reading the firmware's tables. Private to kernel/acpi.
 *
 * Tables lie anywhere in physical memory and are not to be trusted: each is mapped through a
 * callback, its length and checksum are verified by acpi_find, and its entries are all checked
 * before the first is believed. Offsets are those of the ACPI specification 6.5; fields are read
 * with the functions below, since tables are not aligned.
 */
#pragma once

#include <acpi/machine.h>
#include <boot/boot_info.h>
#include <lib/types.h>

#define ACPI_HEADER_LEN 36

struct acpi_table {
	const uint8_t *data; /* the header included */
	size_t len;
	paddr_t address;
};

/* The table of tables. */
struct acpi_root {
	struct acpi_table table; /* XSDT or RSDT */
	size_t entry_len;        /* 8 or 4 */
	boot_map_t map;
};

static inline uint16_t read16(const uint8_t *p)
{
	uint16_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

static inline uint32_t read32(const uint8_t *p)
{
	uint32_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

static inline uint64_t read64(const uint8_t *p)
{
	uint64_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

/* The sum of all bytes, which firmware makes 0. */
uint8_t acpi_sum(const uint8_t *data, size_t len);
/*
 * Looks for `signature` at the beginning of each 16 bytes of [start, end) with `len` bytes that sum
 * up to 0. 0 if there is none.
 */
paddr_t acpi_search(paddr_t start, paddr_t end, const char *signature, size_t len, boot_map_t map);
/* The BIOS's extended data area, or 0. */
paddr_t acpi_ebda(boot_map_t map);

/* -ENOENT: no RSDP, or its tables are damaged. */
MUST_USE int acpi_find_root(struct acpi_root *root, const struct boot_info *info, boot_map_t map);
/* The table at `address`, or -EINVAL after a message. */
MUST_USE int acpi_open(
    struct acpi_table *table, const char *signature, paddr_t address, boot_map_t map);
/* The (skip+1)th good table of that signature, or -ENOENT. */
MUST_USE int acpi_find(
    const struct acpi_root *root, const char *signature, unsigned skip, struct acpi_table *table);
/* Says that a table is not used, and returns -EINVAL. */
int acpi_refuse(const struct acpi_table *table, const char *reason);

/*
 * Sub-tables of MADT and SRAT: {type, length, …} from `first` to the end. `min_len` gives the
 * shortest good length of a type, 0 for types that are skipped. acpi_check_entries refuses a table
 * in which any entry is too short or too long; afterwards acpi_next_entry needs no check. Start
 * with *entry NULL.
 */
MUST_USE int acpi_check_entries(
    const struct acpi_table *table, size_t first, const uint8_t *min_len, size_t types);
bool acpi_next_entry(const struct acpi_table *table, size_t first, const uint8_t **entry);

/* Each fills its part of `machine`, all or nothing, or returns -EINVAL after a message. */
MUST_USE int acpi_read_madt(struct machine *m, const struct acpi_table *madt);
MUST_USE int acpi_read_srat(
    struct machine *m, const struct acpi_table *srat, const struct acpi_table *slit);
MUST_USE int acpi_read_fadt(struct machine *m, const struct acpi_table *fadt, paddr_t *dsdt);
/* Looks for the package _S5_ in AML. False when it is not there. */
bool acpi_read_s5(struct machine *m, const struct acpi_table *aml);
MUST_USE int acpi_read_hpet(struct machine *m, const struct acpi_table *hpet);
MUST_USE int acpi_read_mcfg(struct machine *m, const struct acpi_table *mcfg);
/* All of the above. -ENOENT without tables or without processors in them. */
MUST_USE int acpi_read(struct machine *m, const struct boot_info *info, boot_map_t map);
/* Intel's MultiProcessor table, ACPI's predecessor. -ENOENT or -EINVAL. */
MUST_USE int mp_read(struct machine *m, boot_map_t map);

/* machine.c */
void machine_reset_facts(struct machine *m);
void machine_add_cpu(struct machine *m, uint32_t apic_id, uint32_t firmware_id);
void machine_add_ioapic(struct machine *m, uint32_t id, paddr_t address, uint32_t gsi_base);
/*
 * Polarity and trigger as both MADT and MP table encode them, for a bus that is edge-triggered,
 * active high.
 */
void machine_decode_inti(uint16_t flags, bool *level, bool *active_low);
/* Puts the boot processor first. */
void machine_finish(struct machine *m, uint32_t boot_apic_id);
