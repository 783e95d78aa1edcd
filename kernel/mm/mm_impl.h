/*
 * What the files of the physical page allocator share. Bottom up:
 *
 *   early.c       ranges of RAM before there are struct pages
 *   node.c        which memory and which CPU belongs to which node
 *   zone.c        the buddy system of one zone
 *   page_cache.c  a CPU's stack of single pages
 *   page_alloc.c  the public calls: fast paths, choice of zone
 *   page_init.c   from early ranges to zones; ranges given back later
 *   page_stats.c  figures
 *   page_debug.c  what debug builds check about pages that come and go
 */
#pragma once

#include <mm/alloc_fail.h>
#include <mm/page_alloc.h>
#include <sync/spinlock.h>

#define ZONE_COUNT (NODE_MAX * 2)
#define ZONE_LIMIT (4 * GiB) /* where a node's low zone ends */

/* Letters: I immutable after page_init, z zone->lock */
struct zone {
	struct spinlock lock;
	uint32_t nonempty;                 /* z: bit n: free[n] has a block */
	struct list free[PAGE_ORDERS];     /* z */
	uint32_t free_blocks[PAGE_ORDERS]; /* z */
	uint64_t free_pages;               /* z; read without the lock as a hint */
	uint64_t total_pages;              /* z */
} ALIGNED(64);

extern struct zone zones[ZONE_COUNT];

static inline uint32_t page_tag(enum page_kind kind, unsigned order, unsigned zone)
{
	return kind | order << 8 | zone / 2 << 16 | zone << 24;
}

static inline struct zone *zone_of(const struct page *page)
{
	return &zones[page->zone];
}

void zones_init(void);
/* A block, marked PAGE_USED with one reference, or NULL. */
struct page *zone_take_locked(struct zone *zone, unsigned order);
/* The block's head need not be stamped yet: it becomes this zone's. */
void zone_give_locked(struct zone *zone, struct page *page, unsigned order);
/* Gives [page, page + count) as the largest aligned blocks. */
void zone_give_run_locked(struct zone *zone, struct page *page, size_t count);

/*
 * The structs of a largest block that is free as a whole are garbage but for the first, until it is cut or taken: so the cost of booting does not
 * grow with the memory. The first says so in owner_data.
 */
#define BLOCK_UNTOUCHED 0x64656863756f746eull
/* Makes the structs of the block around `page` what they ought to be: reserved. Zone's lock held, or boot. */
void page_block_touch(struct page *page);

/* page_cache.c */
#define PAGE_CACHE_SIZE 64

/* The owning CPU's, with preemption off. Others read the figures, and take the pages in its interrupt handler. */
struct page_cache {
	uint32_t count;
	uint32_t
	    capacity; /* 0: the next push or pop takes the slow path, which fills in the node */
	uint32_t node;
	uint64_t allocs, frees, remote, failed;
	struct page *pages[PAGE_CACHE_SIZE]; /* all of `node`; the last ones are the warmest */
};
DECLARE_PER_CPU(struct page_cache, page_cache);

/* Both for the CPU's own cache, preemption off. Fill: false when the node's zones are empty. */
bool page_cache_fill(struct page_cache *cache);
void page_cache_make_room(struct page_cache *cache);
void page_cache_drain_own(void);

/* node.c */
void nodes_init(void);
void node_note_memory(unsigned node);
/* The i-th nearest node, itself first; node_count of them. */
unsigned node_fallback(unsigned node, unsigned i);
/* The node of this address; *end is lowered to where that changes. */
unsigned node_of_range(paddr_t start, paddr_t *end);

/* early.c */
/* As page_early_alloc, but with what was there before. */
paddr_t page_early_take(size_t len, size_t align);
bool page_early_is_free(paddr_t start, paddr_t end);
const struct boot_info *page_early_info(void);
/* Ends early allocation and calls fn with each range that it left. */
void page_early_finish(void (*fn)(paddr_t start, paddr_t end));

/* page_debug.c: poison, kinds and ASan's opinion. `page` heads a block in use. */
#define PAGE_ORDER_NONE 0xff /* of a run of pages that is no block: page_alloc_contiguous */
void page_debug_freed(struct page *page, unsigned order, size_t count);
void page_debug_allocated(struct page *page, size_t count);
