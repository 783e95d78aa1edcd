/* Finding ACPI tables and believing them: RSDP, XSDT or RSDT, checksums and lengths. */
#include <abi/errno.h>
#include <lib/string.h>
#include <log/log.h>

#include "acpi.h"

#define TABLE_LEN_MAX (4 * MiB)
#define RSDP_V1_LEN   20
#define RSDP_V2_LEN   36
#define EBDA_SEGMENT  0x40e /* in the BIOS data area */
#define BIOS_START    0xe0000
#define BIOS_END      0x100000

uint8_t acpi_sum(const uint8_t *data, size_t len)
{
	/*
	 * Eight bytes at once: even and odd ones in lanes of 16 bits, cut to eight before they can
	 * spill.
	 */
	const uint64_t lanes = 0x00ff00ff00ff00ffull;
	uint64_t sums = 0;
	for (; len >= 8; data += 8, len -= 8) {
		uint64_t word = read64(data);
		sums = (sums + (word & lanes) + (word >> 8 & lanes)) & lanes;
	}
	sums += sums >> 32;
	uint8_t sum = (uint8_t)(sums + (sums >> 16));
	while (len--)
		sum += *data++;
	return sum;
}

paddr_t acpi_search(paddr_t start, paddr_t end, const char *signature, size_t len, boot_map_t map)
{
	size_t signature_len = strlen(signature);
	const uint8_t *data = map(start, end - start);
	if (!data)
		return 0;
	uint32_t first = read32((const uint8_t *)signature); /* there are thousands of places */
	for (size_t pos = 0; pos + len <= end - start; pos += 16) {
		if (read32(data + pos) != first)
			continue;
		if (memcmp(data + pos, signature, signature_len) == 0 &&
		    acpi_sum(data + pos, len) == 0)
			return start + pos;
	}
	return 0;
}

paddr_t acpi_ebda(boot_map_t map)
{
	const uint8_t *segment = map(EBDA_SEGMENT, 2);
	paddr_t ebda = segment ? (paddr_t)read16(segment) << 4 : 0;
	return ebda >= 0x400 && ebda < 0xa0000 ? ebda : 0;
}

int acpi_refuse(const struct acpi_table *table, const char *reason)
{
	log_warn(
	    "acpi", "%.4s at %#lx: %s, ignored", (const char *)table->data, table->address, reason);
	return -EINVAL;
}

int acpi_open(struct acpi_table *table, const char *signature, paddr_t address, boot_map_t map)
{
	*table = (struct acpi_table){.data = map(address, ACPI_HEADER_LEN), .address = address};
	if (!table->data || memcmp(table->data, signature, 4) != 0) {
		log_warn("acpi", "no %s at %#lx", signature, address);
		return -EINVAL;
	}
	table->len = read32(table->data + 4);
	if (table->len < ACPI_HEADER_LEN || table->len > TABLE_LEN_MAX)
		return acpi_refuse(table, "bad length");
	const uint8_t *whole = map(address, table->len);
	if (!whole)
		return acpi_refuse(table, "not in memory");
	table->data = whole;
	if (acpi_sum(table->data, table->len) != 0)
		return acpi_refuse(table, "bad checksum");
	return 0;
}

int acpi_find(
    const struct acpi_root *root, const char *signature, unsigned skip, struct acpi_table *table)
{
	const struct acpi_table *list = &root->table;
	for (size_t pos = ACPI_HEADER_LEN; pos + root->entry_len <= list->len;
	     pos += root->entry_len) {
		const uint8_t *entry = list->data + pos;
		paddr_t address = root->entry_len == 8 ? read64(entry) : read32(entry);
		const uint8_t *header = root->map(address, ACPI_HEADER_LEN);
		if (!header || memcmp(header, signature, 4) != 0 ||
		    acpi_open(table, signature, address, root->map) < 0)
			continue;
		if (skip-- == 0)
			return 0;
	}
	return -ENOENT;
}

/*
 * The RSDP itself: from the loader's copy, the loader's pointer, or the places where a BIOS keeps
 * it.
 */
static const uint8_t *find_rsdp(const struct boot_info *info, size_t *len, boot_map_t map)
{
	if (info->rsdp_copy_len >= RSDP_V1_LEN) {
		*len = info->rsdp_copy_len;
		return info->rsdp_copy;
	}
	paddr_t address = info->rsdp, ebda = acpi_ebda(map);
	if (!address && ebda)
		address = acpi_search(ebda, ebda + KiB, "RSD PTR ", RSDP_V1_LEN, map);
	if (!address)
		address = acpi_search(BIOS_START, BIOS_END, "RSD PTR ", RSDP_V1_LEN, map);
	if (!address)
		return NULL;

	const uint8_t *rsdp = map(address, RSDP_V2_LEN);
	*len = rsdp ? RSDP_V2_LEN : RSDP_V1_LEN;
	return rsdp ? rsdp : map(address, RSDP_V1_LEN);
}

int acpi_find_root(struct acpi_root *root, const struct boot_info *info, boot_map_t map)
{
	size_t len;
	*root = (struct acpi_root){.map = map};
	const uint8_t *rsdp = find_rsdp(info, &len, map);
	if (!rsdp)
		return -ENOENT;
	if (memcmp(rsdp, "RSD PTR ", 8) != 0 || acpi_sum(rsdp, RSDP_V1_LEN) != 0) {
		log_warn("acpi", "the RSDP is damaged");
		return -ENOENT;
	}

	bool is_v2 = rsdp[15] >= 2 && len >= RSDP_V2_LEN;
	if (is_v2 && acpi_sum(rsdp, RSDP_V2_LEN) != 0) {
		log_warn("acpi", "the RSDP's second half is damaged");
		is_v2 = false;
	}
	paddr_t xsdt = is_v2 ? read64(rsdp + 24) : 0, rsdt = read32(rsdp + 16);
	root->entry_len = 8;
	if (xsdt && acpi_open(&root->table, "XSDT", xsdt, map) == 0)
		return 0;
	root->entry_len = 4;
	if (rsdt && acpi_open(&root->table, "RSDT", rsdt, map) == 0)
		return 0;
	return -ENOENT;
}

int acpi_check_entries(
    const struct acpi_table *table, size_t first, const uint8_t *min_len, size_t types)
{
	if (table->len < first)
		return acpi_refuse(table, "too short");
	for (size_t pos = first; pos < table->len;) {
		if (table->len - pos < 2)
			return acpi_refuse(table, "an entry is cut off");
		uint8_t type = table->data[pos], len = table->data[pos + 1];
		if (len < 2 || len > table->len - pos || (type < types && len < min_len[type]))
			return acpi_refuse(table, "an entry has a bad length");
		pos += len;
	}
	return 0;
}

bool acpi_next_entry(const struct acpi_table *table, size_t first, const uint8_t **entry)
{
	*entry = *entry ? *entry + (*entry)[1] : table->data + first;
	return *entry < table->data + table->len;
}
