/*
 * A CPU's stack of free pages: filled and emptied in batches from the zones of its node. Taking from it and giving to it is in
 * page_alloc.c.
 */
#include "mm_impl.h"

#include <arch/smp.h>
#include <lib/atomic.h>
#include <lib/string.h>

#define CACHE_BATCH 16
#define DRAIN_TRIES 20

/* What cannot be known when the CPU's variables are created: which node it belongs to. */
static void prepare(struct page_cache *cache)
{
	cache->node = node_of_cpu(this_cpu());
	cache->capacity = PAGE_CACHE_SIZE;
}

static void cache_fill_from(struct page_cache *cache, struct zone *zone)
{
	if (!atomic_load(&zone->free_pages))
		return;
	spin_lock(&zone->lock);
	while (cache->count < CACHE_BATCH && zone->nonempty) {
		/* The smallest free blocks first, cut no smaller than they need to be. */
		unsigned wanted = log2_floor(CACHE_BATCH - cache->count);
		unsigned order = min(wanted, (unsigned)__builtin_ctz(zone->nonempty));
		struct page *page = zone_take_locked(zone, order);
		uint32_t tag = page_tag(PAGE_CACHED, 0, (unsigned)(zone - zones));
		/* Backwards, so that they come out in order of address. */
		for (size_t i = 1ull << order; i-- > 0;) {
			page[i].tag = tag;
			cache->pages[cache->count++] = &page[i];
		}
	}
	spin_unlock(&zone->lock);
}

bool page_cache_fill(struct page_cache *cache)
{
	prepare(cache);
	if (!cache->count)
		cache_fill_from(cache, &zones[cache->node * 2 + 1]);
	if (!cache->count)
		cache_fill_from(cache, &zones[cache->node * 2]);
	return cache->count;
}

/* Gives pages back in as few lock acquisitions as their zones allow. */
static void give_pages(struct page **pages, size_t count)
{
	for (size_t i = 0; i < count;) {
		struct zone *zone = zone_of(pages[i]);
		spin_lock(&zone->lock);
		for (; i < count && zone_of(pages[i]) == zone; i++)
			zone_give_locked(zone, pages[i], 0);
		spin_unlock(&zone->lock);
	}
}

/* The bottom of the stack is what was not used for longest. */
static void cache_drain(struct page_cache *cache, uint32_t count)
{
	give_pages(cache->pages, count);
	cache->count -= count;
	memmove(&cache->pages[0], &cache->pages[count], cache->count * sizeof(cache->pages[0]));
}

void page_cache_make_room(struct page_cache *cache)
{
	prepare(cache);
	if (cache->count == PAGE_CACHE_SIZE)
		cache_drain(cache, CACHE_BATCH);
}

void page_cache_drain_own(void)
{
	preempt_disable();
	struct page_cache *cache = this_cpu_ptr(page_cache);
	cache_drain(cache, cache->count);
	cache->capacity = 0;
	preempt_enable();
}

struct hand_over {
	bool is_refused;
	size_t count;
	struct page *pages[PAGE_CACHE_SIZE];
};

/*
 * On another CPU, in its interrupt handler: takes the pages out of its cache. That CPU may have been interrupted in the
 * middle of a pop; then its preemption is off, and we come again later. No lock is taken here: the caller gives the
 * pages to their zones.
 */
static void cache_hand_over(void *arg)
{
	struct hand_over *to = arg;
	struct page_cache *cache = this_cpu_ptr(page_cache);
	to->is_refused = this_cpu_read(preempt_count) > 0;
	to->count = 0;
	if (to->is_refused)
		return;
	to->count = cache->count;
	memcpy(to->pages, cache->pages, cache->count * sizeof(cache->pages[0]));
	cache->count = cache->capacity = 0;
}

/* One at a time: CPUs that ask each other refuse each other, and what one finds all have. */
static uint32_t is_draining; /* a */

void page_cache_drain_all(void)
{
	assert_may_sleep();
	page_cache_drain_own();
	if (atomic_swap(&is_draining, 1))
		return;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct hand_over taken;
		/* Its owner may refill it at once, and sections without preemption are short: a few tries do. */
		for (unsigned tries = 0; tries < DRAIN_TRIES; tries++) {
			if (!atomic_load(&per_cpu_ptr(page_cache, cpu)->count))
				break;
			smp_call(cpumask_of(cpu), cache_hand_over, &taken);
			give_pages(taken.pages, taken.count);
			if (!taken.is_refused)
				break;
			cpu_relax();
		}
	}
	atomic_store_release(&is_draining, 0);
}
