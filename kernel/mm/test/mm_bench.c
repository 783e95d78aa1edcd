/* What memory costs, in instructions: hits in the CPU's caches, which are what every other path is built on. */
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <test/selftest.h>

BENCH(page_alloc_free, 60, "page alloc + free, CPU cache hit")
{
	while (rounds--) {
		struct page *page = page_alloc(0, 0);
		assert(page);
		page_free(page, 0);
	}
}

BENCH(page_block_alloc_free, 0, "alloc + free of 16 contiguous pages")
{
	while (rounds--) {
		struct page *page = page_alloc(4, 0);
		assert(page);
		page_free(page, 4);
	}
}

/* More pages than a CPU's cache holds: fills and drains from the zone included. */
BENCH(page_alloc_free_256, 0, "alloc 256 pages, then free them; per 256")
{
	static struct page *pages[256];
	while (rounds--) {
		for (unsigned i = 0; i < 256; i++)
			if (!(pages[i] = page_alloc(0, 0)))
				panic("out of memory");
		for (unsigned i = 0; i < 256; i++)
			page_free(pages[i], 0);
	}
}

BENCH(slab_alloc_free, 40, "slab alloc + free, magazine hit")
{
	struct slab_cache *cache = slab_cache_create("bench", 128, 0);
	assert(cache);
	while (rounds--) {
		void *object = slab_alloc(cache, 0);
		assert(object);
		slab_free(cache, object);
	}
	slab_cache_destroy(cache);
}

BENCH(slab_alloc_free_256, 0, "alloc 256 objects, then free them; per 256")
{
	static void *objects[256];
	struct slab_cache *cache = slab_cache_create("bench", 128, 0);
	assert(cache);
	while (rounds--) {
		for (unsigned i = 0; i < 256; i++)
			if (!(objects[i] = slab_alloc(cache, 0)))
				panic("out of memory");
		for (unsigned i = 0; i < 256; i++)
			slab_free(cache, objects[i]);
	}
	slab_cache_destroy(cache);
}

BENCH(kmalloc_free_64, 0, "kmalloc + kfree of 64 bytes, magazine hit")
{
	while (rounds--) {
		void *object = kmalloc(64);
		assert(object);
		kfree(object);
	}
}
