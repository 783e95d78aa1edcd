/*
 * Pages in user page tables. Each mapping holds a reference. A huge page is one block with one count in its head; the pages behind the head say
 * where it is, so that a block whose mapping was broken into small ones in one address space is still counted in one place.
 */
#include "vm_impl.h"

#include <lib/atomic.h>
#include <log/assert.h>

struct page *vm_zero_page;

void vm_page_get(struct page *page)
{
	if (page != vm_zero_page)
		page_get(vm_page_head(page));
}

void vm_page_put(struct page *page)
{
	if (page != vm_zero_page)
		page_put(vm_page_head(page));
}

bool vm_page_is_sole(const struct page *page)
{
	return page->kind == PAGE_USED && !vm_page_is_cached(page) &&
	       atomic_load(&page->refs) == 1 && page != vm_zero_page;
}

struct page *vm_huge_page_alloc(void)
{
	struct page *head = page_alloc(HUGE_ORDER, PAGE_ZERO | PAGE_IF_EASY);
	if (!head)
		return NULL;
	head->owner_data = 0;
	for (unsigned i = 1; i < 1u << HUGE_ORDER; i++) {
		head[i].kind = PAGE_TAIL;
		head[i].link.next = (struct list *)(void *)head;
		head[i].owner_data = 0;
	}
	return head;
}

void vm_huge_page_break(struct page *head)
{
	assert(head->order == HUGE_ORDER && atomic_load(&head->refs) == 1);
	uint8_t node = head->node, zone = head->zone;
	for (unsigned i = 0; i < 1u << HUGE_ORDER; i++) {
		head[i].kind = PAGE_USED;
		head[i].order = 0;
		head[i].node = node;
		head[i].zone = zone;
		head[i].owner_data = 0;
		atomic_store(&head[i].refs, 1);
	}
}
