/*
 * Object caches: making and destroying them, and what they add up to. A cache has a slot, its number among the caches, which is
 * where each CPU keeps its part of it.
 */
#include "slab_impl.h"

#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>

#define DEPOT_BYTES         (64 * KiB) /* a cache's full magazines hold about that much, */
#define DEPOT_MAX           16         /* and no more of them than that */
#define SLAB_ORDER_MAX      3
#define SLAB_OBJECTS_WANTED 8

struct slab_cache *slab_caches[SLAB_CACHES_MAX]; /* slots_lock */
static struct spinlock slots_lock = SPINLOCK_INIT("slab slots", RANK_SLAB);

static struct slab_cache cache_cache; /* struct slab_cache */
struct slab_cache magazine_cache;     /* struct magazine; has no magazines itself */

bool slab_cache_register(struct slab_cache *cache, unsigned slot)
{
	spin_lock(&slots_lock);
	if (slot == SLAB_SLOT_ANY)
		for (slot = KMALLOC_CLASSES; slot < SLAB_CACHES_MAX && slab_caches[slot]; slot++)
			;
	bool is_free = slot < SLAB_CACHES_MAX && !slab_caches[slot];
	if (is_free)
		slab_caches[slot] = cache;
	spin_unlock(&slots_lock);
	if (!is_free)
		return false;

	cache->slot = (uint8_t)slot;
	cache->cpu = &slab_cpus[slot];
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		*per_cpu_ptr(slab_cpus[slot], cpu) = (struct slab_cpu){0};
	return true;
}

/* The smallest slab that holds a few objects without wasting much: an eighth at most. */
static unsigned choose_order(size_t stride)
{
	unsigned order = 0;
	for (; order < SLAB_ORDER_MAX; order++) {
		size_t len = PAGE_SIZE << order;
		if (len / stride >= SLAB_OBJECTS_WANTED && len % stride <= len / 8)
			break;
	}
	while (PAGE_SIZE << order < stride)
		order++;
	return order;
}

/* Fewer of the larger ones, so that what lies about in magazines stays small. */
static uint32_t choose_rounds(size_t stride)
{
	size_t rounds = 8 * KiB / stride;
	return (uint32_t)max(min(rounds, (size_t)MAGAZINE_OBJECTS), (size_t)2);
}

void slab_cache_setup(
    struct slab_cache *cache, const char *name, size_t size, size_t align, bool has_magazines)
{
	size_t stride = max(size, sizeof(uint64_t));
	align = max(align, sizeof(uint64_t));
	assert(IS_POW2(align) && align <= PAGE_SIZE);
	if (IS_ENABLED(CONFIG_DEBUG))
		stride = ALIGN_UP(stride, sizeof(uint64_t)) + SLAB_TRAILER_SIZE;
	stride = ALIGN_UP(stride, align);

	*cache = (struct slab_cache){
	    .name = name,
	    .object_size = (uint32_t)size,
	    .stride = (uint32_t)stride,
	    .slab_order = (uint8_t)choose_order(stride),
	    .rounds = has_magazines ? choose_rounds(stride) : 0,
	};
	cache->slab_objects = (uint16_t)((PAGE_SIZE << cache->slab_order) / stride);
	size_t depot_max = DEPOT_BYTES / (choose_rounds(stride) * stride);
	cache->depot_max = (uint32_t)max(min(depot_max, (size_t)DEPOT_MAX), (size_t)2);
	spin_init(&cache->lock, name, RANK_SLAB);
	list_init(&cache->partial);
	list_init(&cache->full);
	list_init(&cache->empty);
}

struct slab_cache *slab_cache_create(const char *name, size_t object_size, size_t align)
{
	assert(object_size && object_size <= KMALLOC_CACHE_MAX);
	struct slab_cache *cache = slab_alloc(&cache_cache, 0);
	if (!cache)
		return NULL;
	slab_cache_setup(cache, name, object_size, align, true);
	if (slab_cache_register(cache, SLAB_SLOT_ANY))
		return cache;
	slab_free(&cache_cache, cache);
	return NULL;
}

/* Gives back what nobody uses. */
static void cache_trim(struct slab_cache *cache)
{
	magazine_drain_depot(cache);
	slab_free_empty(cache, 0);
}

void slab_cache_destroy(struct slab_cache *cache)
{
	assert_may_sleep();
	magazine_drain_cpus(cache);
	cache_trim(cache);
	if (cache->taken)
		panic("cache %s destroyed with %llu objects in use", cache->name,
		    (unsigned long long)cache->taken);

	spin_lock(&slots_lock);
	slab_caches[cache->slot] = NULL;
	spin_unlock(&slots_lock);
	slab_free(&cache_cache, cache);
}

void slab_trim(void)
{
	magazine_drain_cpus(NULL);
	for (unsigned slot = 0; slot < SLAB_CACHES_MAX; slot++)
		if (slab_caches[slot] && slab_caches[slot] != &magazine_cache)
			cache_trim(slab_caches[slot]);
	cache_trim(&magazine_cache);
}

static void cache_stats(struct slab_cache *cache, struct slab_stats *stats)
{
	*stats = (struct slab_stats){.name = cache->name,
	    .object_size = cache->object_size,
	    .slab_pages = 1ull << cache->slab_order};
	spin_lock(&cache->lock);
	uint64_t in_magazines = (uint64_t)cache->full_magazine_count * cache->rounds;
	uint64_t taken = cache->taken;
	stats->slabs = cache->slabs;
	stats->objects_total = cache->slabs * cache->slab_objects;
	spin_unlock(&cache->lock);

	for_each_cpu_in(i, atomic_load(&cpu_online_mask)) {
		const struct slab_cpu *cpu = per_cpu_ptr(*cache->cpu, i);
		in_magazines += atomic_load(&cpu->count) + atomic_load(&cpu->previous_count);
		stats->allocs += atomic_load(&cpu->allocs);
		stats->magazine_misses += atomic_load(&cpu->misses);
	}
	/* Others may have moved objects while we added up. */
	stats->objects_used = taken - min(taken, in_magazines);
	stats->frees = stats->allocs - min(stats->allocs, stats->objects_used);
}

void slab_for_each_stats(void (*fn)(const struct slab_stats *stats, void *ctx), void *ctx)
{
	for (unsigned slot = 0; slot < SLAB_CACHES_MAX; slot++) {
		struct slab_stats stats;
		if (!slab_caches[slot])
			continue;
		cache_stats(slab_caches[slot], &stats);
		fn(&stats, ctx);
	}
}

uint64_t slab_objects_used(void)
{
	uint64_t used = kmalloc_large_used();
	for (unsigned slot = 0; slot < SLAB_CACHES_MAX; slot++) {
		struct slab_stats stats;
		if (!slab_caches[slot] || slab_caches[slot] == &magazine_cache)
			continue;
		cache_stats(slab_caches[slot], &stats);
		used += stats.objects_used;
	}
	return used;
}

void slab_init(void)
{
	memset(slab_caches, 0, sizeof(slab_caches));
	slab_cache_setup(&magazine_cache, "magazine", sizeof(struct magazine), 0, false);
	slab_cache_setup(&cache_cache, "slab_cache", sizeof(struct slab_cache), 0, true);
	if (!slab_cache_register(&magazine_cache, SLAB_SLOT_ANY) ||
	    !slab_cache_register(&cache_cache, SLAB_SLOT_ANY))
		panic("no slots for the first caches");
	kmalloc_init();
}
