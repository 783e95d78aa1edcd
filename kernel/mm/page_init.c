/* From ranges of RAM to zones full of free blocks, at boot and when a reserved range is given back. */
#include "mm_impl.h"
#include "poison.h"

#include <lib/string.h>
#include <log/assert.h>

/* [start, end) lies in one node. Whole blocks at a time: the cost does not grow with the memory. */
static void release_in_node(unsigned node, paddr_t start, paddr_t end)
{
	while (start < end) {
		bool is_low = start < ZONE_LIMIT;
		paddr_t stop = is_low ? min(end, (paddr_t)ZONE_LIMIT) : end;
		struct zone *zone = &zones[node * 2 + !is_low];
		size_t count = (stop - start) / PAGE_SIZE;

		/* Only blocks that are given as a whole may stay untouched. */
		if (!IS_ALIGNED(start, PAGE_BLOCK_MAX) || stop - start < PAGE_BLOCK_MAX)
			page_block_touch(phys_to_page(start));
		if (!IS_ALIGNED(stop, PAGE_BLOCK_MAX))
			page_block_touch(phys_to_page(stop - PAGE_SIZE));
		assert(phys_to_page(start)->kind == PAGE_RESERVED);
		memory_poison(phys_to_virt(start), stop - start);
		spin_lock(&zone->lock);
		zone_give_run_locked(zone, phys_to_page(start), count);
		zone->total_pages += count;
		spin_unlock(&zone->lock);
		start = stop;
	}
	node_note_memory(node);
}

void page_release_range(paddr_t start, paddr_t end)
{
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	while (start < end) {
		paddr_t stop = end;
		unsigned node = node_of_range(start, &stop);
		/* A boundary inside a page leaves that page to the lower node. */
		stop = min(ALIGN_UP(stop, PAGE_SIZE), end);
		release_in_node(node, start, stop);
		start = stop;
	}
}

/* Every struct page of RAM must exist before the first block is given: so must those of its buddies, up to the largest
 * block, be they RAM or not. */
static void map_page_array(const struct boot_info *info)
{
	for (size_t i = 0; i < info->range_count; i++) {
		const struct boot_range *range = &info->ranges[i];
		if (range->kind == BOOT_MEMORY_RAM && range->start < range->end)
			page_array_map(ALIGN_DOWN(range->start, PAGE_BLOCK_MAX),
			    ALIGN_UP(range->end, PAGE_BLOCK_MAX));
	}
}

/* Blocks that will be free as a whole get the first of their structs, the others all. */
static void prepare_blocks(const struct boot_range *range)
{
	paddr_t start = ALIGN_DOWN(range->start, PAGE_BLOCK_MAX),
		end = ALIGN_UP(range->end, PAGE_BLOCK_MAX);
	for (paddr_t block = start; block < end; block += PAGE_BLOCK_MAX) {
		struct page *head = phys_to_page(block);
		bool is_whole = page_early_is_free(block, block + PAGE_BLOCK_MAX);
		memset(
		    head, 0, is_whole ? sizeof(*head) : PAGE_BLOCK_MAX / PAGE_SIZE * sizeof(*head));
		if (is_whole)
			head->owner_data = BLOCK_UNTOUCHED;
	}
}

static void prepare_page_array(const struct boot_info *info)
{
	for (size_t i = 0; i < info->range_count; i++) {
		const struct boot_range *range = &info->ranges[i];
		if (range->kind == BOOT_MEMORY_RAM && range->start < range->end)
			prepare_blocks(range);
	}
}

void page_init(void)
{
	assert(page_early_info());
	zones_init();
	nodes_init();
	map_page_array(page_early_info());
	prepare_page_array(page_early_info());
	page_early_finish(page_release_range);
}
