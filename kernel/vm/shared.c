/* Shared memory without a file: an object that is nothing but a page cache. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <mm/slab.h>
#include <object/object.h>

struct shared_memory {
	struct object object;
	struct page_cache cache;
};

static void release(struct object *object)
{
	page_cache_destroy(&container_of(object, struct shared_memory, object)->cache);
}

static void free_memory(struct object *object)
{
	kfree(container_of(object, struct shared_memory, object));
}

static const struct object_ops shared_memory_ops = {
    .type = OBJECT_MEMORY, .release = release, .free = free_memory, .poll = object_always_ready};

int shared_memory_map(struct area *area)
{
	struct shared_memory *memory = kzalloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	object_init(&memory->object, &shared_memory_ops, O_RDWR);
	page_cache_init(&memory->cache, NULL, memory);
	area->object = &memory->object;
	area->cache = &memory->cache;
	area->ops = &page_cache_area_ops;
	area->name = "/dev/zero (deleted)";
	return 0;
}
