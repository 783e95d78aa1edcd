/*
 * Memory before there are struct pages: a sorted list of free physical ranges, from which page tables and the page
 * array are cut, lowest address first. That keeps what is never freed together, next to the kernel image, and within
 * what the boot page tables map. page_init turns what is left into zones.
 *
 * One CPU, no locks.
 */
#include "mm_impl.h"

#include <lib/string.h>
#include <log/assert.h>
#include <log/log.h>

#define EARLY_RANGES_MAX (BOOT_RANGES_MAX + 64)
#define LOW_MEMORY_END   MiB /* the BIOS area, and the page in which other CPUs start */

struct early_range {
	paddr_t start, end;
};

static const struct boot_info *boot;
static struct early_range ranges[EARLY_RANGES_MAX]; /* sorted, whole pages */
static size_t range_count;

static void range_delete(size_t i)
{
	range_count--;
	memmove(&ranges[i], &ranges[i + 1], (range_count - i) * sizeof(ranges[0]));
}

static void range_insert(size_t i, paddr_t start, paddr_t end)
{
	if (start >= end)
		return;
	if (range_count == EARLY_RANGES_MAX) {
		log_warn(
		    "mm", "memory map too fragmented: %llu KiB left unused", (end - start) / KiB);
		return;
	}
	memmove(&ranges[i + 1], &ranges[i], (range_count - i) * sizeof(ranges[0]));
	ranges[i] = (struct early_range){start, end};
	range_count++;
}

/* Takes [start, end) out of the i-th range, of which it is a part. Returns how many ranges that leaves there: 0..2. */
static size_t range_cut(size_t i, paddr_t start, paddr_t end)
{
	struct early_range old = ranges[i];
	size_t before = range_count - 1;
	range_delete(i);
	range_insert(i, end, old.end);
	range_insert(i, old.start, start);
	return range_count - before;
}

static void exclude(paddr_t start, paddr_t end)
{
	if (start >= end)
		return;
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	for (size_t i = 0; i < range_count;) {
		paddr_t from = max(start, ranges[i].start), to = min(end, ranges[i].end);
		i += from < to ? range_cut(i, from, to) : 1;
	}
}

void page_early_init(const struct boot_info *info)
{
	boot = info;
	range_count = 0;
	for (size_t i = 0; i < info->range_count; i++) {
		const struct boot_range *range = &info->ranges[i];
		if (range->kind == BOOT_MEMORY_RAM)
			range_insert(range_count, ALIGN_UP(range->start, PAGE_SIZE),
			    ALIGN_DOWN(range->end, PAGE_SIZE));
	}

	/* A firmware's map may contradict itself: what is not RAM in one entry is not RAM. */
	for (size_t i = 0; i < info->range_count; i++)
		if (info->ranges[i].kind != BOOT_MEMORY_RAM)
			exclude(info->ranges[i].start, info->ranges[i].end);
	exclude(0, LOW_MEMORY_END);
	exclude(info->kernel_start, info->kernel_end);
	exclude(info->initrd_start, info->initrd_end);
	if (info->rsdp)
		exclude(info->rsdp, info->rsdp + sizeof(info->rsdp_copy));
}

paddr_t page_early_take(size_t len, size_t align)
{
	assert(boot && IS_POW2(align));
	align = max(align, (size_t)PAGE_SIZE);
	len = ALIGN_UP(len, PAGE_SIZE);
	for (size_t i = 0; i < range_count; i++) {
		paddr_t start = ALIGN_UP(ranges[i].start, align);
		if (start >= ranges[i].end || ranges[i].end - start < len)
			continue;
		range_cut(i, start, start + len);
		return start;
	}
	panic("out of memory during boot: no %zu KiB left", len / (size_t)KiB);
}

paddr_t page_early_alloc(size_t len, size_t align)
{
	paddr_t start = page_early_take(len, align);
	memset(phys_to_virt(start), 0, ALIGN_UP(len, PAGE_SIZE));
	return start;
}

bool page_early_is_free(paddr_t start, paddr_t end)
{
	for (size_t i = 0; i < range_count; i++)
		if (start >= ranges[i].start && end <= ranges[i].end)
			return true;
	return false;
}

const struct boot_info *page_early_info(void)
{
	return boot;
}

void page_early_finish(void (*fn)(paddr_t start, paddr_t end))
{
	for (size_t i = 0; i < range_count; i++)
		fn(ranges[i].start, ranges[i].end);
	range_count = 0;
	boot = NULL;
}
