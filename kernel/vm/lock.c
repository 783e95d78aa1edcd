/* mlock(2) and its family, and mincore(2). Nothing is ever swapped out, so locking means: in memory now, and counted. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <lib/atomic.h>

static void set_locked(struct address_space *space, struct area *area, bool lock)
{
	if (!!(area->flags & AREA_LOCKED) == lock)
		return;
	area_account(space, area, -(int64_t)area_pages(area));
	area->flags ^= AREA_LOCKED;
	area_account(space, area, (int64_t)area_pages(area));
}

static bool is_all_mapped(
    struct address_space *space, uintptr_t start, uintptr_t end, uint64_t *unlocked)
{
	uintptr_t at = start;
	*unlocked = 0;
	for (struct area *area = vm_find_area(space, start); area && area->start <= at && at < end;
	     area = area_next(area)) {
		uintptr_t stop = min(end, area->end);
		if (!(area->flags & AREA_LOCKED))
			*unlocked += (stop - at) >> PAGE_SHIFT;
		at = stop;
	}
	return at >= end;
}

int vm_lock(struct address_space *space, uintptr_t start, size_t len, enum vm_locking how)
{
	bool lock = how != VM_UNLOCK;
	uintptr_t first = ALIGN_DOWN(start, PAGE_SIZE), end;
	if (add_overflows(start, len, &end) || end > UINT64_MAX - PAGE_SIZE)
		return -EINVAL;
	end = ALIGN_UP(end, PAGE_SIZE);
	if (lock && !vm_may_lock())
		return -EPERM;
	if (first == end)
		return 0;
	rwlock_write_lock(&space->lock);
	uint64_t unlocked;
	int err = is_all_mapped(space, first, end, &unlocked) ? 0 : -ENOMEM;
	if (!err && lock && vm_over_lock_limit(space, unlocked))
		err = -ENOMEM;
	if (!err && vm_split_ends(space, first, end))
		err = -ENOMEM;
	for (struct area *area = area_at_or_after(space, first); !err && area && area->start < end;
	     area = area_next(area))
		set_locked(space, area, lock);
	area_merge_around(space, first, end);
	rwlock_write_unlock(&space->lock);
	if (err || how != VM_LOCK_NOW)
		return err;
	err = vm_populate(space, first, end - first);
	/* What may not be touched at all is no memory to mlock; what is missing may be there later. */
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

bool vm_has_locked(struct address_space *space, uintptr_t start, uintptr_t end)
{
	bool found = false;
	rwlock_read_lock(&space->lock);
	for (struct area *area = area_at_or_after(space, start); area && area->start < end;
	     area = area_next(area))
		found |= !!(area->flags & AREA_LOCKED);
	rwlock_read_unlock(&space->lock);
	return found;
}

/* Brings in all that may be touched, as far as it goes. */
static void populate_all(struct address_space *space)
{
	for (uintptr_t at = 0;;) {
		rwlock_read_lock(&space->lock);
		const struct area *area = area_at_or_after(space, at);
		uintptr_t start = area ? max(at, area->start) : 0, end = area ? area->end : 0;
		rwlock_read_unlock(&space->lock);
		if (!area || vm_populate(space, start, end - start) == -EINTR)
			return;
		at = end;
	}
}

int vm_lock_all(struct address_space *space, bool current, bool future)
{
	if ((current || future) && !vm_may_lock())
		return -EPERM;
	int err = 0;
	rwlock_write_lock(&space->lock);
	if (current && vm_over_lock_limit(space, space->mapped_pages - space->locked_pages))
		err = -ENOMEM;
	struct rb_node *node;
	if (!err) {
		space->lock_future = future;
		if (current || !future)
			rb_for_each(node, &space->areas)
				set_locked(space, rb_entry(node, struct area, node), current);
	}
	rwlock_write_unlock(&space->lock);
	if (!err && current)
		populate_all(space);
	return err;
}

static bool is_resident(struct address_space *space, const struct area *area, uintptr_t va)
{
	struct user_slot slot = user_slot_find(space, va);
	if (slot.pte && atomic_load(slot.pte))
		return true;
	if (!area->cache)
		return false;
	struct page *page = page_cache_find(area->cache, area_page_offset(area, va));
	if (page)
		page_put(page);
	return page;
}

int vm_residency(struct address_space *space, uintptr_t start, uintptr_t end,
    int (*emit)(void *ctx, size_t page, bool present), void *ctx)
{
	int err = 0;
	for (uintptr_t va = start; va < end && !err; va += PAGE_SIZE) {
		rwlock_read_lock(&space->lock);
		struct area *area = vm_find_area(space, va);
		bool present = area && is_resident(space, area, va);
		rwlock_read_unlock(&space->lock);
		err = area ? emit(ctx, (va - start) >> PAGE_SHIFT, present) : -ENOMEM;
	}
	return err;
}
