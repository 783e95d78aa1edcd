/* Changing the areas of an address space: mmap, munmap, brk. Pages follow by themselves. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <abi/linux/process.h>
#include <lib/atomic.h>
#include <object/object.h>

int vm_split_ends(struct address_space *space, uintptr_t start, uintptr_t end)
{
	int err = area_split_ends(space, start, end);
	return err ? err : user_split_huge_ends(space, start, end);
}

/* Lock held for writing. Splits what sticks out, unmaps, frees. */
int vm_unmap_locked(struct address_space *space, uintptr_t start, uintptr_t end)
{
	if (unlikely(space->has_sealed) && vm_is_sealed(space, start, end))
		return -EPERM;
	int err = vm_split_ends(space, start, end);
	if (err)
		return err;
	struct area *area = area_at_or_after(space, start);
	while (area && area->start < end) {
		struct area *next = area_next(area);
		area_remove(space, area);
		user_unmap_range(space, area->start, area->end);
		area_free(area);
		area = next;
	}
	return 0;
}

/* Where the mapping goes, or -errno. Lock held for writing. */
static int64_t place(struct address_space *space, uintptr_t hint, size_t len, unsigned map_flags)
{
	if (!(map_flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		size_t align =
		    len >= HUGE_SIZE && map_flags & MAP_ANONYMOUS ? HUGE_SIZE : PAGE_SIZE;
		uintptr_t start = area_find_gap(space, hint, len, align);
		if (!start && align > PAGE_SIZE)
			start = area_find_gap(space, hint, len, PAGE_SIZE);
		return start ? (int64_t)start : -ENOMEM;
	}
	if (!IS_ALIGNED(hint, PAGE_SIZE))
		return -EINVAL;
	if (len > USER_END || hint > USER_END - len)
		return -ENOMEM;
	if (hint < USER_MMAP_MIN)
		return -EPERM;
	if (map_flags & MAP_FIXED_NOREPLACE && !area_range_is_free(space, hint, hint + len))
		return -EEXIST;
	int err = map_flags & MAP_FIXED_NOREPLACE ? 0 : vm_unmap_locked(space, hint, hint + len);
	return err ? err : (int64_t)hint;
}

static uint32_t area_flags_of(unsigned map_flags)
{
	uint32_t flags = (map_flags & MAP_TYPE) != MAP_PRIVATE ? AREA_SHARED : 0;
	if (map_flags & MAP_GROWSDOWN)
		flags |= AREA_GROWS_DOWN;
	if (map_flags & MAP_NORESERVE)
		flags |= AREA_NO_RESERVE;
	return flags;
}

/* What of the range is mapped now: a mapping on top of it takes that much less. */
static uint64_t mapped_in(struct address_space *space, uintptr_t start, uintptr_t end)
{
	uint64_t pages = 0;
	for (struct area *area = area_at_or_after(space, start); area && area->start < end;
	     area = area_next(area))
		pages += (min(end, area->end) - max(start, area->start)) >> PAGE_SHIFT;
	return pages;
}

/* Whether the process may have the mapping. Lock held for writing. */
static int check_map(struct address_space *space, uintptr_t hint, size_t len, unsigned prot,
    unsigned map_flags, const struct object *object)
{
	uint64_t pages = len >> PAGE_SHIFT;
	uint32_t flags = area_flags_of(map_flags);
	if (space->area_count >= AREAS_MAX ||
	    (!(object && flags & AREA_SHARED) && vm_is_absurd(pages, vm_prot_of(prot), flags)))
		return -ENOMEM;
	if (map_flags & MAP_LOCKED && !vm_may_lock())
		return -EPERM;
	if ((map_flags & MAP_LOCKED || space->lock_future) && vm_over_lock_limit(space, pages))
		return -EAGAIN;
	if (!vm_over_limits(space, pages, vm_prot_of(prot), flags))
		return 0;
	uint64_t replaced = map_flags & MAP_FIXED && len <= USER_END && hint <= USER_END - len
				? mapped_in(space, hint, hint + len)
				: 0;
	return vm_over_limits(space, pages - replaced, vm_prot_of(prot), flags) ? -ENOMEM : 0;
}

/* In no place yet. */
static struct area *make_area(
    size_t len, unsigned prot, unsigned map_flags, struct object *object, uint64_t offset, int *err)
{
	uint32_t flags = area_flags_of(map_flags);
	struct area *area = area_create(0, len, vm_prot_of(prot), flags);
	*err = -ENOMEM;
	if (!area)
		return NULL;
	area->offset = offset;
	*err = 0;
	if (object && flags & AREA_SHARED && (object->flags & O_ACCMODE) == O_RDONLY)
		area->max_prot &= ~(uint32_t)VM_WRITE;
	if (object)
		*err = object->ops->map ? object->ops->map(object, area) : -ENODEV;
	else if (flags & AREA_SHARED)
		*err = shared_memory_map(area);
	if (*err) {
		area_free(area);
		return NULL;
	}
	return area;
}

/* Nothing makes way for what cannot be mapped. */
static int64_t map_locked(struct address_space *space, uintptr_t hint, size_t len, unsigned prot,
    unsigned map_flags, struct object *object, uint64_t offset)
{
	int err;
	struct area *area = make_area(len, prot, map_flags, object, offset, &err);
	if (!area)
		return err;
	int64_t start = place(space, hint, len, map_flags);
	if (start < 0) {
		area_free(area);
		return start;
	}
	area->start = (uintptr_t)start;
	area->end = area->start + len;
	if (space->lock_future || map_flags & MAP_LOCKED)
		area->flags |= AREA_LOCKED;
	area_insert(space, area);
	return start;
}

int64_t vm_map(struct address_space *space, uintptr_t hint, size_t len, unsigned prot,
    unsigned map_flags, struct object *object, uint64_t offset)
{
	if (!len)
		return -EINVAL;
	if (len > USER_END)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	rwlock_write_lock(&space->lock);
	int64_t start = check_map(space, hint, len, prot, map_flags, object);
	if (!start)
		start = map_locked(space, hint, len, prot, map_flags, object, offset);
	bool populate = start >= 0 &&
			(map_flags & (MAP_POPULATE | MAP_LOCKED) || space->lock_future) &&
			!(map_flags & MAP_NONBLOCK);
	rwlock_write_unlock(&space->lock);
	if (populate)
		vm_populate(space, (uintptr_t)start, len); /* as far as it goes */
	return start;
}

int vm_map_stack(struct address_space *space, uintptr_t top, size_t size, unsigned prot)
{
	struct area *area =
	    area_create(top - size, top, vm_prot_of(prot), AREA_GROWS_DOWN | AREA_STACK);
	if (!area)
		return -ENOMEM;
	area->name = "[stack]";
	rwlock_write_lock(&space->lock);
	area_insert(space, area);
	rwlock_write_unlock(&space->lock);
	return 0;
}

int vm_unmap(struct address_space *space, uintptr_t start, size_t len)
{
	if (!vm_range_ok(start, len))
		return -EINVAL;
	rwlock_write_lock(&space->lock);
	int err = vm_unmap_locked(space, start, start + ALIGN_UP(len, PAGE_SIZE));
	rwlock_write_unlock(&space->lock);
	return err;
}

int vm_unmap_object(struct address_space *space, uintptr_t start, const struct area_ops *ops)
{
	const struct object *object = NULL;
	int err = -EINVAL;
	rwlock_write_lock(&space->lock);
	struct area *area = area_at_or_after(space, start), *next;
	for (; area; area = next) {
		next = area_next(area);
		bool is_part =
		    area->ops == ops && area->start >= start && area->start - start == area->offset;
		if (!is_part || (object && area->object != object))
			continue;
		object = area->object;
		err = vm_unmap_locked(space, area->start, area->end);
		if (err)
			break;
	}
	rwlock_write_unlock(&space->lock);
	return err;
}

/* The heap is one area, usually, that grows at its end. */
static bool grow_heap(struct address_space *space, uintptr_t old_end, uintptr_t new_end)
{
	uint64_t pages = (new_end - old_end) >> PAGE_SHIFT;
	uint32_t prot = VM_READ | VM_WRITE;
	if (new_end > USER_END || !area_range_is_free(space, old_end, new_end) ||
	    vm_over_limits(space, pages, prot, 0) || vm_is_absurd(pages, prot, 0) ||
	    (space->lock_future && vm_over_lock_limit(space, pages)))
		return false;
	uint32_t flags = AREA_HEAP | (space->lock_future ? AREA_LOCKED : 0);
	struct area *heap = old_end > ALIGN_UP(space->brk_start, PAGE_SIZE)
				? vm_find_area(space, old_end - 1)
				: NULL;
	/* Unless the program has made something else of its end. */
	if (heap && heap->end == old_end && heap->flags == flags && heap->prot == prot) {
		heap->end = new_end;
		area_account(space, heap, (int64_t)pages);
		return true;
	}
	struct area *area = area_create(old_end, new_end, prot, flags);
	if (!area)
		return false;
	area->name = "[heap]";
	area_insert(space, area);
	return true;
}

uintptr_t vm_set_brk(struct address_space *space, uintptr_t new_brk)
{
	uintptr_t old_brk = atomic_load(&space->brk_end);
	if (new_brk < space->brk_start || new_brk == old_brk)
		return old_brk;
	rwlock_write_lock(&space->lock);
	old_brk = space->brk_end;
	uintptr_t old_end = ALIGN_UP(old_brk, PAGE_SIZE), new_end = ALIGN_UP(new_brk, PAGE_SIZE);
	bool ok = true;
	if (new_brk >= USER_END || new_brk - space->brk_start > current_limit(RLIMIT_DATA))
		ok = false;
	else if (new_end > old_end)
		ok = grow_heap(space, old_end, new_end);
	else if (new_end < old_end)
		ok = !vm_unmap_locked(space, new_end, old_end);
	if (ok)
		atomic_store(&space->brk_end, new_brk);
	uintptr_t result = space->brk_end;
	bool populate = space->lock_future && ok && new_end > old_end;
	rwlock_write_unlock(&space->lock);
	if (populate)
		vm_populate(space, old_end, new_end - old_end); /* as far as it goes */
	return result;
}
