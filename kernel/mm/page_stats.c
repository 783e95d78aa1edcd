/* Figures about physical memory, added up from zones and CPU caches. Approximate while others allocate. */
#include "mm_impl.h"

#include <lib/atomic.h>
#include <lib/string.h>

static void add_zone(struct page_stats *stats, struct zone *zone)
{
	spin_lock(&zone->lock);
	stats->total += zone->total_pages;
	stats->free += zone->free_pages;
	for (unsigned order = 0; order < PAGE_ORDERS; order++)
		stats->free_blocks[order] += zone->free_blocks[order];
	spin_unlock(&zone->lock);
}

static void add_cpu(struct page_stats *stats, const struct page_cache *cache)
{
	uint64_t allocs = atomic_load(&cache->allocs), remote = atomic_load(&cache->remote);
	uint32_t cached = atomic_load(&cache->count);
	stats->cached += cached;
	stats->free += cached;
	stats->allocs += allocs;
	stats->frees += atomic_load(&cache->frees);
	stats->local += allocs - remote;
	stats->remote += remote;
	stats->failed += atomic_load(&cache->failed);
}

static void add_node(struct page_stats *stats, unsigned node)
{
	add_zone(stats, &zones[node * 2]);
	add_zone(stats, &zones[node * 2 + 1]);
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		if (node_of_cpu(cpu) == node)
			add_cpu(stats, per_cpu_ptr(page_cache, cpu));
}

void page_stats_of_node(unsigned node, struct page_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (node < node_count)
		add_node(stats, node);
}

void page_stats_total(struct page_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	for (unsigned node = 0; node < node_count; node++)
		add_node(stats, node);
}
