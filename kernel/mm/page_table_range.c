/*
 * Changing ranges of any size. Every change is made in two passes over the range: `plan` looks, reports every error and
 * counts the tables that will be needed; `commit` cannot fail. Between the two lies the allocation, without the lock; so plan
 * runs again until what it asks for is there.
 */
#include "page_table_impl.h"

#include <abi/errno.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <mm/page_alloc.h>

bool page_tables_are_early;

/* Tables allocated in advance, so that commit cannot fail. */
struct spares {
	struct list pages;
	unsigned count;
};

struct mapping {
	struct page_table *table;
	struct spares *spares;
	paddr_t pa_minus_va; /* wraps */
	unsigned prot, max_level;
};

/* The end of the slot of this level that holds va, or of the range, whichever comes first. */
static uintptr_t slot_end(uintptr_t va, uintptr_t end, unsigned level)
{
	uint64_t left = pt_level_size(level) - (va & (pt_level_size(level) - 1));
	return end - va > left ? va + left : end;
}

static bool is_whole_slot(uintptr_t va, uintptr_t end, unsigned level)
{
	return end - va == pt_level_size(level);
}

/* --- spare tables ------------------------------------------------------------------------------------------------ */

static void spares_init(struct spares *spares)
{
	list_init(&spares->pages);
	spares->count = 0;
}

static void spares_free(struct spares *spares)
{
	struct list *node;
	while ((node = list_pop_front(&spares->pages)))
		page_free(list_entry(node, struct page, link), 0);
	spares->count = 0;
}

static int spares_fill(struct spares *spares, unsigned count)
{
	while (spares->count < count) {
		struct page *page = page_alloc(0, PAGE_ZERO);
		if (!page)
			return -ENOMEM;
		list_push_back(&spares->pages, &page->link);
		spares->count++;
	}
	return 0;
}

static bool spares_suffice(const struct spares *spares, unsigned needed)
{
	return page_tables_are_early || spares->count >= needed;
}

/* A zeroed table, for commit: plan has made sure that there is one. */
static paddr_t take_table(struct page_table *table, struct spares *spares)
{
	table->table_pages++;
	if (page_tables_are_early)
		return page_early_alloc(PAGE_SIZE, PAGE_SIZE);

	struct list *node = list_pop_front(&spares->pages);
	assert(node);
	spares->count--;
	struct page *page = list_entry(node, struct page, link);
	page->owner_data = 0;
	return page_to_phys(page);
}

void page_table_count_entries(paddr_t table, int64_t change)
{
	if (page_tables_are_early)
		return;
	struct page *page = phys_to_page(table);
	if (page->kind != PAGE_RESERVED)
		page->owner_data += (uint64_t)change;
}

static bool is_empty_table(paddr_t table)
{
	if (page_tables_are_early)
		return false;
	const struct page *page = phys_to_page(table);
	return page->kind != PAGE_RESERVED && !page->owner_data;
}

/* --- map --------------------------------------------------------------------------------------------------------- */

static bool fits_leaf(const struct mapping *m, uintptr_t va, uintptr_t next, unsigned level)
{
	if (level == 1)
		return true;
	return level <= m->max_level && is_whole_slot(va, next, level) &&
	       IS_ALIGNED(va + m->pa_minus_va, pt_level_size(level)) &&
	       (level < 3 || mmu_has_1g_pages());
}

/* `entries` is NULL where there is no table yet: then everything below is free. */
static int plan_map(const struct mapping *m, const pte_t *entries, unsigned level, uintptr_t va,
    uintptr_t end, unsigned *needed)
{
	if (!entries && level == 1)
		return 0;
	for (uintptr_t next; va < end; va = next) {
		next = slot_end(va, end, level);
		pte_t pte = entries ? entries[pt_index(va, level)] : 0;
		const pte_t *child = NULL;

		if (pte_is_present(pte)) {
			if (pte_is_leaf(pte, level))
				return -EEXIST;
			child = page_table_entries(pte_paddr(pte, 1));
		} else {
			if (fits_leaf(m, va, next, level))
				continue;
			/* A new top-level entry would be missing in every other address space. */
			if (level == PT_LEVELS && page_table_is_kernel_half(va) &&
			    !page_tables_are_early)
				return -EFAULT;
			++*needed;
		}
		int err = plan_map(m, child, level - 1, va, next, needed);
		if (err)
			return err;
	}
	return 0;
}

static void commit_map(
    const struct mapping *m, paddr_t table, unsigned level, uintptr_t va, uintptr_t end)
{
	pte_t *entries = page_table_entries(table);
	unsigned added = 0;

	for (uintptr_t next; va < end; va = next) {
		next = slot_end(va, end, level);
		pte_t *slot = &entries[pt_index(va, level)];

		if (!pte_is_present(*slot)) {
			added++;
			if (fits_leaf(m, va, next, level)) {
				atomic_store(
				    slot, pte_make_leaf(va + m->pa_minus_va, level, m->prot));
				continue;
			}
			paddr_t child = take_table(m->table, m->spares);
			commit_map(m, child, level - 1, va, next);
			atomic_store_release(slot, pte_make_table(child));
		} else {
			commit_map(m, pte_paddr(*slot, 1), level - 1, va, next);
		}
	}
	page_table_count_entries(table, added);
}

int page_table_map_range(struct page_table *table, uintptr_t va, paddr_t pa, size_t len,
    unsigned prot, unsigned max_level)
{
	struct spares spares;
	int err;

	spares_init(&spares);
	struct mapping m = {table, &spares, pa - va, prot, max_level};
	for (;;) {
		unsigned needed = 0;
		spin_lock(&table->lock);
		err =
		    plan_map(&m, page_table_entries(table->root), PT_LEVELS, va, va + len, &needed);
		bool is_ready = !err && spares_suffice(&spares, needed);
		if (is_ready)
			commit_map(&m, table->root, PT_LEVELS, va, va + len);
		spin_unlock(&table->lock);
		if (err || is_ready)
			break;
		err = spares_fill(&spares, needed);
		if (err)
			break;
	}
	spares_free(&spares);
	return err;
}

/* --- unmap, protect ---------------------------------------------------------------------------------------------- */

/* Tables needed so that [va, end), inside one leaf of this level, is made of whole leaves. */
static unsigned split_cost(uintptr_t va, uintptr_t end, unsigned level)
{
	if (is_whole_slot(va, end, level))
		return 0;
	if (level == 2)
		return 1;
	uint64_t size = pt_level_size(level - 1);
	bool cuts_first = !IS_ALIGNED(va, size), cuts_last = !IS_ALIGNED(end, size);
	if (cuts_first && cuts_last && ALIGN_DOWN(va, size) == ALIGN_DOWN(end, size))
		return 2;
	return 1u + cuts_first + cuts_last;
}

static int plan_change(
    const pte_t *entries, unsigned level, uintptr_t va, uintptr_t end, unsigned *needed)
{
	for (uintptr_t next; va < end; va = next) {
		next = slot_end(va, end, level);
		pte_t pte = entries[pt_index(va, level)];

		if (!pte_is_present(pte))
			return -ENOENT;
		if (pte_is_leaf(pte, level)) {
			*needed += split_cost(va, next, level);
			continue;
		}
		int err =
		    plan_change(page_table_entries(pte_paddr(pte, 1)), level - 1, va, next, needed);
		if (err)
			return err;
	}
	return 0;
}

/* Replaces a large leaf by a table that maps the same. */
static void split_leaf(struct page_table_change *change, pte_t *slot, unsigned level)
{
	paddr_t child = take_table(change->table, change->spares);
	pte_t *entries = page_table_entries(child);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		entries[i] = pte_split(*slot, level, i);
	page_table_count_entries(child, PT_ENTRIES);
	atomic_store_release(slot, pte_make_table(child));
}

void page_table_protect_leaf(pte_t *slot, unsigned level, unsigned prot)
{
	pte_t old = atomic_load(slot);
	while (!atomic_cas(slot, &old, pte_with_prot(old, level, prot)))
		;
}

static void commit_change(
    struct page_table_change *change, paddr_t table, unsigned level, uintptr_t va, uintptr_t end)
{
	pte_t *entries = page_table_entries(table);
	unsigned removed = 0;

	for (uintptr_t next; va < end; va = next) {
		next = slot_end(va, end, level);
		pte_t *slot = &entries[pt_index(va, level)];

		if (pte_is_leaf(*slot, level)) {
			if (is_whole_slot(va, next, level)) {
				if (change->kind == CHANGE_PROTECT) {
					page_table_protect_leaf(slot, level, change->prot);
				} else {
					atomic_store(slot, 0);
					removed++;
				}
				continue;
			}
			split_leaf(change, slot, level);
		}
		paddr_t child = pte_paddr(*slot, 1);
		commit_change(change, child, level - 1, va, next);
		if (is_empty_table(child)) {
			atomic_store(slot, 0);
			removed++;
			change->table->table_pages--;
			tlb_batch_free_page(change->batch, phys_to_page(child));
		}
	}
	page_table_count_entries(table, -(int64_t)removed);
}

int page_table_change_range(struct page_table_change *change, uintptr_t va, size_t len)
{
	struct page_table *table = change->table;
	struct spares spares;
	int err;

	spares_init(&spares);
	change->spares = &spares;
	for (;;) {
		unsigned needed = 0;
		spin_lock(&table->lock);
		err =
		    plan_change(page_table_entries(table->root), PT_LEVELS, va, va + len, &needed);
		bool is_ready = !err && spares_suffice(&spares, needed);
		if (is_ready)
			commit_change(change, table->root, PT_LEVELS, va, va + len);
		spin_unlock(&table->lock);
		if (err || is_ready)
			break;
		err = spares_fill(&spares, needed);
		if (err)
			break;
	}
	spares_free(&spares);
	if (!err)
		tlb_batch_add(change->batch, va, va + len);
	return err;
}
