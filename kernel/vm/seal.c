/* mseal(2): areas that stay where they are, with the rights that they have, until the process ends. */
#include "vm_impl.h"

#include <abi/errno.h>

bool vm_is_sealed(struct address_space *space, uintptr_t start, uintptr_t end)
{
	const struct area *area = area_at_or_after(space, start);
	for (; area && area->start < end; area = area_next(area))
		if (area->flags & AREA_SEALED)
			return true;
	return false;
}

bool vm_seal_forbids(const struct area *area, int advice)
{
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK: break;
	default: return false;
	}
	/* What may be written anyway, and what a file has still, may be thrown away. */
	return area->flags & AREA_SEALED && area_is_anonymous(area) && !(area->prot & VM_WRITE);
}

static bool is_mapped(struct address_space *space, uintptr_t start, uintptr_t end)
{
	const struct area *area = vm_find_area(space, start);
	while (area && area->end < end) {
		const struct area *next = area_next(area);
		area = next && next->start == area->end ? next : NULL;
	}
	return area;
}

static int seal_locked(struct address_space *space, uintptr_t start, uintptr_t end)
{
	if (!is_mapped(space, start, end) || area_split_ends(space, start, end))
		return -ENOMEM;
	space->has_sealed = true;
	struct area *area = vm_find_area(space, start);
	for (; area && area->start < end; area = area_next(area))
		area->flags |= AREA_SEALED;
	area_merge_around(space, start, end);
	return 0;
}

int vm_seal(struct address_space *space, uintptr_t start, size_t len)
{
	size_t rounded = ALIGN_UP(len, PAGE_SIZE);
	uintptr_t end;
	if (!IS_ALIGNED(start, PAGE_SIZE) || rounded < len || add_overflows(start, rounded, &end))
		return -EINVAL;
	if (!rounded)
		return 0;
	if (end > USER_END)
		return -ENOMEM;
	rwlock_write_lock(&space->lock);
	int err = seal_locked(space, start, end);
	rwlock_write_unlock(&space->lock);
	return err;
}
