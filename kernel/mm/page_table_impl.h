/*
 * What the files of the page tables share:
 *
 *   page_table.c         the public calls: checks, one small page at a time, translation
 *   page_table_range.c   ranges of any size, with large pages and tables that come and go
 *   kernel_page_table.c  the kernel's own tables, built at boot
 *   direct_map.c         what of physical memory they show
 */
#pragma once

#include <mm/page_table.h>

/* While true, tables come from page_early_alloc, are not counted and may hang off any top-level entry. */
extern bool page_tables_are_early;

enum page_table_change_kind {
	CHANGE_UNMAP,
	CHANGE_PROTECT,
};

struct spares;

struct page_table_change {
	struct page_table *table;
	struct tlb_batch *batch;
	enum page_table_change_kind kind;
	unsigned prot;
	struct spares *spares; /* page_table_range.c's own */
};

static inline pte_t *page_table_entries(paddr_t table)
{
	return phys_to_virt(table);
}

static inline bool page_table_is_kernel_half(uintptr_t va)
{
	return va >> 63;
}

/* Notes that so many entries of a table came, or went. table->lock is held. */
void page_table_count_entries(paddr_t table, int64_t change);
/* The hardware sets bits in a live entry at any time: exchanges it so that none is lost. */
void page_table_protect_leaf(pte_t *slot, unsigned level, unsigned prot);

/* The arguments were checked. */
MUST_USE int page_table_map_range(struct page_table *table, uintptr_t va, paddr_t pa, size_t len,
    unsigned prot, unsigned max_level);
MUST_USE int page_table_change_range(struct page_table_change *change, uintptr_t va, size_t len);
