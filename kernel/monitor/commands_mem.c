/* mem and slabs. */
#include "command.h"

#include <log/log.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/page_table.h>
#include <mm/slab.h>
#include <mm/tlb.h>

static void print_node(unsigned node)
{
	struct page_stats stats;
	char total[SIZE_TEXT_MAX], free[SIZE_TEXT_MAX], cached[SIZE_TEXT_MAX];
	page_stats_of_node(node, &stats);
	console_printf("node %u: %s, %s free, %s of it in CPU caches\n", node,
	    size_format(total, stats.total * PAGE_SIZE), size_format(free, stats.free * PAGE_SIZE),
	    size_format(cached, stats.cached * PAGE_SIZE));
	console_printf("  %lu allocations (%lu local, %lu remote, %lu failed), %lu frees\n",
	    stats.allocs, stats.local, stats.remote, stats.failed, stats.frees);
	console_printf("  free blocks:");
	for (unsigned order = 0; order < PAGE_ORDERS; order++) {
		char size[SIZE_TEXT_MAX];
		if (stats.free_blocks[order])
			console_printf(" %lu x %s", stats.free_blocks[order],
			    size_format(size, PAGE_SIZE << order));
	}
	console_printf("\n");
}

static void print_kernel_map(void)
{
	struct kernel_map_stats map;
	struct tlb_stats tlb;
	char tables[SIZE_TEXT_MAX], areas[SIZE_TEXT_MAX];
	kernel_map_stats(&map);
	tlb_stats(&tlb);
	console_printf("kernel map: %s in %lu areas, %lu stacks and %lu cached; page tables %s\n",
	    size_format(areas, map.area_pages * PAGE_SIZE), map.areas, map.stacks,
	    map.stacks_cached, size_format(tables, kernel_page_table.table_pages * PAGE_SIZE));
	console_printf("TLB flushes: %lu, with %lu interrupts; %lu spared\n", tlb.flushes,
	    tlb.interrupts_sent, tlb.interrupts_spared);
}

void command_mem(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	for (unsigned node = 0; node < node_count; node++)
		print_node(node);
	print_kernel_map();
	console_printf("%lu slab objects in use\n", slab_objects_used());
}

static void print_slab(const struct slab_stats *stats, void *ctx)
{
	(void)ctx;
	console_printf("%-20s %6zu %8lu %8lu %6lu %10lu %8lu\n", stats->name, stats->object_size,
	    stats->objects_used, stats->objects_total, stats->slabs, stats->allocs,
	    stats->magazine_misses);
}

void command_slabs(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	console_printf(
	    "cache                  size     used    total  slabs     allocs   misses\n");
	slab_for_each_stats(print_slab, NULL);
}
