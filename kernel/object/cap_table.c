/*
 * The table behind file descriptors, as a whole: making, copying, sharing and growing it, and looking into somebody else's. Arrays that were replaced
 * by larger ones are freed after a grace period, because look-ups (capability.c) take no lock.
 */
#include "capability_impl.h"

#include <lib/bitmap.h>
#include <lib/string.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>

#define FIRST_SIZE     64
#define CONTIGUOUS_MAX (32 * KiB)

static size_t array_bytes(unsigned size)
{
	return sizeof(struct cap_array) + size * sizeof(struct capability) + size / 8;
}

/* The largest is longer than any block of pages, and half of a block would be wasted by all. */
static struct cap_array *array_create(unsigned size)
{
	size_t bytes = array_bytes(size);
	struct cap_array *array = bytes > CONTIGUOUS_MAX ? vmalloc(bytes) : kzalloc(bytes);
	if (!array)
		return NULL;
	array->size = size;
	array->used = (uint64_t *)&array->entries[size];
	return array;
}

static void array_destroy(struct cap_array *array)
{
	if (array && array_bytes(array->size) > CONTIGUOUS_MAX)
		vfree(array);
	else
		kfree(array);
}

static void array_free(struct rcu_head *head)
{
	array_destroy(container_of(head, struct cap_array, rcu));
}

static struct cap_table *table_create(unsigned size)
{
	struct cap_table *table = kmalloc(sizeof(*table));
	struct cap_array *array = array_create(size);
	if (!table || !array) {
		kfree(table);
		array_destroy(array);
		return NULL;
	}
	table->refs = 1;
	table->array = array;
	table->next_free = 0;
	spin_init(&table->lock, "capabilities", RANK_CAPABILITIES);
	return table;
}

struct cap_table *cap_table_create(void)
{
	return table_create(FIRST_SIZE);
}

struct cap_table *cap_table_clone(struct cap_table *from)
{
	/* Allocate outside the lock; the table may grow meanwhile. */
	for (;;) {
		unsigned size = atomic_load_acquire(&from->array)->size;
		struct cap_table *table = table_create(size);
		if (!table)
			return NULL;
		spin_lock(&from->lock);
		if (from->array->size == size) {
			struct cap_array *to = table->array, *source = from->array;
			memcpy(to->used, source->used, size / 8);
			bitmap_for_each(i, source->used, size) {
				to->entries[i] = source->entries[i];
				object_get(to->entries[i].object);
			}
			table->next_free = 0;
			spin_unlock(&from->lock);
			return table;
		}
		spin_unlock(&from->lock);
		array_destroy(table->array);
		kfree(table);
	}
}

/* From now on threads look objects up while others close them. */
static void mark_shared(struct cap_array *array)
{
	for (size_t i = bitmap_find_set(array->used, array->size, 0); i != BITMAP_NONE;
	     i = bitmap_find_set(array->used, array->size, i + 1))
		atomic_store(&array->entries[i].object->is_shared, true);
}

struct cap_table *cap_table_get(struct cap_table *table)
{
	if (atomic_load(&table->refs) == 1)
		mark_shared(table->array);
	atomic_fetch_add(&table->refs, 1);
	return table;
}

void cap_table_put(struct cap_table *table)
{
	if (atomic_fetch_sub(&table->refs, 1) != 1)
		return;
	struct cap_array *array = table->array;
	bitmap_for_each(i, array->used, array->size)
		cap_close_object(array->entries[i].object, table);
	array_destroy(array);
	kfree(table);
}

int cap_table_grow(struct cap_table *table, unsigned fd)
{
	unsigned size = table->array->size;
	while (size <= fd)
		size *= 2;
	if (size > CAP_TABLE_MAX)
		return -EMFILE;
	spin_unlock(&table->lock);
	struct cap_array *array = array_create(size);
	spin_lock(&table->lock);
	if (!array)
		return -ENOMEM;
	struct cap_array *old = table->array;
	if (old->size >= size) {
		rcu_call(&array->rcu, array_free); /* another thread was faster */
		return 0;
	}
	memcpy(array->entries, old->entries, old->size * sizeof(struct capability));
	memcpy(array->used, old->used, old->size / 8);
	rcu_assign(table->array, array);
	rcu_call(&old->rcu, array_free);
	return 0;
}

void cap_for_each(
    struct cap_table *table, bool (*fn)(void *ctx, int fd, const struct capability *cap), void *ctx)
{
	for (unsigned fd = 0;; fd++) {
		spin_lock(&table->lock);
		struct cap_array *array = table->array;
		size_t next =
		    fd < array->size ? bitmap_find_set(array->used, array->size, fd) : BITMAP_NONE;
		struct capability cap = {0};
		if (next != BITMAP_NONE) {
			cap = array->entries[next];
			object_get(cap.object);
		}
		spin_unlock(&table->lock);
		if (next == BITMAP_NONE)
			return;
		bool go_on = fn(ctx, (int)next, &cap);
		object_put(cap.object);
		if (!go_on)
			return;
		fd = (unsigned)next;
	}
}

unsigned cap_table_size(struct cap_table *table)
{
	spin_lock(&table->lock);
	unsigned size = table->array->size;
	spin_unlock(&table->lock);
	return size;
}

bool cap_next(struct cap_table *table, int *fd)
{
	spin_lock(&table->lock);
	const struct cap_array *array = table->array;
	size_t i = (unsigned)*fd;
	while (i < array->size && !array->entries[i].object)
		i++;
	bool is_there = i < array->size;
	if (is_there)
		*fd = (int)i;
	spin_unlock(&table->lock);
	return is_there;
}

bool cap_copy(struct cap_table *table, int fd, struct capability *capability)
{
	spin_lock(&table->lock);
	const struct cap_array *array = table->array;
	bool is_there = (unsigned)fd < array->size && array->entries[(unsigned)fd].object;
	if (is_there) {
		*capability = array->entries[(unsigned)fd];
		object_get(capability->object);
	}
	spin_unlock(&table->lock);
	return is_there;
}
