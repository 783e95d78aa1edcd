/*
 * Which physical addresses the direct map shows: RAM, what firmware keeps in RAM, and the first MiB (BIOS tables). Device
 * registers are left out: the direct map is write-back, and device_map() gives them the caching they need.
 */
#include "direct_map.h"

#include <arch/mmu.h>

#define LOW_MEMORY_END MiB
/* Firmware's own ranges beside RAM are taken for RAM up to this size; larger ones are windows to devices (PCI's
 * configuration space alone is 256 MiB) that a memory map lists as reserved too. */
#define RESERVED_RANGE_MAX (64 * MiB)

static bool is_memory(const struct boot_range *range)
{
	switch (range->kind) {
	case BOOT_MEMORY_RAM:
	case BOOT_MEMORY_ACPI:
	case BOOT_MEMORY_ACPI_NVS: return true;
	case BOOT_MEMORY_RESERVED:
	case BOOT_MEMORY_BAD: break;
	}
	return false;
}

/* Reserved ranges count when they touch memory on either side. */
static bool is_shown(const struct boot_info *info, size_t i, paddr_t shown_end)
{
	const struct boot_range *range = &info->ranges[i];
	if (is_memory(range))
		return true;
	if (range->kind != BOOT_MEMORY_RESERVED || range->end - range->start > RESERVED_RANGE_MAX)
		return false;
	bool touches_next = i + 1 < info->range_count && is_memory(&info->ranges[i + 1]) &&
			    ALIGN_UP(range->end, PAGE_SIZE) >= info->ranges[i + 1].start;
	return touches_next || ALIGN_DOWN(range->start, PAGE_SIZE) <= shown_end;
}

bool direct_map_next(
    const struct boot_info *info, struct direct_map_cursor *cursor, struct paddr_range *out)
{
	/* The low memory comes first, whatever the loader says of it. */
	bool has_any = !cursor->has_begun;
	*out = (struct paddr_range){0, has_any ? LOW_MEMORY_END : 0};
	cursor->has_begun = true;

	for (; cursor->index < info->range_count; cursor->index++) {
		const struct boot_range *range = &info->ranges[cursor->index];
		paddr_t start = ALIGN_DOWN(range->start, PAGE_SIZE);

		if (range->start >= range->end || !is_shown(info, cursor->index, out->end))
			continue;
		if (!has_any)
			out->start = start;
		else if (start > out->end)
			break;
		out->end = max(out->end, ALIGN_UP(range->end, PAGE_SIZE));
		has_any = true;
	}
	return has_any;
}
