/*
 * User page tables. An entry is empty (zero) or holds a page, present or hidden (PROT_NONE). The lower half of a root is this module's alone:
 * tables are made on demand and stay until the address space ends or their whole span is unmapped at its end, so a walk under space->lock
 * never loses the ground under its feet.
 */
#include "vm_impl.h"

#include <abi/errno.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>

static pte_t *entries_of(pte_t link)
{
	return phys_to_virt(pte_paddr(link, 1));
}

static pte_t *root_of(const struct address_space *space)
{
	return phys_to_virt(space->table.root);
}

struct user_slot user_slot_reach(const struct address_space *space, uintptr_t va)
{
	pte_t *slot = &root_of(space)[pt_index(va, 4)], pte = atomic_load(slot);
	if (unlikely(!pte))
		return (struct user_slot){slot, 4};
	slot = &entries_of(pte)[pt_index(va, 3)], pte = atomic_load(slot);
	if (unlikely(!pte))
		return (struct user_slot){slot, 3};
	slot = &entries_of(pte)[pt_index(va, 2)], pte = atomic_load(slot);
	if (unlikely(!pte || pte_is_leaf(pte, 2)))
		return (struct user_slot){slot, 2};
	return (struct user_slot){&entries_of(pte)[pt_index(va, 1)], 1};
}

struct user_slot user_slot_find(const struct address_space *space, uintptr_t va)
{
	struct user_slot slot = user_slot_reach(space, va);
	if (slot.level > 1 && !atomic_load(slot.pte))
		slot.pte = NULL;
	return slot;
}

pte_t *user_slot_make(struct address_space *space, uintptr_t va, unsigned wanted)
{
	debug_assert(va < USER_END);
	pte_t *entries = root_of(space);
	for (unsigned level = PT_LEVELS; level > wanted; level--) {
		pte_t *slot = &entries[pt_index(va, level)];
		if (!atomic_load(slot) && !user_table_add(space, slot))
			return NULL;
		pte_t pte = atomic_load(slot);
		if (pte_is_leaf(pte, level))
			return NULL;
		entries = entries_of(pte);
	}
	pte_t *slot = &entries[pt_index(va, wanted)];
	if (wanted > 1 && *slot && !pte_is_leaf(*slot, wanted))
		return NULL;
	return slot;
}

static void count_resident(struct address_space *space, const struct page *page, int64_t pages)
{
	if (page == vm_zero_page)
		return;
	atomic_fetch_add(vm_page_is_cached(page) ? &space->resident_file : &space->resident_anon,
	    (uint64_t)pages);
}

bool user_span_next(
    const struct address_space *space, uintptr_t *at, uintptr_t end, struct user_span *span)
{
	debug_assert(end <= USER_END); /* the upper half is the kernel's */
	while (*at < end) {
		struct user_slot slot = user_slot_find(space, *at);
		uintptr_t va = *at, size = pt_level_size(slot.pte ? 2 : slot.level);
		*at = min(end, ALIGN_DOWN(va, size) + size);
		if (!slot.pte)
			continue;
		*span = (struct user_span){.pte = slot.pte, .level = slot.level, .va = va};
		span->count = slot.level == 2 ? 1 : (unsigned)((*at - va) >> PAGE_SHIFT);
		return true;
	}
	return false;
}

#define GATHER_MAX 64

/* Pages whose reference is put once no CPU can reach them. */
struct unmapping {
	struct address_space *space;
	const struct page_cache *only; /* only pages of this cache, if any */
	struct tlb_batch batch;
	unsigned count;
	struct page *pages[GATHER_MAX];
};

/* A slot is emptied. Lock held. */
static void unmap_entry(struct unmapping *unmapping, pte_t *slot, unsigned level, uintptr_t va)
{
	if (unmapping->only &&
	    page_cache_of(phys_to_page(pte_paddr(atomic_load(slot), level))) != unmapping->only)
		return;
	pte_t pte = atomic_swap(slot, 0);
	if (!pte)
		return; /* the end of the space and that of a file it maps: who empties the slot has the page */
	struct page *page = phys_to_page(pte_paddr(pte, level));
	uint64_t size = pt_level_size(level);
	count_resident(unmapping->space, page, -(int64_t)(size >> PAGE_SHIFT));
	if (pte_is_dirty(pte) && vm_page_is_cached(page))
		page_cache_mark_dirty(page_cache_of(page), page);
	tlb_batch_add(&unmapping->batch, ALIGN_DOWN(va, size), ALIGN_DOWN(va, size) + size);
	if (page != vm_zero_page)
		unmapping->pages[unmapping->count++] = page;
}

/* From `at` on, as far as there is room for pages. Returns where it stopped. Lock held. */
static uintptr_t unmap_some(struct unmapping *unmapping, uintptr_t at, uintptr_t end)
{
	struct user_span span;
	while (user_span_next(unmapping->space, &at, end, &span)) {
		pte_t *pte = span.pte, *stop = pte + span.count;
		while ((pte = user_next_entry(pte, stop))) {
			uintptr_t va = span.va + ((uintptr_t)(pte - span.pte) << PAGE_SHIFT);
			if (unmapping->count == GATHER_MAX)
				return va;
			unmap_entry(unmapping, pte++, span.level, va);
		}
	}
	return end;
}

static void unmap_range(
    struct address_space *space, const struct page_cache *only, uintptr_t start, uintptr_t end)
{
	struct unmapping unmapping;
	unmapping.space = space;
	unmapping.only = only;
	tlb_batch_init(&unmapping.batch);
	address_space_peak(space); /* from here on there are less */
	while (start < end) {
		unmapping.count = 0;
		spin_lock(&space->table.lock);
		start = unmap_some(&unmapping, start, end);
		spin_unlock(&space->table.lock);
		user_flush(space, &unmapping.batch);
		for (unsigned i = 0; i < unmapping.count; i++)
			vm_page_put(unmapping.pages[i]);
	}
}

void user_unmap_range(struct address_space *space, uintptr_t start, uintptr_t end)
{
	unmap_range(space, NULL, start, end);
}

void user_unmap_cached_range(
    struct address_space *space, const struct page_cache *cache, uintptr_t start, uintptr_t end)
{
	unmap_range(space, cache, start, end);
}

/* Nobody runs the space any more, so entries change by plain stores; but who cuts a file may still look for its pages here. */
static void drop_area(struct address_space *space, const struct area *area)
{
	struct user_span span;
	for (uintptr_t at = area->start; user_span_next(space, &at, area->end, &span);) {
		pte_t *pte = span.pte, *end = pte + span.count;
		if (area->cache)
			spin_lock(&space->table.lock);
		while ((pte = user_next_entry(pte, end))) {
			struct page *page = phys_to_page(pte_paddr(*pte, span.level));
			if (pte_is_dirty(*pte) && vm_page_is_cached(page))
				page_cache_mark_dirty(page_cache_of(page), page);
			*pte++ = 0;
			vm_page_put(page);
		}
		if (area->cache)
			spin_unlock(&space->table.lock);
	}
}

void user_unmap_all(struct address_space *space)
{
	struct rb_node *node;
	rb_for_each(node, &space->areas)
		drop_area(space, rb_entry(node, struct area, node));
}

int user_split_huge(struct address_space *space, uintptr_t va)
{
	assert(va < USER_END); /* the upper half of a root is the kernel's */
	struct user_slot slot = user_slot_find(space, va);
	if (slot.level != 2 || !slot.pte || !atomic_load(slot.pte))
		return 0;
	struct page *table = page_alloc(0, 0);
	if (!table)
		return -ENOMEM;
	spin_lock(&space->table.lock);
	pte_t pte = atomic_load(slot.pte);
	if (!pte || !pte_is_leaf(pte, 2)) {
		spin_unlock(&space->table.lock);
		page_free(table, 0);
		return 0;
	}
	struct page *head = phys_to_page(pte_paddr(pte, 2));
	if (atomic_load(&head->refs) == 1)
		vm_huge_page_break(head);
	else
		atomic_fetch_add(&head->refs, PT_ENTRIES - 1); /* each small mapping holds one */
	pte_t *entries = page_to_virt(table), bits = pte & ~(PTE_ADDR_MASK | PTE_LARGE);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		entries[i] = page_to_phys(head + i) | bits;
	/* Same translations, other size: a processor may use either until the flush. */
	user_table_link_locked(space, slot.pte, table);
	spin_unlock(&space->table.lock);

	struct tlb_batch batch;
	tlb_batch_init(&batch);
	tlb_batch_add(&batch, ALIGN_DOWN(va, HUGE_SIZE), ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE);
	user_flush(space, &batch);
	return 0;
}

static bool is_in_huge(const struct address_space *space, uintptr_t va)
{
	struct user_slot slot = user_slot_reach(space, va);
	return slot.level == 2 && atomic_load(slot.pte);
}

int user_split_huge_ends(struct address_space *space, uintptr_t start, uintptr_t end)
{
	bool splits_start = !IS_ALIGNED(start, HUGE_SIZE), splits_end = !IS_ALIGNED(end, HUGE_SIZE);
	if (splits_start && ALIGN_DOWN(start, HUGE_SIZE) == ALIGN_DOWN(end, HUGE_SIZE))
		splits_end = false; /* the same huge page */
	int err = splits_start && is_in_huge(space, start) ? user_split_huge(space, start) : 0;
	return !err && splits_end && is_in_huge(space, end) ? user_split_huge(space, end) : err;
}

#define PTE_RIGHTS (PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_NO_EXEC)

/* Private pages that others share stay read-only until somebody writes; shared ones until the write is announced. */
static void protect_entry(pte_t *slot, unsigned level, uint32_t prot)
{
	pte_t old = atomic_load(slot);
	if (prot & VM_WRITE && !(old & PTE_WRITABLE) &&
	    !vm_page_is_sole(phys_to_page(pte_paddr(old, level))))
		prot = vm_prot_to_read(prot);
	/* The processor may set its bits meanwhile. */
	while (!atomic_cas(slot, &old, (old & ~PTE_RIGHTS) | vm_leaf_bits[prot]))
		;
}

void user_protect_range(struct address_space *space, uintptr_t start, uintptr_t end, uint32_t prot,
    struct tlb_batch *batch)
{
	struct user_span span;
	spin_lock(&space->table.lock);
	while (user_span_next(space, &start, end, &span)) {
		pte_t *pte = span.pte, *stop = pte + span.count;
		uintptr_t size = pt_level_size(span.level);
		for (; (pte = user_next_entry(pte, stop)); pte++) {
			uintptr_t va = span.va + ((uintptr_t)(pte - span.pte) << PAGE_SHIFT);
			protect_entry(pte, span.level, prot);
			tlb_batch_add(batch, ALIGN_DOWN(va, size), ALIGN_DOWN(va, size) + size);
		}
	}
	spin_unlock(&space->table.lock);
}

int user_move_range(
    struct address_space *space, uintptr_t from, uintptr_t to, size_t len, struct tlb_batch *batch)
{
	for (size_t offset = 0; offset < len; offset += PAGE_SIZE) {
		struct user_slot source = user_slot_find(space, from + offset);
		if (!source.pte) {
			/* No table: skip what it would cover. */
			uint64_t size = pt_level_size(source.level);
			offset = ALIGN_DOWN(from + offset, size) + size - from - PAGE_SIZE;
			continue;
		}
		if (!atomic_load(source.pte))
			continue;
		pte_t *target = user_slot_make(space, to + offset, 1);
		if (!target)
			return -ENOMEM;
		spin_lock(&space->table.lock);
		pte_t pte = atomic_load(source.pte);
		/* What its file has dropped stays, for the file's last round to find. */
		bool stays = !pte || page_cache_has_dropped(phys_to_page(pte_paddr(pte, 1)));
		if (!stays)
			*target = atomic_swap(source.pte, 0);
		spin_unlock(&space->table.lock);
		if (!stays)
			tlb_batch_add(batch, from + offset, from + offset + PAGE_SIZE);
	}
	return 0;
}

void user_flush_everything(struct address_space *space)
{
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	tlb_batch_add(&batch, 0, TLB_FLUSH_ALL_PAGES * PAGE_SIZE);
	batch.everything = true;
	tlb_flush(&batch, atomic_load(&space->cpus));
}

void user_flush_page(struct address_space *space, uintptr_t va)
{
	/* Preemption off: on another CPU the thread would leave a stale translation behind. */
	preempt_disable();
	bool is_ours_alone = atomic_load(&space->cpus) == cpumask_of(this_cpu());
	if (likely(is_ours_alone))
		mmu_flush_page(va);
	preempt_enable();
	if (likely(is_ours_alone))
		return;
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	tlb_batch_add(&batch, va, va + PAGE_SIZE);
	tlb_flush(&batch, atomic_load(&space->cpus));
}

void user_flush(struct address_space *space, struct tlb_batch *batch)
{
	if (batch->page_count == 1 && !batch->everything && list_is_empty(&batch->pages)) {
		user_flush_page(space, batch->ranges[0].start);
		tlb_batch_init(batch);
	} else if (!tlb_batch_is_empty(batch)) {
		tlb_flush(batch, atomic_load(&space->cpus));
	}
}
