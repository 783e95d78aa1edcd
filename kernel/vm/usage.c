/* What of an area is in memory, and with how many others it is shared: for /proc/PID/smaps. */
#include "vm_impl.h"

#include <lib/atomic.h>

/* A page of a cache is mapped as often as it is referenced, without the cache itself. Who copies from it now counts, too. */
static uint64_t mappings_of(struct page *page)
{
	uint32_t refs = atomic_load(&vm_page_head(page)->refs);
	return max(refs - (vm_page_is_cached(page) && refs ? 1 : 0), 1u);
}

static void count_entry(pte_t pte, unsigned level, struct area_usage *usage)
{
	struct page *page = phys_to_page(pte_paddr(pte, level));
	if (page == vm_zero_page)
		return;
	uint64_t bytes = pt_level_size(level), mappings = mappings_of(page);
	/* The parts of a huge block are counted together: each is mapped as often as the block is, on average. */
	if (level == 1 && vm_page_head(page)->order == HUGE_ORDER)
		mappings = DIV_ROUND_UP(mappings, PT_ENTRIES);
	bool is_dirty = pte_is_dirty(pte) || !vm_page_is_cached(page);
	usage->resident += bytes;
	usage->proportional += bytes / mappings;
	if (is_dirty)
		usage->proportional_dirty += bytes / mappings;
	*(mappings > 1 ? (is_dirty ? &usage->shared_dirty : &usage->shared_clean)
		       : (is_dirty ? &usage->private_dirty : &usage->private_clean)) += bytes;
	if (!vm_page_is_cached(page)) {
		usage->anonymous += bytes;
		usage->proportional_anonymous += bytes / mappings;
	}
	if (level == 2)
		usage->huge += bytes;
}

void vm_area_usage(struct address_space *space, const struct area *area, struct area_usage *usage)
{
	struct user_span span;
	*usage = (struct area_usage){.size = area->end - area->start};
	for (uintptr_t at = area->start; user_span_next(space, &at, area->end, &span);) {
		const pte_t *end = span.pte + span.count;
		spin_lock(&space->table.lock); /* the pages stay while their entries do */
		for (pte_t *entry = span.pte; (entry = user_next_entry(entry, end)); entry++)
			count_entry(atomic_load(entry), span.level, usage);
		spin_unlock(&space->table.lock);
	}
	if (area->flags & AREA_LOCKED)
		usage->locked = usage->proportional;
}
