/*
 * Slabs: blocks of pages cut into equal objects. All that is known of a slab is in its first struct page: how many objects are
 * taken, and the index of the first free one. A free object holds the index of the next; there is no header in the
 * pages, so objects of a power of two fill them exactly.
 *
 * A slab is in its cache's list of partial, full or empty ones. Partial ones are used first; two empty ones are kept, so that
 * a cache at the edge of a slab does not buy and sell it all the time.
 */
#include "poison.h"
#include "slab_impl.h"

#include <log/assert.h>
#include <mm/page_alloc.h>

#define EMPTY_SLABS_KEPT 2

/* Blocks are aligned to their size, so the head of a slab is found by arithmetic. */
struct page *slab_of_object(const struct slab_cache *cache, const void *object)
{
	uint64_t frame = virt_to_phys(object) >> PAGE_SHIFT;
	return page_array + ALIGN_DOWN(frame, 1ull << cache->slab_order);
}

static void *object_at(const struct slab_cache *cache, const struct page *slab, size_t index)
{
	return (char *)page_to_virt(slab) + index * cache->stride;
}

size_t slab_object_index(
    const struct slab_cache *cache, const struct page *slab, const void *object)
{
	return (size_t)((const char *)object - (const char *)page_to_virt(slab)) / cache->stride;
}

/* In debug builds the objects themselves are poisoned, and the link is behind them. */
static uint16_t next_free(const struct slab_cache *cache, const void *object)
{
	return IS_ENABLED(CONFIG_DEBUG) ? slab_debug_next(cache, object)
					: *(const uint16_t *)object;
}

static void set_next_free(const struct slab_cache *cache, void *object, uint16_t next)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		slab_debug_set_next(cache, object, next);
	else
		*(uint16_t *)object = next;
}

static struct page *slab_create(struct slab_cache *cache)
{
	struct page *slab = page_alloc(cache->slab_order, 0);
	if (!slab)
		return NULL;
	for (size_t i = 0; i < 1ull << cache->slab_order; i++) {
		slab[i].kind = PAGE_SLAB;
		slab[i].slab_cache = cache;
	}
	for (size_t i = 0; i < cache->slab_objects; i++) {
		void *object = object_at(cache, slab, i);
		if (IS_ENABLED(CONFIG_DEBUG))
			slab_debug_created(cache, object);
		set_next_free(cache, object,
		    i + 1 < cache->slab_objects ? (uint16_t)(i + 1) : SLAB_NO_OBJECT);
	}
	slab->slab_used = 0;
	slab->slab_first_free = 0;
	return slab;
}

static void slab_destroy(struct slab_cache *cache, struct page *slab)
{
	memory_unpoison(page_to_virt(slab), PAGE_SIZE << cache->slab_order);
	for (size_t i = 0; i < 1ull << cache->slab_order; i++)
		slab[i].kind = i ? PAGE_TAIL : PAGE_USED;
	page_free(slab, cache->slab_order);
}

/* A slab with a free object, or NULL. Lock held. */
static struct page *usable_slab(struct slab_cache *cache)
{
	if (!list_is_empty(&cache->partial))
		return list_first(&cache->partial, struct page, link);
	if (list_is_empty(&cache->empty))
		return NULL;
	struct page *slab = list_first(&cache->empty, struct page, link);
	list_remove(&slab->link);
	cache->empty_count--;
	list_push_front(&cache->partial, &slab->link);
	return slab;
}

static size_t take_locked(struct slab_cache *cache, void **objects, size_t count)
{
	size_t taken = 0;
	struct page *slab;
	while (taken < count && (slab = usable_slab(cache))) {
		while (taken < count && slab->slab_first_free != SLAB_NO_OBJECT) {
			void *object = object_at(cache, slab, slab->slab_first_free);
			slab->slab_first_free = next_free(cache, object);
			slab->slab_used++;
			objects[taken++] = object;
		}
		if (slab->slab_first_free == SLAB_NO_OBJECT) {
			list_remove(&slab->link);
			list_push_front(&cache->full, &slab->link);
		}
	}
	cache->taken += taken;
	return taken;
}

size_t slab_take_objects(struct slab_cache *cache, void **objects, size_t count)
{
	spin_lock(&cache->lock);
	size_t taken = take_locked(cache, objects, count);
	spin_unlock(&cache->lock);
	if (taken)
		return taken;

	/* Without the lock: others may free objects meanwhile, which is as well. */
	struct page *slab = slab_create(cache);
	if (!slab)
		return 0;
	spin_lock(&cache->lock);
	cache->slabs++;
	list_push_front(&cache->partial, &slab->link);
	taken = take_locked(cache, objects, count);
	spin_unlock(&cache->lock);
	return taken;
}

static void give_locked(struct slab_cache *cache, void *object)
{
	struct page *slab = slab_of_object(cache, object);
	bool was_full = slab->slab_first_free == SLAB_NO_OBJECT;

	set_next_free(cache, object, slab->slab_first_free);
	slab->slab_first_free = (uint16_t)slab_object_index(cache, slab, object);
	slab->slab_used--;
	if (!slab->slab_used) {
		list_remove(&slab->link);
		list_push_front(&cache->empty, &slab->link);
		cache->empty_count++;
	} else if (was_full) {
		list_remove(&slab->link);
		list_push_front(&cache->partial, &slab->link);
	}
}

void slab_give_objects(struct slab_cache *cache, void **objects, size_t count)
{
	spin_lock(&cache->lock);
	for (size_t i = 0; i < count; i++)
		give_locked(cache, objects[i]);
	cache->taken -= count;
	bool has_spare = cache->empty_count > EMPTY_SLABS_KEPT;
	spin_unlock(&cache->lock);
	if (has_spare)
		slab_free_empty(cache, EMPTY_SLABS_KEPT);
}

void slab_free_empty(struct slab_cache *cache, size_t keep)
{
	struct list spare = LIST_INIT(spare);
	spin_lock(&cache->lock);
	while (cache->empty_count > keep) {
		struct list *link = cache->empty.next;
		list_remove(link);
		list_push_front(&spare, link);
		cache->empty_count--;
		cache->slabs--;
	}
	spin_unlock(&cache->lock);

	struct list *link;
	while ((link = list_pop_front(&spare)))
		slab_destroy(cache, list_entry(link, struct page, link));
}
