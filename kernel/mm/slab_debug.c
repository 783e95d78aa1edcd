/*
 * What debug builds keep about each object, in a trailer at the end of its stride: who allocated it, how many bytes of it were asked
 * for, and red zones on both sides of that. The trailer before an object is its left red zone.
 *
 *     | object .......... | red bytes up to the trailer | red | caller | ... | red |
 *       asked for: size
 *
 * A free object is filled with poison, which must still be there when it is allocated again. In host builds ASan
 * watches all of it, so these functions, which touch what nobody may touch, are exempt.
 */
#include "poison.h"
#include "slab_impl.h"

#include <lib/atomic.h>
#include <log/assert.h>

#define RED_WORD 0xfeedbeeffeedbeefull
#define RED_HALF 0xfeedbeefu
#define RED_BYTE 0xbb

enum object_state {
	OBJECT_FREE = 0x46f3,
	OBJECT_USED = 0x55e3,
};

struct trailer {
	uint64_t red_left;
	uintptr_t caller; /* who allocated it; of a free object: who freed it */
	uint32_t size;
	uint32_t epoch; /* see slab_leak_mark() */
	uint16_t state;
	uint16_t next_free; /* index in the slab */
	uint32_t red_right;
};
static_assert(sizeof(struct trailer) == SLAB_TRAILER_SIZE, "strides make room for it");

static uint32_t current_epoch; /* a */

static struct trailer *trailer_of(const struct slab_cache *cache, const void *object)
{
	return (struct trailer *)((uintptr_t)object + cache->stride - sizeof(struct trailer));
}

static uint8_t *red_zone_end(const struct slab_cache *cache, const void *object)
{
	return (uint8_t *)trailer_of(cache, object);
}

NO_ASAN static void fill(uint8_t *from, const uint8_t *to, uint8_t byte)
{
	while (from < to)
		*(volatile uint8_t *)from++ = byte;
}

NO_ASAN static bool is_filled(const uint8_t *from, const uint8_t *to, uint8_t byte)
{
	for (; from < to; from++)
		if (*(const volatile uint8_t *)from != byte)
			return false;
	return true;
}

NO_ASAN NORETURN static void complain(
    const struct slab_cache *cache, const void *object, const char *what)
{
	const struct trailer *trailer = trailer_of(cache, object);
	panic("%s: object %p of cache %s (%u bytes asked for; last caller %p, state 0x%x)", what,
	    object, cache->name, trailer->size, (void *)trailer->caller, trailer->state);
}

NO_ASAN static void check_red_zones(const struct slab_cache *cache, const void *object)
{
	const struct trailer *trailer = trailer_of(cache, object);
	if (trailer->red_left != RED_WORD || trailer->red_right != RED_HALF)
		complain(cache, object, "written past the end");
}

/* What ends right before the object, and shows whether somebody wrote there. The first of a slab has nothing before it. */
NO_ASAN static void check_left_neighbour(
    const struct slab_cache *cache, const struct page *slab, const void *object)
{
	if (object == page_to_virt(slab))
		return;
	const struct trailer *left = (const struct trailer *)((uintptr_t)object - sizeof(*left));
	if (left->red_right != RED_HALF)
		complain(cache, object, "written before the beginning");
}

NO_ASAN void slab_debug_created(const struct slab_cache *cache, void *object)
{
	uint8_t *end = red_zone_end(cache, object);
	memory_unpoison(object, cache->stride);
	fill(object, end, POISON_BYTE);
	*trailer_of(cache, object) =
	    (struct trailer){.red_left = RED_WORD, .state = OBJECT_FREE, .red_right = RED_HALF};
	memory_poison(object, cache->stride);
}

NO_ASAN void slab_debug_allocated(
    const struct slab_cache *cache, void *object, size_t size, uintptr_t caller)
{
	struct trailer *trailer = trailer_of(cache, object);
	uint8_t *end = red_zone_end(cache, object);
	check_red_zones(cache, object);
	if (trailer->state != OBJECT_FREE)
		complain(cache, object, "free list damaged");
	if (!is_filled(object, end, POISON_BYTE))
		complain(cache, object, "written to after it was freed");

	fill((uint8_t *)object + size, end, RED_BYTE);
	trailer->state = OBJECT_USED;
	trailer->caller = caller;
	trailer->size = (uint32_t)size;
	trailer->epoch = atomic_load(&current_epoch);
	memory_unpoison(object, size);
}

NO_ASAN void slab_debug_freed(const struct slab_cache *cache, void *object, uintptr_t caller)
{
	const struct page *page = virt_to_page(object);
	if (page->kind != PAGE_SLAB || page->slab_cache != cache)
		panic("%p freed to cache %s, to which it does not belong", object, cache->name);
	const struct page *slab = slab_of_object(cache, object);
	uintptr_t offset = (uintptr_t)object - (uintptr_t)page_to_virt(slab);
	if (offset % cache->stride || slab_object_index(cache, slab, object) >= cache->slab_objects)
		panic("%p freed to cache %s: not the beginning of an object", object, cache->name);

	struct trailer *trailer = trailer_of(cache, object);
	uint8_t *end = red_zone_end(cache, object);
	check_red_zones(cache, object);
	check_left_neighbour(cache, slab, object);
	if (trailer->state != OBJECT_USED)
		complain(cache, object, "freed twice");
	if (!is_filled((uint8_t *)object + trailer->size, end, RED_BYTE))
		complain(cache, object, "written past the end");

	trailer->state = OBJECT_FREE;
	trailer->caller = caller;
	fill(object, end, POISON_BYTE);
	memory_poison(object, cache->stride);
}

NO_ASAN size_t slab_debug_size(const struct slab_cache *cache, const void *object)
{
	return trailer_of(cache, object)->size;
}

NO_ASAN uint16_t slab_debug_next(const struct slab_cache *cache, const void *object)
{
	return trailer_of(cache, object)->next_free;
}

NO_ASAN void slab_debug_set_next(const struct slab_cache *cache, void *object, uint16_t next)
{
	trailer_of(cache, object)->next_free = next;
}

/* Leaks: what is in use and was allocated since the mark, by cache and caller. */

#define LEAK_LINES 64

struct leak {
	const char *cache;
	size_t size;
	uintptr_t caller;
	uint64_t count;
};

struct leaks {
	struct leak lines[LEAK_LINES];
	size_t count;
	uint64_t unlisted;
};

static struct leaks leaks;
static struct spinlock leaks_lock = SPINLOCK_INIT("leaks", RANK_NONE);

static void leaks_add(const char *cache, size_t size, uintptr_t caller)
{
	for (size_t i = 0; i < leaks.count; i++) {
		struct leak *leak = &leaks.lines[i];
		if (leak->cache == cache && leak->size == size && leak->caller == caller) {
			leak->count++;
			return;
		}
	}
	if (leaks.count == LEAK_LINES)
		leaks.unlisted++;
	else
		leaks.lines[leaks.count++] = (struct leak){cache, size, caller, 1};
}

NO_ASAN static void scan_slab(const struct slab_cache *cache, const struct page *slab)
{
	for (size_t i = 0; i < cache->slab_objects; i++) {
		const void *object = (const char *)page_to_virt(slab) + i * cache->stride;
		const struct trailer *trailer = trailer_of(cache, object);
		if (trailer->state == OBJECT_USED && trailer->epoch == atomic_load(&current_epoch))
			leaks_add(cache->name, trailer->size, trailer->caller);
	}
}

static void scan_cache(struct slab_cache *cache)
{
	struct page *slab;
	spin_lock(&cache->lock);
	list_for_each(slab, &cache->partial, link)
		scan_slab(cache, slab);
	list_for_each(slab, &cache->full, link)
		scan_slab(cache, slab);
	spin_unlock(&cache->lock);
}

static void add_large(size_t size, uintptr_t caller, void *ctx)
{
	(void)ctx;
	leaks_add("kmalloc-large", size, caller);
}

void slab_leak_mark(void)
{
	atomic_fetch_add(&current_epoch, 1);
	kmalloc_large_mark();
}

void slab_report_leaks(fmt_sink_t sink, void *ctx)
{
	if (!IS_ENABLED(CONFIG_DEBUG)) {
		fmt_format(sink, ctx, "%llu objects in use; a debug build knows whose\n",
		    (unsigned long long)slab_objects_used());
		return;
	}
	spin_lock(&leaks_lock);
	leaks.count = leaks.unlisted = 0;
	for (unsigned i = 0; i < SLAB_CACHES_MAX; i++)
		if (slab_caches[i] && slab_caches[i] != &magazine_cache)
			scan_cache(slab_caches[i]);
	kmalloc_large_for_each(add_large, NULL);
	struct leak *line = leaks.lines;
	for (size_t i = 0; i < leaks.count; i++, line++)
		fmt_format(sink, ctx, "%s: %llu of %zu bytes, allocated at %p\n", line->cache,
		    (unsigned long long)line->count, line->size, (void *)line->caller);
	if (leaks.unlisted)
		fmt_format(sink, ctx, "and %llu more\n", (unsigned long long)leaks.unlisted);
	spin_unlock(&leaks_lock);
}
