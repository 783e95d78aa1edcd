/*
 * The memory map: a sorted list without overlaps, from what firmware gives in any order. The kinds
 * of enum boot_memory are in order of restrictiveness, so where two ranges overlap the greater kind
 * wins.
 *
 * Context: boot, one CPU (the work areas are static: the stack is small).
 */
#include <abi/errno.h>
#include <lib/string.h>

#include "decode.h"

#define PAGE         4096ull
#define PHYSICAL_END (1ull << 52) /* no processor addresses more */

enum boot_memory boot_kind_of_e820(uint32_t type)
{
	switch (type) {
	case 1: return BOOT_MEMORY_RAM;
	case 3: return BOOT_MEMORY_ACPI;
	case 4: return BOOT_MEMORY_ACPI_NVS;
	case 5: return BOOT_MEMORY_BAD;
	default: return BOOT_MEMORY_RESERVED;
	}
}

/* Every start and every end, sorted. Between two neighbours the kind cannot change. */
static size_t collect_edges(const struct boot_info *info, paddr_t *edges)
{
	size_t count = 0;
	for (size_t i = 0; i < info->range_count; i++) {
		for (unsigned which = 0; which < 2; which++) {
			paddr_t edge = which ? info->ranges[i].end : info->ranges[i].start;
			size_t at = count++;
			for (; at > 0 && edges[at - 1] > edge; at--)
				edges[at] = edges[at - 1];
			edges[at] = edge;
		}
	}
	return count;
}

/* The greatest kind that covers [start, end), or -1. */
static int kind_between(const struct boot_info *info, paddr_t start, paddr_t end)
{
	int kind = -1;
	for (size_t i = 0; i < info->range_count; i++) {
		const struct boot_range *range = &info->ranges[i];
		if (range->start <= start && range->end >= end)
			kind = max(kind, (int)range->kind);
	}
	return kind;
}

static int normalise(struct boot_info *info)
{
	static paddr_t edges[2 * BOOT_RANGES_MAX];
	static struct boot_range out[BOOT_RANGES_MAX];
	size_t edge_count = collect_edges(info, edges), count = 0;
	for (size_t i = 0; i + 1 < edge_count; i++) {
		paddr_t start = edges[i], end = edges[i + 1];
		int kind = start == end ? -1 : kind_between(info, start, end);
		if (kind < 0)
			continue;
		if (count && out[count - 1].end == start && (int)out[count - 1].kind == kind) {
			out[count - 1].end = end;
			continue;
		}
		if (count == BOOT_RANGES_MAX)
			return -EINVAL;
		out[count++] = (struct boot_range){start, end, (enum boot_memory)kind};
	}
	memcpy(info->ranges, out, count * sizeof out[0]);
	info->range_count = count;
	return 0;
}

int boot_ranges_add(struct boot_info *info, paddr_t start, uint64_t len, enum boot_memory kind)
{
	start = min(start, PHYSICAL_END);
	paddr_t end = start + min(len, PHYSICAL_END - start);
	if (kind == BOOT_MEMORY_RAM) {
		start = ALIGN_UP(start, PAGE);
		end = ALIGN_DOWN(end, PAGE);
	} else if (start != end) {
		start = ALIGN_DOWN(start, PAGE);
		end = ALIGN_UP(end, PAGE);
	}
	if (start >= end)
		return 0;

	if (info->range_count == BOOT_RANGES_MAX) {
		int result = normalise(info);
		if (result < 0)
			return result;
		if (info->range_count == BOOT_RANGES_MAX)
			return -EINVAL;
	}
	info->ranges[info->range_count++] = (struct boot_range){start, end, kind};
	return 0;
}

int boot_ranges_finish(struct boot_info *info)
{
	int result = normalise(info);
	if (result < 0)
		return result;
	for (size_t i = 0; i < info->range_count; i++) {
		if (info->ranges[i].kind == BOOT_MEMORY_RAM)
			return 0;
	}
	return -EINVAL;
}

bool boot_ranges_cover(const struct boot_info *info, paddr_t start, paddr_t end)
{
	for (size_t i = 0; i < info->range_count && start < end; i++) {
		const struct boot_range *range = &info->ranges[i];
		if (range->start <= start && range->end > start && range->kind != BOOT_MEMORY_BAD)
			start = range->end;
	}
	return start >= end;
}
