/*
 * What debug builds check about pages. A freed page is filled with a pattern and marked in its struct page, which no
 * splitting or merging touches; whoever gets it next finds out whether somebody wrote to it meanwhile. Large blocks are
 * not filled: it would make a test of the buddy system a test of memset.
 */
#include "mm_impl.h"
#include "poison.h"

#include <lib/string.h>
#include <log/assert.h>

#define POISONED_PAGES_MAX 8
#define POISONED_MARK      0x64656e6f73696f70ull /* in owner_data */

void page_debug_freed(struct page *page, unsigned order, size_t count)
{
	paddr_t pa = page_to_phys(page);
	if (page->kind == PAGE_FREE || page->kind == PAGE_CACHED || page->kind == PAGE_TAIL)
		panic("page 0x%llx freed twice, or inside a block (kind %u)",
		    (unsigned long long)pa, page->kind);
	if (page->kind != PAGE_USED)
		panic("page 0x%llx freed by one who does not own it (kind %u)",
		    (unsigned long long)pa, page->kind);
	if (page->order != order)
		panic("page 0x%llx freed as order %u, allocated as %u", (unsigned long long)pa,
		    order, page->order);

	for (size_t i = 0; i < count; i++) {
		page[i].owner_data = count <= POISONED_PAGES_MAX ? POISONED_MARK : 0;
		if (count <= POISONED_PAGES_MAX)
			memset(page_to_virt(page + i), POISON_BYTE, PAGE_SIZE);
	}
	memory_poison(page_to_virt(page), PAGE_SIZE * count);
}

void page_debug_allocated(struct page *page, size_t count)
{
	memory_unpoison(page_to_virt(page), PAGE_SIZE * count);
	for (size_t i = 0; i < count; i++) {
		if (page[i].owner_data == POISONED_MARK &&
		    !is_poison(page_to_virt(page + i), PAGE_SIZE))
			panic("page 0x%llx was written to after it was freed",
			    (unsigned long long)page_to_phys(page + i));
		page[i].owner_data = 0;
	}
}
