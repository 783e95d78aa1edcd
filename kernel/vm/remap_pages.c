/* remap_file_pages(2): as mmap(MAP_FIXED) of the same object would do, with the rights that the mapping has. */
#include "vm_impl.h"

#include <abi/errno.h>

/* The range is within one shared mapping, which earlier calls may have cut into pieces. */
static struct area *find_mapping(struct address_space *space, uintptr_t start, uintptr_t end)
{
	struct area *first = vm_find_area(space, start), *area = first;
	if (!first || !(first->flags & AREA_SHARED))
		return NULL;
	while (area->end < end) {
		const struct area *next = area_next(area);
		if (!next || next->start != area->end || next->cache != first->cache ||
		    next->object != first->object || next->flags != first->flags ||
		    next->prot != first->prot)
			return NULL;
		area = area_next(area);
	}
	return first;
}

static int remap_locked(struct address_space *space, uintptr_t start, uintptr_t end, uint64_t page)
{
	const struct area *area = find_mapping(space, start, end);
	if (!area)
		return -EINVAL;
	if (space->area_count >= AREAS_MAX - 2)
		return -ENOMEM;
	bool is_whole = area->start == start && area->end == end;
	int err = is_whole && area->ops && area->ops->outlasts ? area->ops->outlasts(area) : 0;
	if (err) { /* as Linux does, which unmaps before it maps */
		int unmapped = vm_unmap_locked(space, start, end);
		return unmapped ? unmapped : err;
	}
	struct area *copy = area_copy(area, start, end, page << PAGE_SHIFT);
	if (!copy)
		return -ENOMEM;
	err = vm_unmap_locked(space, start, end);
	if (err)
		area_free(copy);
	else
		area_insert(space, copy);
	return err;
}

int vm_remap_pages(
    struct address_space *space, uintptr_t start, size_t len, uint64_t page, bool populate)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	len = ALIGN_DOWN(len, PAGE_SIZE);
	uint64_t end;
	if (!vm_range_ok(start, len) || add_overflows(page, len >> PAGE_SHIFT, &end) ||
	    end > (uint64_t)INT64_MAX >> PAGE_SHIFT)
		return -EINVAL;
	rwlock_write_lock(&space->lock);
	int err = remap_locked(space, start, start + len, page);
	rwlock_write_unlock(&space->lock);
	if (!err && populate)
		vm_populate(space, start, len); /* as far as it goes */
	return err;
}
