/*
 * Pages for everybody. A CPU keeps a stack of free single pages of its own node; while that is neither empty nor full, alloc and
 * free are a pop and a push with preemption off. It is filled and emptied in batches from the zones, the coldest pages first.
 * Everything else (blocks, pages of another node, memory below 4 GiB) goes to a zone directly.
 *
 * Contexts and flags: see the header.
 */
#include "mm_impl.h"
#include "poison.h"

#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>
#include <sync/preempt.h>

PER_CPU(struct page_cache, page_cache);

static struct page *zone_take(struct zone *zone, unsigned order)
{
	if (!atomic_load(&zone->free_pages))
		return NULL;
	spin_lock(&zone->lock);
	struct page *page = zone_take_locked(zone, order);
	spin_unlock(&zone->lock);
	return page;
}

static void zone_give(struct page *page, unsigned order)
{
	struct zone *zone = zone_of(page);
	spin_lock(&zone->lock);
	zone_give_locked(zone, page, order);
	spin_unlock(&zone->lock);
}

/* High memory first: low memory is for those who can use no other. */
static struct page *node_take(unsigned node, unsigned order, unsigned flags)
{
	struct page *page = NULL;
	if (!(flags & PAGE_BELOW_4G))
		page = zone_take(&zones[node * 2 + 1], order);
	return page ? page : zone_take(&zones[node * 2], order);
}

static struct page *nearest_take(unsigned node, unsigned order, unsigned flags)
{
	unsigned candidates = flags & PAGE_THIS_NODE ? 1 : node_count;
	for (unsigned i = 0; i < candidates; i++) {
		struct page *page = node_take(node_fallback(node, i), order, flags);
		if (page)
			return page;
	}
	return NULL;
}

/* Whether this thread could be interrupted and sent elsewhere: what interrupting other CPUs takes. */
static bool may_wait(void)
{
	return !in_interrupt() && !this_cpu_read(preempt_count) && !irqs_are_off();
}

/* The slow half of page_alloc. `node` is where to look first. */
static struct page *alloc_slow(unsigned node, unsigned order, unsigned flags)
{
	if (alloc_should_fail())
		return NULL;
	struct page *page = nearest_take(node, order, flags);
	bool insists = !(flags & PAGE_IF_EASY);
	if (!page && insists) {
		/* What lies in caches may be what is missing: a page, or the buddy of one. */
		page_cache_drain_own();
		page = nearest_take(node, order, flags);
	}
	if (!page && insists && may_wait()) {
		page_cache_drain_all();
		page = nearest_take(node, order, flags);
	}

	preempt_disable();
	struct page_cache *cache = this_cpu_ptr(page_cache);
	if (page)
		cache->allocs++;
	else
		cache->failed++;
	if (page && page->node != node_of_cpu(this_cpu()))
		cache->remote++;
	preempt_enable();
	return page;
}

/* Comes with preemption off, returns with it on. */
static NOINLINE struct page *alloc_single_slow(unsigned flags)
{
	struct page_cache *cache = this_cpu_ptr(page_cache);
	struct page *page = NULL;
	if (!alloc_fail_is_armed() && page_cache_fill(cache)) {
		page = cache->pages[--cache->count];
		page->kind = PAGE_USED;
		page->refs = 1;
		cache->allocs++;
	}
	unsigned node = node_of_cpu(this_cpu());
	preempt_enable();
	return page ? page : alloc_slow(node, 0, flags);
}

static ALWAYS_INLINE struct page *alloc_single(unsigned flags)
{
	preempt_disable();
	uint32_t count = this_cpu_peek(page_cache.count);
	if (unlikely(!count))
		return alloc_single_slow(flags);
	struct page *page = this_cpu_peek(page_cache.pages[count - 1]);
	this_cpu_write(page_cache.count, count - 1);
	this_cpu_inc(page_cache.allocs);
	page->kind = PAGE_USED;
	page->refs = 1;
	return preempt_enable_return(page);
}

/* What every allocation ends with. */
static struct page *finish(struct page *page, unsigned order, unsigned flags)
{
	if (IS_ENABLED(CONFIG_DEBUG) && page)
		page_debug_allocated(page, 1ull << order);
	if (flags & PAGE_ZERO && page)
		memset(page_to_virt(page), 0, PAGE_SIZE << order);
	return page;
}

static NOINLINE struct page *alloc_any(unsigned order, unsigned flags)
{
	struct page *page;
	if (order >= PAGE_ORDERS)
		return NULL;
	if (order || flags & PAGE_BELOW_4G)
		page = alloc_slow(node_of_cpu(this_cpu()), order, flags);
	else
		page = alloc_single(flags);
	return finish(page, order, flags);
}

struct page *page_alloc(unsigned order, unsigned flags)
{
	assert_no_interrupt();
	if (IS_ENABLED(CONFIG_DEBUG) || unlikely(order || flags & PAGE_BELOW_4G))
		return alloc_any(order, flags);
	struct page *page = alloc_single(flags);
	if (flags & PAGE_ZERO && likely(page))
		memset(page_to_virt(page), 0, PAGE_SIZE);
	return page;
}

struct page *page_alloc_from_node(unsigned node, unsigned order, unsigned flags)
{
	if (node == node_of_cpu(this_cpu()))
		return page_alloc(order, flags);
	if (order >= PAGE_ORDERS || node >= node_count)
		return NULL;
	return finish(alloc_slow(node, order, flags), order, flags);
}

void page_split(struct page *page, unsigned order)
{
	size_t count = 1ull << order;
	uint32_t tag = page_tag(PAGE_USED, 0, page->zone);
	for (size_t i = 0; i < count; i++) {
		atomic_store(&page[i].tag, tag);
		page[i].refs = 1;
	}
	preempt_disable();
	this_cpu_ptr(page_cache)->allocs += count - 1;
	preempt_enable();
}

struct page *page_alloc_contiguous(size_t count, unsigned flags)
{
	if (!count || count > 1ull << (PAGE_ORDERS - 1))
		return NULL;
	unsigned order = log2_ceil(count);
	struct page *page = page_alloc(order, flags & ~(unsigned)PAGE_ZERO);
	if (!page)
		return NULL;
	if (IS_ENABLED(CONFIG_DEBUG))
		memory_poison(page_to_virt(page + count), ((1ull << order) - count) * PAGE_SIZE);

	struct zone *zone = zone_of(page);
	spin_lock(&zone->lock);
	zone_give_run_locked(zone, page + count, (1ull << order) - count);
	spin_unlock(&zone->lock);
	page->order = PAGE_ORDER_NONE;
	if (flags & PAGE_ZERO)
		memset(page_to_virt(page), 0, count * PAGE_SIZE);
	return page;
}

static void count_free(void)
{
	this_cpu_inc(page_cache.frees);
}

void page_free_contiguous(struct page *page, size_t count)
{
	assert_no_interrupt();
	if (IS_ENABLED(CONFIG_DEBUG))
		page_debug_freed(page, PAGE_ORDER_NONE, count);
	struct zone *zone = zone_of(page);
	spin_lock(&zone->lock);
	zone_give_run_locked(zone, page, count);
	spin_unlock(&zone->lock);
	count_free();
}

/* A page of another node, or a cache that is full or bypassed. Comes with preemption off, returns with it on. */
static NOINLINE struct page *free_single_slow(struct page *page)
{
	struct page_cache *cache = this_cpu_ptr(page_cache);
	bool is_kept = !alloc_fail_is_armed() && page->node == node_of_cpu(this_cpu());
	if (is_kept) {
		page_cache_make_room(cache);
		page->kind = PAGE_CACHED;
		cache->pages[cache->count++] = page;
	}
	cache->frees++;
	preempt_enable();
	if (!is_kept)
		zone_give(page, 0);
	return NULL;
}

static ALWAYS_INLINE void free_single(struct page *page)
{
	preempt_disable();
	uint32_t count = this_cpu_peek(page_cache.count);
	bool is_local = page->node == this_cpu_peek(page_cache.node);
	if (unlikely(count == this_cpu_peek(page_cache.capacity) || !is_local)) {
		free_single_slow(page);
		return;
	}
	page->kind = PAGE_CACHED;
	this_cpu_write(page_cache.pages[count], page);
	this_cpu_write(page_cache.count, count + 1);
	this_cpu_inc(page_cache.frees);
	preempt_enable_return(page);
}

void page_free(struct page *page, unsigned order)
{
	assert_no_interrupt();
	if (IS_ENABLED(CONFIG_DEBUG))
		page_debug_freed(page, order, 1ull << order);
	if (likely(!order))
		return free_single(page);
	zone_give(page, order);
	count_free();
}
