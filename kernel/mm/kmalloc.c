/*
 * Memory by size: a row of caches in steps of a half power of two (8, 16, 24, 32, 48, ... 8192), and whole blocks of pages above
 * the largest. What an address belongs to, its struct page says.
 */
#include "slab_impl.h"

#include <lib/string.h>
#include <log/assert.h>
#include <mm/page_alloc.h>

static const char *const names[KMALLOC_CLASSES] = {
    "kmalloc-8",
    "kmalloc-16",
    "kmalloc-24",
    "kmalloc-32",
    "kmalloc-48",
    "kmalloc-64",
    "kmalloc-96",
    "kmalloc-128",
    "kmalloc-192",
    "kmalloc-256",
    "kmalloc-384",
    "kmalloc-512",
    "kmalloc-768",
    "kmalloc-1024",
    "kmalloc-1536",
    "kmalloc-2048",
    "kmalloc-3072",
    "kmalloc-4096",
    "kmalloc-6144",
    "kmalloc-8192",
};

static struct slab_cache caches[KMALLOC_CLASSES];

/* Blocks too large for a cache, by page->link: those since the last mark, and older ones. */
static struct spinlock large_lock = SPINLOCK_INIT("kmalloc large", RANK_SLAB);
static struct list large_new, large_marked; /* large_lock */
static uint64_t large_used;                 /* large_lock */

static size_t class_size(unsigned class)
{
	if (class < 2)
		return 8u << class;
	size_t half = 8ull << (class - 2) / 2;
	return half * (class % 2 ? 4 : 3);
}

void kmalloc_init(void)
{
	list_init(&large_new);
	list_init(&large_marked);
	large_used = 0;
	for (unsigned class = 0; class < KMALLOC_CLASSES; class ++) {
		slab_cache_setup(&caches[class], names[class], class_size(class), 0, true);
		if (!slab_cache_register(&caches[class], class))
			panic("no slot for %s", names[class]);
	}
}

static void *alloc_large(size_t size, unsigned flags, uintptr_t caller)
{
	unsigned order = log2_ceil(DIV_ROUND_UP(size, PAGE_SIZE));
	struct page *page = page_alloc(order, flags & SLAB_ZERO ? PAGE_ZERO : 0);
	if (!page)
		return NULL;
	page->owner_data = caller;
	spin_lock(&large_lock);
	list_push_front(&large_new, &page->link);
	large_used++;
	spin_unlock(&large_lock);
	return page_to_virt(page);
}

static void free_large(struct page *page)
{
	spin_lock(&large_lock);
	list_remove(&page->link);
	large_used--;
	spin_unlock(&large_lock);
	page_free(page, page->order);
}

static void *alloc(size_t size, unsigned flags, uintptr_t caller)
{
	if (unlikely(!size || size > KMALLOC_MAX))
		return NULL;
	if (unlikely(size > KMALLOC_CACHE_MAX))
		return alloc_large(size, flags, caller);
	return slab_alloc_for(&caches[kmalloc_class(size)], flags, size, caller);
}

void *kmalloc_any(size_t size)
{
	if (IS_ENABLED(CONFIG_DEBUG) || unlikely(size - 1 >= KMALLOC_CACHE_MAX))
		return alloc(size, 0, (uintptr_t)__builtin_return_address(0));
	return magazine_pop(&slab_cpus[kmalloc_class(size)]);
}

void *kzalloc(size_t size)
{
	return alloc(size, SLAB_ZERO, (uintptr_t)__builtin_return_address(0));
}

void *kmalloc_array(size_t count, size_t size)
{
	size_t total;
	if (mul_overflows(count, size, &total))
		return NULL;
	return alloc(total, SLAB_ZERO, (uintptr_t)__builtin_return_address(0));
}

size_t kmalloc_usable_size(const void *object)
{
	const struct page *page = virt_to_page(object);
	if (page->kind != PAGE_SLAB)
		return PAGE_SIZE << page->order;
	/* Debug builds keep a red zone behind what was asked for. */
	return IS_ENABLED(CONFIG_DEBUG) ? slab_debug_size(page->slab_cache, object)
					: page->slab_cache->object_size;
}

static void free_any(void *object, uintptr_t caller)
{
	struct page *page = virt_to_page(object);
	if (likely(page->kind == PAGE_SLAB)) {
		slab_free_for(page->slab_cache, object, caller);
		return;
	}
	if (page->kind != PAGE_USED || !IS_ALIGNED((uintptr_t)object, PAGE_SIZE))
		panic("kfree(%p): not an object, or freed already", object);
	free_large(page);
}

void *krealloc(void *object, size_t size)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	if (!object)
		return alloc(size, 0, caller);
	size_t old_size = kmalloc_usable_size(object);
	if (size <= old_size && size > old_size / 2)
		return object;
	void *bigger = alloc(size, 0, caller);
	if (!bigger)
		return NULL;
	memcpy(bigger, object, min(size, old_size));
	free_any(object, caller);
	return bigger;
}

void kfree(void *object)
{
	if (!object)
		return;
	struct page *page = virt_to_page(object);
	if (IS_ENABLED(CONFIG_DEBUG) || unlikely(page->kind != PAGE_SLAB))
		free_any(object, (uintptr_t)__builtin_return_address(0));
	else
		magazine_push(page->slab_cache->cpu, object);
}

uint64_t kmalloc_large_used(void)
{
	return atomic_load(&large_used);
}

void kmalloc_large_mark(void)
{
	spin_lock(&large_lock);
	list_splice(&large_marked, &large_new);
	spin_unlock(&large_lock);
}

void kmalloc_large_for_each(void (*fn)(size_t size, uintptr_t caller, void *ctx), void *ctx)
{
	struct page *page;
	spin_lock(&large_lock);
	list_for_each(page, &large_new, link)
		fn(PAGE_SIZE << page->order, page->owner_data, ctx);
	spin_unlock(&large_lock);
}
