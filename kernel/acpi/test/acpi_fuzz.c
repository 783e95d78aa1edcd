/*
 * Arbitrary firmware. The input is a list of {u32 address, u16 length, bytes} laid into a small
 * memory; a table that begins with a known signature gets its checksum made right, or nothing would
 * ever be looked at.
 */
#include <log/log.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"

#define MEMORY_LEN 0x100000

static uint8_t memory[MEMORY_LEN];

static const void *map(paddr_t pa, size_t len)
{
	return pa > MEMORY_LEN || len > MEMORY_LEN - pa ? NULL : memory + pa;
}

/* In place of the kernel's log: a fuzzer has no use for a million warnings. */
void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
	(void)level;
	(void)subsystem;
	(void)format;
}

static void fix_sum(size_t at, size_t len, size_t where)
{
	if (at > MEMORY_LEN || len > MEMORY_LEN - at || where >= len)
		return;
	memory[at + where] = (uint8_t)(memory[at + where] - acpi_sum(memory + at, len));
}

static void fix_sums(size_t at)
{
	static const char signatures[][5] = {
	    "XSDT", "RSDT", "APIC", "SRAT", "SLIT", "FACP", "DSDT", "SSDT", "HPET", "MCFG"};
	const uint8_t *p = memory + at;
	for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
		if (memcmp(p, signatures[i], 4) == 0)
			fix_sum(at, read32(p + 4), 9);
	}
	if (memcmp(p, "PCMP", 4) == 0)
		fix_sum(at, read16(p + 4), 7);
	if (memcmp(p, "_MP_", 4) == 0)
		fix_sum(at, 16, 10);
	if (memcmp(p, "RSD PTR ", 8) == 0) {
		fix_sum(at, 20, 8);
		fix_sum(at, 36, 32);
	}
}

static void check_facts(const struct machine *m)
{
	if (!m->cpu_count || m->cpu_count > MACHINE_CPUS_MAX ||
	    m->ioapic_count > MACHINE_IOAPICS_MAX || m->nmi_count > MACHINE_NMIS_MAX ||
	    m->local_nmi_count > MACHINE_NMIS_MAX ||
	    m->memory_range_count > MACHINE_MEMORY_RANGES_MAX || m->ecam_count > MACHINE_ECAM_MAX ||
	    !m->node_count || m->node_count > MACHINE_NODES_MAX)
		abort();
	for (size_t i = 0; i < m->cpu_count; i++) {
		if (m->cpus[i].node >= m->node_count)
			abort();
	}
	for (size_t i = 0; i < m->memory_range_count; i++) {
		const struct machine_memory_range *range = &m->memory_ranges[i];
		if (range->node >= m->node_count || range->start >= range->end)
			abort();
	}
	for (size_t i = 0; i < m->ecam_count; i++) {
		if (m->ecams[i].bus_first > m->ecams[i].bus_last)
			abort();
	}
	if (m->fixed.has_s5 && (m->fixed.s5_type_a > 7 || m->fixed.s5_type_b > 7))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	static struct boot_info info;
	struct {
		size_t at, len;
	} pieces[32];
	size_t count = 0;
	for (; size >= 6 && count < ARRAY_LEN(pieces); count++) {
		size_t at = read32(data) % (MEMORY_LEN - 64), len = read16(data + 4);
		data += 6;
		size -= 6;
		len = min(min(len, size), MEMORY_LEN - at);
		memcpy(memory + at, data, len);
		pieces[count].at = at;
		pieces[count].len = len;
		data += len;
		size -= len;
	}
	/*
	 * The last first: tables of tables are written first, but sums do not depend on one
	 * another.
	 */
	for (size_t i = 0; i < count; i++)
		fix_sums(pieces[i].at);
	info.rsdp = count ? pieces[0].at : 0;

	machine_reset_facts(&m);
	if (acpi_read(&m, &info, map) < 0)
		(void)mp_read(&m, map);
	machine_finish(&m, 1);
	check_facts(&m);
	for (size_t i = 0; i < count; i++)
		memset(memory + pieces[i].at, 0, max(pieces[i].len, (size_t)64));
	return 0;
}
