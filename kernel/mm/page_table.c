/*
 * The public calls of the page tables: they check, and do what page faults and stacks do all the time, one small page where
 * the tables exist already, at once. Everything else is page_table_range.c's.
 */
#include "page_table_impl.h"

#include <abi/errno.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/page_alloc.h>

#define PA_END (1ull << 52)

static int check_range(const struct page_table *table, uintptr_t va, size_t len)
{
	uintptr_t end;

	if (!IS_ALIGNED(va, PAGE_SIZE))
		return -EINVAL;
	if (!len || !IS_ALIGNED(len, PAGE_SIZE))
		return -ERANGE;
	if (add_overflows(va, len, &end) || !mmu_is_canonical(va) || !mmu_is_canonical(end - 1))
		return -EFAULT;
	if (page_table_is_kernel_half(va) != page_table_is_kernel_half(end - 1))
		return -EFAULT;
	/* The kernel's half belongs to every address space and is changed through one table only. */
	if (page_table_is_kernel_half(va) && table != &kernel_page_table)
		return -EFAULT;
	return 0;
}

static int check_prot(uintptr_t va, unsigned prot)
{
	if (!(prot & VM_READ) || (prot & VM_WRITE && prot & VM_EXEC))
		return -EACCES;
	if (prot & VM_USER && page_table_is_kernel_half(va))
		return -EACCES;
	return 0;
}

/* --- one small page ---------------------------------------------------------------------------------------------- */

/* The table of small pages that holds va's entry; 0 when there is none, or a large page in its place. */
static paddr_t find_last_table(const struct page_table *table, uintptr_t va)
{
	paddr_t at = table->root;
	for (unsigned level = PT_LEVELS; level > 1; level--) {
		pte_t pte = page_table_entries(at)[pt_index(va, level)];
		if (!pte_is_present(pte) || pte_is_leaf(pte, level))
			return 0;
		at = pte_paddr(pte, 1);
	}
	return at;
}

/* Whether the table will hold an entry even when one has gone. */
static bool outlives_an_entry(paddr_t table)
{
	const struct page *page = phys_to_page(table);
	return page->kind == PAGE_RESERVED || page->owner_data > 1;
}

/* True when it could be done here: the tables exist, and the entry is free. */
static bool map_small(struct page_table *table, uintptr_t va, paddr_t pa, unsigned prot)
{
	spin_lock(&table->lock);
	paddr_t last = find_last_table(table, va);
	pte_t *slot = last ? &page_table_entries(last)[pt_index(va, 1)] : NULL;
	bool is_free = slot && !pte_is_present(*slot);
	if (is_free) {
		atomic_store(slot, pte_make_leaf(pa, 1, prot));
		page_table_count_entries(last, 1);
	}
	spin_unlock(&table->lock);
	return is_free;
}

/* True when it could be done here: the page is a small one, and no table becomes empty. */
static bool change_small(const struct page_table_change *change, uintptr_t va)
{
	spin_lock(&change->table->lock);
	paddr_t last = find_last_table(change->table, va);
	pte_t *slot = last ? &page_table_entries(last)[pt_index(va, 1)] : NULL;
	bool is_simple = slot && pte_is_present(*slot);
	if (is_simple && change->kind == CHANGE_PROTECT) {
		page_table_protect_leaf(slot, 1, change->prot);
	} else if (is_simple) {
		is_simple = outlives_an_entry(last);
		if (is_simple) {
			atomic_store(slot, 0);
			page_table_count_entries(last, -1);
		}
	}
	spin_unlock(&change->table->lock);
	if (is_simple)
		tlb_batch_add(change->batch, va, va + PAGE_SIZE);
	return is_simple;
}

/* --- the calls ---------------------------------------------------------------------------------------------------- */

int page_table_map(struct page_table *table, uintptr_t va, paddr_t pa, size_t len, unsigned prot,
    unsigned max_level)
{
	int err = check_range(table, va, len);
	if (!err && (max_level < 1 || max_level > 3))
		err = -ERANGE;
	if (!err && !IS_ALIGNED(pa, PAGE_SIZE))
		err = -EINVAL;
	if (!err && (pa >= PA_END || len > PA_END - pa))
		err = -EFAULT;
	if (!err)
		err = check_prot(va, prot);
	if (err)
		return err;
	if (len == PAGE_SIZE && !page_tables_are_early && map_small(table, va, pa, prot))
		return 0;
	return page_table_map_range(table, va, pa, len, prot, max_level);
}

static int change_pages(struct page_table_change *change, uintptr_t va, size_t len)
{
	if (len == PAGE_SIZE && !page_tables_are_early && change_small(change, va))
		return 0;
	return page_table_change_range(change, va, len);
}

int page_table_unmap(struct page_table *table, uintptr_t va, size_t len, struct tlb_batch *batch)
{
	int err = check_range(table, va, len);
	if (err)
		return err;

	struct page_table_change change = {.table = table, .batch = batch, .kind = CHANGE_UNMAP};
	return change_pages(&change, va, len);
}

int page_table_protect(
    struct page_table *table, uintptr_t va, size_t len, unsigned prot, struct tlb_batch *batch)
{
	int err = check_range(table, va, len);
	if (!err)
		err = check_prot(va, prot);
	if (err)
		return err;

	struct page_table_change change = {
	    .table = table, .batch = batch, .kind = CHANGE_PROTECT, .prot = prot};
	return change_pages(&change, va, len);
}

int page_table_translate(const struct page_table *table, uintptr_t va, struct translation *out)
{
	if (!mmu_is_canonical(va))
		return -EFAULT;

	paddr_t entries = table->root;
	for (unsigned level = PT_LEVELS;; level--) {
		pte_t pte = atomic_load(&page_table_entries(entries)[pt_index(va, level)]);
		if (!pte_is_present(pte))
			return -ENOENT;
		if (pte_is_leaf(pte, level)) {
			out->pa = pte_paddr(pte, level) + (va & (pt_level_size(level) - 1));
			out->level = level;
			out->prot = pte_prot(pte);
			return 0;
		}
		entries = pte_paddr(pte, 1);
	}
}

int page_table_init(struct page_table *table)
{
	struct page *page = page_alloc(0, PAGE_ZERO);
	if (!page)
		return -ENOMEM;

	page->owner_data = 0;
	*table = (struct page_table){.root = page_to_phys(page)};
	spin_init(&table->lock, "page table", RANK_PAGE_TABLE);
	/* These entries never change after boot, so a copy is as good as sharing. */
	if (kernel_page_table.root) {
		const size_t half = PT_ENTRIES / 2;
		memcpy(page_table_entries(table->root) + half,
		    page_table_entries(kernel_page_table.root) + half, half * sizeof(pte_t));
	}
	return 0;
}

void page_table_destroy(struct page_table *table)
{
	assert(table->table_pages == 0);
	page_free(phys_to_page(table->root), 0);
	table->root = 0;
}
