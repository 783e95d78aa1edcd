/*
 * The buddy system: a zone's free memory as aligned blocks of 2^0..2^12 pages, one list per size.
 *
 * The buddy of a block is the block of the same size that makes a block twice as large with it: its frame number differs in one
 * bit. Taking splits a larger block and leaves the upper halves in the lists; giving merges with the buddy as long as
 * that is free and whole. Whether it is, its struct page says: kind, order and zone in one comparison. The page
 * array is backed in units of the largest block, so a buddy's struct page always exists, be it memory or not; and only a
 * block of this zone can carry this zone's tag, so no bounds are checked.
 *
 * Source: Knuth, The Art of Computer Programming, vol. 1, 2.5.
 */
#include "mm_impl.h"

#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>

struct zone zones[ZONE_COUNT];

void zones_init(void)
{
	for (unsigned i = 0; i < ZONE_COUNT; i++) {
		struct zone *zone = &zones[i];
		*zone = (struct zone){0};
		spin_init(&zone->lock, "zone", RANK_BUDDY);
		for (unsigned order = 0; order < PAGE_ORDERS; order++)
			list_init(&zone->free[order]);
	}
}

static void push(struct zone *zone, struct page *page, unsigned order)
{
	atomic_store(&page->tag, page_tag(PAGE_FREE, order, (unsigned)(zone - zones)));
	list_push_front(&zone->free[order], &page->link);
	zone->nonempty |= 1u << order;
	zone->free_blocks[order]++;
}

static void unlink(struct zone *zone, struct page *page, unsigned order)
{
	page->link.prev->next = page->link.next;
	page->link.next->prev = page->link.prev;
	if (!--zone->free_blocks[order])
		zone->nonempty &= ~(1u << order);
}

void page_block_touch(struct page *page)
{
	size_t count = 1ull << (PAGE_ORDERS - 1);
	struct page *head = page_array + ALIGN_DOWN((uint64_t)(page - page_array), count);
	bool may_be = head->kind == PAGE_RESERVED ||
		      (head->kind == PAGE_FREE && head->order == PAGE_ORDERS - 1);
	if (may_be && head->owner_data == BLOCK_UNTOUCHED)
		memset(head, 0, count * sizeof(*head));
}

struct page *zone_take_locked(struct zone *zone, unsigned order)
{
	uint32_t candidates = zone->nonempty & ~0u << order;
	if (!candidates)
		return NULL;

	unsigned from = (unsigned)__builtin_ctz(candidates);
	struct page *page = list_first(&zone->free[from], struct page, link);
	unlink(zone, page, from);
	if (from == PAGE_ORDERS - 1)
		page_block_touch(page);
	while (from > order) {
		from--;
		push(zone, page + (1ull << from), from);
	}
	zone->free_pages -= 1ull << order;
	atomic_store(&page->tag, page_tag(PAGE_USED, order, (unsigned)(zone - zones)));
	page->refs = 1;
	return page;
}

void zone_give_locked(struct zone *zone, struct page *page, unsigned order)
{
	uint64_t frame = (uint64_t)(page - page_array);
	zone->free_pages += 1ull << order;
	page->kind = PAGE_TAIL;
	for (; order < PAGE_ORDERS - 1; order++) {
		struct page *buddy = page_array + (frame ^ 1ull << order);
		/* Another zone's page may change under us, but never to our tag. */
		if (atomic_load(&buddy->tag) !=
		    page_tag(PAGE_FREE, order, (unsigned)(zone - zones)))
			break;
		unlink(zone, buddy, order);
		buddy->kind = PAGE_TAIL;
		frame &= ~(1ull << order);
	}
	push(zone, page_array + frame, order);
}

/* The order of the largest aligned block that begins at this frame and has at most `count` pages. */
static unsigned block_order(uint64_t frame, size_t count)
{
	unsigned aligned = frame ? (unsigned)__builtin_ctzll(frame) : PAGE_ORDERS - 1;
	return min(min(aligned, log2_floor(count)), PAGE_ORDERS - 1u);
}

void zone_give_run_locked(struct zone *zone, struct page *page, size_t count)
{
	while (count) {
		unsigned order = block_order((uint64_t)(page - page_array), count);
		zone_give_locked(zone, page, order);
		page += 1ull << order;
		count -= 1ull << order;
	}
}
