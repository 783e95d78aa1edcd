/* mremap(2): growing, shrinking and moving mappings without copying pages. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/mman.h>

struct remap {
	struct address_space *space;
	uintptr_t old, new_addr;
	size_t old_len, new_len;
	unsigned flags;
};

static bool can_grow_in_place(const struct remap *remap, const struct area *area)
{
	uintptr_t end = remap->old + remap->old_len, new_end = remap->old + remap->new_len;
	return area->end == end && new_end > end && new_end <= USER_END &&
	       area_range_is_free(remap->space, end, new_end);
}

static int64_t grow_in_place(const struct remap *remap, struct area *area)
{
	size_t added = remap->new_len - remap->old_len;
	area->end += added;
	area_account(remap->space, area, (int64_t)(added >> PAGE_SHIFT));
	area_merge_around(remap->space, area->start, area->end);
	return (int64_t)remap->old;
}

/* An area for the new place that goes on like the old one. */
static struct area *copy_for(const struct remap *remap, const struct area *area, uintptr_t start)
{
	uint64_t skipped = area_is_anonymous(area) ? 0 : remap->old - area->start;
	return area_copy(area, start, start + remap->new_len, area->offset + skipped);
}

/* Whether the old place is unmapped afterwards. */
static bool leaves_place(const struct remap *remap)
{
	return remap->old_len && !(remap->flags & MREMAP_DONTUNMAP);
}

static int64_t move_pages(const struct remap *remap, uintptr_t start)
{
	struct address_space *space = remap->space;
	size_t moved = min(remap->old_len, remap->new_len);
	/* Huge pages are moved in parts: tables of both places are of small pages then. */
	for (uintptr_t va = ALIGN_DOWN(remap->old, HUGE_SIZE); va < remap->old + moved;
	     va += HUGE_SIZE)
		if (user_split_huge(space, max(va, remap->old)))
			return -ENOMEM;
	struct area *area = vm_find_area(space, remap->old);
	struct area *copy = copy_for(remap, area, start);
	if (!copy)
		return -ENOMEM;
	/* Before its pages: a file that is cut meanwhile finds them in either place. */
	area_link(space, copy);
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	int err = user_move_range(space, remap->old, start, moved, &batch);
	if (err) {
		/* Back with what has moved: those tables exist, so this cannot fail. */
		int undone = user_move_range(space, start, remap->old, moved, &batch);
		(void)undone;
		user_flush(space, &batch);
		area_remove(space, copy);
		area_free(copy);
		return err;
	}
	user_flush(space, &batch);
	return (int64_t)start;
}

/* All that may fail comes before the pages are in their new place: the old one ends at boundaries of areas then. */
static int64_t move(const struct remap *remap, uintptr_t start)
{
	struct address_space *space = remap->space;
	uintptr_t old_end = remap->old + remap->old_len;
	int64_t result = leaves_place(remap) ? area_split_ends(space, remap->old, old_end) : 0;
	if (!result)
		result = move_pages(remap, start);
	if (result >= 0 && leaves_place(remap)) {
		int err = vm_unmap_locked(space, remap->old, old_end); /* does not fail now */
		result = err ? err : result;
	}
	area_merge_around(space, remap->old, old_end);
	area_merge_around(space, start, start + remap->new_len);
	return result;
}

static int check(const struct remap *remap, const struct area *area)
{
	if (!area || area->end - remap->old < remap->old_len)
		return -EFAULT;
	bool changes =
	    remap->new_len != remap->old_len || remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	if (area->flags & AREA_SEALED && changes)
		return -EPERM;
	if (area->flags & AREA_FIXED_SIZE && remap->new_len > remap->old_len)
		return -EFAULT;
	if (!remap->old_len && !(area->flags & AREA_SHARED))
		return -EINVAL;
	if (remap->flags & MREMAP_DONTUNMAP && area->flags & AREA_SHARED)
		return -EINVAL;
	size_t replaced = remap->flags & MREMAP_DONTUNMAP ? 0 : remap->old_len;
	uint64_t added = remap->new_len > replaced ? (remap->new_len - replaced) >> PAGE_SHIFT : 0;
	if (vm_over_limits(remap->space, added, area->prot, area->flags) ||
	    (area_is_anonymous(area) && vm_is_absurd(added, area->prot, area->flags)) ||
	    remap->space->area_count >= AREAS_MAX - 3)
		return -ENOMEM;
	if (area->flags & AREA_LOCKED && vm_over_lock_limit(remap->space, added))
		return -EAGAIN;
	return 0;
}

/* What is to go first, in Linux's order: what lies at the new place, and what is too long of the old one, whatever areas that is in. */
static int clear_places(struct remap *remap)
{
	struct address_space *space = remap->space;
	if (!vm_find_area(space, remap->old))
		return -EFAULT;
	int err = remap->flags & MREMAP_FIXED
		      ? vm_unmap_locked(space, remap->new_addr, remap->new_addr + remap->new_len)
		      : 0;
	if (err || remap->old_len <= remap->new_len)
		return err;
	err = vm_unmap_locked(space, remap->old + remap->new_len, remap->old + remap->old_len);
	if (!err)
		remap->old_len = remap->new_len;
	return err;
}

static int64_t remap_locked(struct remap *remap)
{
	struct address_space *space = remap->space;
	bool fixed = remap->flags & MREMAP_FIXED;
	bool moves = remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	int err = clear_places(remap);
	if (err)
		return err;
	if (!moves && remap->old_len == remap->new_len)
		return (int64_t)remap->old;
	struct area *area = vm_find_area(space, remap->old);
	err = check(remap, area);
	if (err)
		return err;
	if (!moves && remap->old_len && can_grow_in_place(remap, area))
		return grow_in_place(remap, area);
	if (!(remap->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	uintptr_t start =
	    fixed ? remap->new_addr : area_find_gap(space, 0, remap->new_len, PAGE_SIZE);
	if (!start)
		return -ENOMEM;
	return move(remap, start);
}

int64_t vm_remap(struct address_space *space, uintptr_t old, size_t old_len, size_t new_len,
    unsigned flags, uintptr_t new_addr)
{
	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
	    !IS_ALIGNED(old, PAGE_SIZE))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	bool shrinks_or_grows = ALIGN_UP(old_len, PAGE_SIZE) != ALIGN_UP(new_len, PAGE_SIZE);
	if (flags & MREMAP_DONTUNMAP && shrinks_or_grows)
		return -EINVAL;
	old_len = ALIGN_UP(old_len, PAGE_SIZE);
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if (!new_len || new_len > USER_END || old_len > USER_END)
		return -EINVAL;
	if (old > USER_END - old_len)
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		if (!IS_ALIGNED(new_addr, PAGE_SIZE) || new_addr > USER_END - new_len)
			return -EINVAL;
		if (new_addr < old + old_len && old < new_addr + new_len)
			return -EINVAL; /* the two places overlap */
		if (new_addr < USER_MMAP_MIN)
			return -EPERM;
	}
	struct remap remap = {.space = space,
	    .old = old,
	    .new_addr = new_addr,
	    .old_len = old_len,
	    .new_len = new_len,
	    .flags = flags};
	rwlock_write_lock(&space->lock);
	int64_t result = remap_locked(&remap);
	bool populate = result >= 0 && space->lock_future && new_len > old_len;
	rwlock_write_unlock(&space->lock);
	if (populate)
		vm_populate(space, (uintptr_t)result, new_len); /* as far as it goes */
	return result;
}
