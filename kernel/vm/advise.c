/* madvise(2): what a program says about how it will use its memory. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <object/object.h>

static int drop_pages(
    struct address_space *space, struct area *area, uintptr_t start, uintptr_t end)
{
	if (area->flags & AREA_FIXED_SIZE)
		return -EINVAL;
	if (user_split_huge_ends(space, start, end))
		return -ENOMEM;
	user_unmap_range(space, start, end);
	return 0;
}

/* A file decides itself, and without the lock, which comes after its own. */
static int remove_from_object(
    struct address_space *space, struct object *object, uint64_t offset, uint64_t len)
{
	object_get(object);
	rwlock_write_unlock(&space->lock);
	int err =
	    object->ops->allocate(object, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len);
	object_put(object);
	rwlock_write_lock(&space->lock);
	return err;
}

static int remove_pages(
    struct address_space *space, const struct area *area, uintptr_t start, uintptr_t end)
{
	uint64_t first = area_page_offset(area, start), count = (end - start) >> PAGE_SHIFT;
	if (area->flags & AREA_LOCKED || !area->cache)
		return -EINVAL;
	if (!(area->flags & AREA_SHARED) || !(area->max_prot & VM_WRITE))
		return -EACCES;
	if (area->object->ops->allocate)
		return remove_from_object(
		    space, area->object, first << PAGE_SHIFT, count << PAGE_SHIFT);
	page_cache_punch(area->cache, first, count);
	return 0;
}

struct flag_change {
	int advice;
	uint32_t set, clear;
};

static const struct flag_change flag_changes[] = {
    {MADV_DONTFORK, AREA_NO_FORK, 0},
    {MADV_DOFORK, 0, AREA_NO_FORK},
    {MADV_WIPEONFORK, AREA_WIPE_ON_FORK, 0},
    {MADV_KEEPONFORK, 0, AREA_WIPE_ON_FORK},
    {MADV_DONTDUMP, AREA_NO_DUMP, 0},
    {MADV_DODUMP, 0, AREA_NO_DUMP},
    {MADV_HUGEPAGE, AREA_HUGE, AREA_NO_HUGE},
    {MADV_NOHUGEPAGE, AREA_NO_HUGE, AREA_HUGE},
};

static const struct flag_change *find_flag_change(int advice)
{
	for (size_t i = 0; i < ARRAY_LEN(flag_changes); i++)
		if (flag_changes[i].advice == advice)
			return &flag_changes[i];
	return NULL;
}

static int advise_area(
    struct address_space *space, struct area *area, uintptr_t start, uintptr_t end, int advice)
{
	const struct flag_change *change = find_flag_change(advice);
	if (change) {
		if (advice == MADV_WIPEONFORK &&
		    (!area_is_anonymous(area) || area->flags & AREA_SHARED))
			return -EINVAL;
		area->flags = (area->flags | change->set) & ~change->clear;
		return 0;
	}
	bool takes_away = advice == MADV_FREE || advice == MADV_DONTNEED || advice == MADV_COLD ||
			  advice == MADV_PAGEOUT;
	if (takes_away && area->flags & AREA_LOCKED)
		return -EINVAL;
	switch (advice) {
	case MADV_FREE:
		if (!area_is_anonymous(area) || area->flags & AREA_SHARED)
			return -EINVAL;
		return drop_pages(space, area, start, end);
	case MADV_DONTNEED_LOCKED:
	case MADV_DONTNEED: return drop_pages(space, area, start, end);
	case MADV_REMOVE: return remove_pages(space, area, start, end); /* lets the lock go */
	default: return 0; /* nothing is swapped or read ahead: the advice is already followed */
	}
}

static bool is_known(int advice)
{
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED && advice != MADV_MERGEABLE &&
		   advice != MADV_UNMERGEABLE);
}

int vm_advise(struct address_space *space, uintptr_t start, size_t len, int advice)
{
	if (!IS_ALIGNED(start, PAGE_SIZE) || !is_known(advice))
		return -EINVAL;
	size_t rounded = ALIGN_UP(len, PAGE_SIZE);
	uintptr_t end = start + rounded, at = start;
	if (rounded < len || end < start)
		return -EINVAL;
	if (!rounded)
		return 0;
	if (start >= USER_END)
		return -ENOMEM;
	bool hole = end > USER_END; /* where nothing of the program's can be */
	end = min(end, (uintptr_t)USER_END);
	bool splits = find_flag_change(advice);
	int err = 0;
	rwlock_write_lock(&space->lock);
	if (splits && vm_split_ends(space, start, end))
		err = -ENOMEM;
	while (!err && at < end) {
		struct area *area = area_at_or_after(space, at);
		if (!area || area->start >= end) {
			hole = true;
			break;
		}
		hole |= area->start > at;
		if (vm_seal_forbids(area, advice)) {
			err = -EPERM;
			break;
		}
		uintptr_t from = max(at, area->start);
		at = min(end, area->end);
		err = advise_area(space, area, from, at, advice);
	}
	if (splits)
		area_merge_around(space, start, end);
	rwlock_write_unlock(&space->lock);
	if (!err && (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) && !hole)
		err = vm_populate_for(space, start, rounded,
		    advice == MADV_POPULATE_WRITE ? POPULATE_TO_WRITE : POPULATE_TO_READ);
	/* Linux does what it can and says that there was a hole. */
	return err ? err : hole ? -ENOMEM : 0;
}
