/*
 * The pages that user page tables are made of. An address space lists its tables, newest first, and each knows the entry that links it, so that
 * they go without a search: whoever unmaps empties the lowest tables, and taking a table away empties the entry above it. What goes is therefore
 * all zeroes, and each CPU keeps some, for the next process: neither end clears 4 KiB.
 */
#include "vm_impl.h"

#include <arch/mmu.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <mm/alloc_fail.h>

#define TABLES_KEPT 24
#define ROOTS_KEPT  4

/* All zeroes; of the roots, the lower half. */
struct kept_tables {
	struct spinlock lock;
	unsigned table_count, root_count; /* lock */
	struct page *tables[TABLES_KEPT], *roots[ROOTS_KEPT];
};

static PER_CPU(struct kept_tables, kept_tables);

void vm_init_cpu(void)
{
	spin_init(&this_cpu_ptr(kept_tables)->lock, "kept page tables", RANK_PAGE_TABLE);
}

static bool is_zero(const struct page *page, unsigned entries)
{
	const pte_t *entry = page_to_virt(page);
	for (unsigned i = 0; i < entries; i++)
		if (entry[i])
			return false;
	return true;
}

static struct kept_tables *lock_kept(void)
{
	preempt_disable();
	struct kept_tables *kept = this_cpu_ptr(kept_tables);
	spin_lock(&kept->lock);
	return kept;
}

static void unlock_kept(struct kept_tables *kept)
{
	spin_unlock(&kept->lock);
	preempt_enable();
}

static struct page *take_table(void)
{
	struct page *page = NULL;
	struct kept_tables *kept = lock_kept();
	if (likely(kept->table_count) && !alloc_fail_is_armed())
		page = kept->tables[--kept->table_count];
	unlock_kept(kept);
	if (!page)
		page = page_alloc(0, PAGE_ZERO);
	return page;
}

static void give_table(struct page *page)
{
	debug_assert(is_zero(page, PT_ENTRIES));
	struct kept_tables *kept = lock_kept();
	bool is_kept = kept->table_count < TABLES_KEPT;
	if (is_kept)
		kept->tables[kept->table_count++] = page;
	unlock_kept(kept);
	if (!is_kept)
		page_free(page, 0);
}

int user_root_create(struct address_space *space)
{
	struct page *page = NULL;
	list_init(&space->tables);
	struct kept_tables *kept = lock_kept();
	if (likely(kept->root_count))
		page = kept->roots[--kept->root_count];
	unlock_kept(kept);
	if (!page)
		return page_table_init(&space->table);
	space->table = (struct page_table){.root = page_to_phys(page)};
	spin_init(&space->table.lock, "page table", RANK_PAGE_TABLE);
	return 0;
}

void user_tables_destroy(struct address_space *space)
{
	struct list *link;
	while ((link = list_pop_front(&space->tables))) {
		struct page *page = list_entry(link, struct page, link);
		*(pte_t *)(uintptr_t)page->owner_data = 0;
		page->owner_data = 0;
		give_table(page);
	}
	space->table.table_pages = 0;

	struct page *root = phys_to_page(space->table.root);
	debug_assert(is_zero(root, PT_ENTRIES / 2));
	struct kept_tables *kept = lock_kept();
	bool is_kept = kept->root_count < ROOTS_KEPT;
	if (is_kept)
		kept->roots[kept->root_count++] = root;
	unlock_kept(kept);
	if (!is_kept)
		page_table_destroy(&space->table);
}

void user_table_link_locked(struct address_space *space, pte_t *slot, struct page *page)
{
	page->owner_data = (uintptr_t)slot;
	list_push_front(&space->tables, &page->link);
	space->table.table_pages++;
	atomic_store_release(slot, pte_make_table(page_to_phys(page)));
}

bool user_table_add(struct address_space *space, pte_t *slot)
{
	struct page *page = take_table();
	if (!page)
		return false;
	spin_lock(&space->table.lock);
	bool taken = *slot != 0;
	if (!taken)
		user_table_link_locked(space, slot, page);
	spin_unlock(&space->table.lock);
	if (taken) {
		page->owner_data = 0;
		give_table(page);
	}
	return true;
}

void vm_trim(void)
{
	address_space_unload_dead();
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct kept_tables *kept = per_cpu_ptr(kept_tables, cpu);
		spin_lock(&kept->lock);
		while (kept->table_count)
			page_free(kept->tables[--kept->table_count], 0);
		while (kept->root_count)
			page_free(kept->roots[--kept->root_count], 0);
		spin_unlock(&kept->lock);
	}
}
