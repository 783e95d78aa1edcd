/*
 * SRAT and SLIT: which memory and which processors are near one another. ACPI 6.5, 5.2.16 and
 * 5.2.17. Firmware numbers its "proximity domains" as it likes; ours are nodes 0, 1, … in the order
 * of those numbers.
 */
#include <abi/errno.h>
#include <log/log.h>

#include "acpi.h"

#define FIRST_ENTRY     48
#define ENABLED         1u
#define DISTANCE_LOCAL  10
#define DISTANCE_REMOTE 20 /* where nobody says */

enum srat_entry {
	SRAT_LAPIC = 0,
	SRAT_MEMORY = 1,
	SRAT_X2APIC = 2,
};

static const uint8_t min_len[] = {[SRAT_LAPIC] = 16, [SRAT_MEMORY] = 40, [SRAT_X2APIC] = 24};

/* The domains that occur, sorted; the index is the node. */
struct domains {
	uint32_t numbers[MACHINE_NODES_MAX];
	unsigned count, ignored;
	bool wide; /* they have 32 bits, not eight */
};

static bool entry_is_used(const uint8_t *entry)
{
	switch (entry[0]) {
	case SRAT_LAPIC: return read32(entry + 4) & ENABLED;
	case SRAT_MEMORY: return read32(entry + 28) & ENABLED;
	case SRAT_X2APIC: return read32(entry + 12) & ENABLED;
	default: return false;
	}
}

static uint32_t entry_domain(const struct domains *domains, const uint8_t *entry)
{
	switch (entry[0]) {
	case SRAT_LAPIC: return entry[2] | (domains->wide ? (read32(entry + 8) & 0xffffff00u) : 0);
	case SRAT_MEMORY: return read32(entry + 2) & (domains->wide ? UINT32_MAX : 0xff);
	default: return read32(entry + 4);
	}
}

/* The node, or 0 for a domain that did not fit. */
static unsigned node_of_domain(const struct domains *domains, uint32_t domain)
{
	for (unsigned i = 0; i < domains->count; i++) {
		if (domains->numbers[i] == domain)
			return i;
	}
	return 0;
}

static void add_domain(struct domains *domains, uint32_t domain)
{
	unsigned at = 0;
	while (at < domains->count && domains->numbers[at] < domain)
		at++;
	if (at < domains->count && domains->numbers[at] == domain)
		return;
	if (domains->count == MACHINE_NODES_MAX) {
		domains->ignored++;
		return;
	}
	for (unsigned i = domains->count++; i > at; i--)
		domains->numbers[i] = domains->numbers[i - 1];
	domains->numbers[at] = domain;
}

static int add_memory(
    struct machine *m, const struct acpi_table *srat, const uint8_t *entry, unsigned node)
{
	paddr_t start = read64(entry + 8), len = read64(entry + 16), end;
	if (!len)
		return 0;
	if (add_overflows(start, len, &end))
		return acpi_refuse(srat, "memory beyond the end of the address space");
	if (m->memory_range_count == MACHINE_MEMORY_RANGES_MAX)
		return acpi_refuse(srat, "too many memory ranges");
	for (size_t i = 0; i < m->memory_range_count; i++) {
		const struct machine_memory_range *range = &m->memory_ranges[i];
		if (start < range->end && range->start < end && range->node != node)
			return acpi_refuse(srat, "memory belongs to two nodes");
	}
	m->memory_ranges[m->memory_range_count++] = (struct machine_memory_range){start, end, node};
	return 0;
}

static void set_cpu_node(struct machine *m, uint32_t apic_id, unsigned node)
{
	for (size_t i = 0; i < m->cpu_count; i++) {
		if (m->cpus[i].apic_id == apic_id)
			m->cpus[i].node = node;
	}
}

static void set_default_distances(struct machine *m)
{
	for (unsigned from = 0; from < MACHINE_NODES_MAX; from++) {
		for (unsigned to = 0; to < MACHINE_NODES_MAX; to++)
			m->distances[from][to] = from == to ? DISTANCE_LOCAL : DISTANCE_REMOTE;
	}
}

/* A matrix by domain number. */
static int read_slit(
    struct machine *m, const struct acpi_table *slit, const struct domains *domains)
{
	uint64_t n = slit->len >= 44 ? read64(slit->data + 36) : 0;
	if (!n || n > 4096 || n * n > slit->len - 44)
		return acpi_refuse(slit, "bad size");
	const uint8_t *matrix = slit->data + 44;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			uint8_t distance = matrix[i * n + j];
			if (i == j ? distance != DISTANCE_LOCAL : distance <= DISTANCE_LOCAL)
				return acpi_refuse(slit, "impossible distances");
		}
	}
	for (unsigned from = 0; from < domains->count; from++) {
		for (unsigned to = 0; to < domains->count; to++) {
			uint64_t i = domains->numbers[from], j = domains->numbers[to];
			if (i < n && j < n)
				m->distances[from][to] = matrix[i * n + j];
		}
	}
	return 0;
}

static void forget_nodes(struct machine *m)
{
	m->node_count = 1;
	m->memory_range_count = 0;
	for (size_t i = 0; i < m->cpu_count; i++)
		m->cpus[i].node = 0;
}

int acpi_read_srat(struct machine *m, const struct acpi_table *srat, const struct acpi_table *slit)
{
	if (acpi_check_entries(srat, FIRST_ENTRY, min_len, ARRAY_LEN(min_len)) < 0)
		return -EINVAL;
	struct domains domains = {.wide = srat->data[8] >= 2};
	for (const uint8_t *entry = NULL; acpi_next_entry(srat, FIRST_ENTRY, &entry);) {
		if (entry_is_used(entry))
			add_domain(&domains, entry_domain(&domains, entry));
	}
	if (domains.ignored)
		log_warn("acpi", "more than %d memory nodes: the rest counts as node 0",
		    MACHINE_NODES_MAX);

	for (const uint8_t *entry = NULL; acpi_next_entry(srat, FIRST_ENTRY, &entry);) {
		if (!entry_is_used(entry))
			continue;
		unsigned node = node_of_domain(&domains, entry_domain(&domains, entry));
		if (entry[0] == SRAT_LAPIC) {
			set_cpu_node(m, entry[3], node);
		} else if (entry[0] == SRAT_X2APIC) {
			set_cpu_node(m, read32(entry + 8), node);
		} else if (add_memory(m, srat, entry, node) < 0) {
			forget_nodes(m);
			return -EINVAL;
		}
	}
	m->node_count = max(domains.count, 1u);
	set_default_distances(m);
	return slit ? read_slit(m, slit, &domains) : 0;
}
