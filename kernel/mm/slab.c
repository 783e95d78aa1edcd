/* Allocating and freeing objects the long way: with flags, and with what debug builds check. */
#include "slab_impl.h"

#include <lib/string.h>
#include <log/assert.h>

void *slab_alloc_for(struct slab_cache *cache, unsigned flags, size_t size, uintptr_t caller)
{
	assert_no_interrupt();
	void *object = magazine_pop(cache->cpu);
	if (!object)
		return NULL;
	if (IS_ENABLED(CONFIG_DEBUG))
		slab_debug_allocated(cache, object, size, caller);
	if (flags & SLAB_ZERO)
		memset(object, 0, size);
	return object;
}

void *slab_alloc_any(struct slab_cache *cache, unsigned flags)
{
	return slab_alloc_for(
	    cache, flags, cache->object_size, (uintptr_t)__builtin_return_address(0));
}

void slab_free_for(struct slab_cache *cache, void *object, uintptr_t caller)
{
	assert_no_interrupt();
	if (IS_ENABLED(CONFIG_DEBUG))
		slab_debug_freed(cache, object, caller);
	magazine_push(cache->cpu, object);
}

void slab_free_any(struct slab_cache *cache, void *object)
{
	slab_free_for(cache, object, (uintptr_t)__builtin_return_address(0));
}
