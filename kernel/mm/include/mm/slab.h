/*
 * Object caches: a slab cache cuts pages into equal objects; in front of it every CPU has two magazines (stacks of free
 * objects), so that a hit is a pop from an array, without lock or atomic. Full and empty magazines are exchanged
 * with the cache's depot. kmalloc is a row of such caches by size.
 *
 * Debug builds poison freed objects, put red zones around them, and remember who allocated what, so that
 * slab_report_leaks() can name it. alloc_fail_after() makes the nth allocation from now on fail, for tests.
 *
 * Context: thread (preemption may be off), never an interrupt handler.
 */
#pragma once

#include <lib/fmt.h>
#include <lib/types.h>
#include <mm/alloc_fail.h>
#include <mm/slab_fast.h>

struct slab_cache;

enum slab_flags {
	SLAB_ZERO = 1 << 0, /* this allocation zeroed */
};

/* NULL when out of memory. Up to KMALLOC_CACHE_MAX bytes; `align` up to a page, 0: 8. The name must outlive the cache. */
MUST_USE struct slab_cache *slab_cache_create(const char *name, size_t object_size, size_t align);
/* Every object must have been freed; panics if not. Context: may sleep. */
void slab_cache_destroy(struct slab_cache *cache);
static ALWAYS_INLINE MUST_USE void *slab_alloc(struct slab_cache *cache, unsigned flags);
static ALWAYS_INLINE void slab_free(struct slab_cache *cache, void *object);

/*
 * Memory by size, up to KMALLOC_MAX; above the largest cache, whole pages. NULL for size 0 and when out of memory. Aligned
 * to 8 bytes, or to a page when larger than KMALLOC_CACHE_MAX: whoever needs more makes a cache of its own.
 */
#define KMALLOC_CACHE_MAX 8192
#define KMALLOC_MAX       (16 * MiB)
static ALWAYS_INLINE MUST_USE void *kmalloc(size_t size);
MUST_USE void *kzalloc(size_t size);
MUST_USE void *kmalloc_array(size_t count, size_t size); /* zeroed; NULL on overflow too */
/* NULL leaves the old object alone. Its contents move as far as both sizes reach. */
MUST_USE void *krealloc(void *object, size_t size);
void kfree(void *object); /* NULL is fine */
size_t kmalloc_usable_size(const void *object);

struct slab_stats {
	const char *name;
	size_t object_size, slab_pages;
	uint64_t objects_used, objects_total, slabs, allocs, frees, magazine_misses;
};
/* Calls fn for each cache. */
void slab_for_each_stats(void (*fn)(const struct slab_stats *stats, void *ctx), void *ctx);
uint64_t slab_objects_used(void); /* over all caches: equal before and after means nothing leaked */
/* Debug builds: what is in use and was allocated since the last mark, by cache, size and caller. */
void slab_report_leaks(fmt_sink_t sink, void *ctx);
void slab_leak_mark(void);
/* Empties magazines and frees empty slabs: gives pages back. Context: may sleep. */
void slab_trim(void);

void slab_init(void);

/* The inline halves. Debug builds and flags take the long way. */

void *slab_alloc_any(struct slab_cache *cache, unsigned flags);
void slab_free_any(struct slab_cache *cache, void *object);
void *kmalloc_any(size_t size);

static ALWAYS_INLINE void *slab_alloc(struct slab_cache *cache, unsigned flags)
{
	if (IS_ENABLED(CONFIG_DEBUG) || flags)
		return slab_alloc_any(cache, flags);
	return magazine_pop(slab_cpu_of(cache));
}

static ALWAYS_INLINE void slab_free(struct slab_cache *cache, void *object)
{
	if (IS_ENABLED(CONFIG_DEBUG))
		slab_free_any(cache, object);
	else
		magazine_push(slab_cpu_of(cache), object);
}

/* kmalloc's classes: 8, 16, 24, 32, 48, 64, ... 8192. For a size that the compiler knows, so is the class. */
#define KMALLOC_CLASSES 20

static ALWAYS_INLINE unsigned kmalloc_class(size_t size)
{
	if (size <= 16)
		return size > 8;
	unsigned power = log2_floor(size - 1);
	return 2 * (power - 3) + ((size - 1) >> (power - 1) & 1);
}

static ALWAYS_INLINE void *kmalloc(size_t size)
{
	if (!IS_ENABLED(CONFIG_DEBUG) && __builtin_constant_p(size) && size &&
	    size <= KMALLOC_CACHE_MAX)
		return magazine_pop(&slab_cpus[kmalloc_class(size)]);
	return kmalloc_any(size);
}
