/* mprotect(2). */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/process.h>

/* The whole range must be mapped, and every part must allow it, before anything is changed. */
static int check(const struct address_space *space, const struct area *area, uintptr_t start,
    uintptr_t end, uint32_t prot)
{
	uintptr_t at = start;
	uint64_t data = 0; /* pages that become such */
	for (; area && area->start <= at; area = area_next(area)) {
		if (prot & ~area->max_prot)
			return -EACCES;
		if (area->flags & AREA_SEALED)
			return -EPERM;
		if (area_is_data(prot, area->flags) && !area_is_data(area->prot, area->flags))
			data += (min(end, area->end) - at) >> PAGE_SHIFT;
		at = area->end;
		if (at < end)
			continue;
		bool is_too_much =
		    data && space->data_pages + data > current_limit(RLIMIT_DATA) >> PAGE_SHIFT;
		return is_too_much ? -ENOMEM : 0;
	}
	return -ENOMEM;
}

/* `area` is the first. Out of memory: those before the one that would have to be split are changed. */
static int change(struct address_space *space, struct area *area, uintptr_t start, uintptr_t end,
    uint32_t prot, struct tlb_batch *batch)
{
	for (uintptr_t at = start; at < end; area = area_next(area)) {
		uintptr_t stop = min(end, area->end);
		if (area->prot != prot) {
			area = area_protect(space, area, at, stop, prot);
			if (!area)
				return -ENOMEM;
			user_protect_range(space, at, stop, prot, batch);
		}
		at = area->end; /* maybe behind `stop`: it has swallowed the next */
	}
	return 0;
}

/* PROT_GROWSDOWN: from the start of the stack that is there. */
static int extend_down(const struct area *area, uintptr_t *start, uintptr_t end)
{
	if (!area || area->start >= end)
		return -ENOMEM;
	*start = area->start;
	return area->flags & AREA_GROWS_DOWN ? 0 : -EINVAL;
}

static int protect_locked(struct address_space *space, uintptr_t start, uintptr_t end,
    unsigned linux_prot, struct tlb_batch *batch)
{
	struct area *area = area_at_or_after(space, start);
	uint32_t prot = vm_prot_of(linux_prot);
	int err = 0;
	if (unlikely(linux_prot & PROT_GROWSDOWN))
		err = extend_down(area, &start, end);
	if (!err)
		err = check(space, area, start, end, prot);
	if (unlikely(!err && linux_prot & PROT_GROWSUP))
		err = -EINVAL; /* nothing does here */
	if (!err)
		err = user_split_huge_ends(space, start, end);
	return err ? err : change(space, area, start, end, prot, batch);
}

int vm_protect(struct address_space *space, uintptr_t start, size_t len, unsigned linux_prot)
{
	unsigned grows = linux_prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	if (!IS_ALIGNED(start, PAGE_SIZE) || grows == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (!len)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (!vm_range_ok(start, len))
		return -ENOMEM;
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	rwlock_write_lock(&space->lock);
	int err = protect_locked(space, start, start + len, linux_prot, &batch);
	user_flush(space, &batch);
	rwlock_write_unlock(&space->lock);
	return err;
}
