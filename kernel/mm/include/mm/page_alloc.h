/*
 * The page allocator: a buddy system per zone (a node's memory below and above 4 GiB), with a small cache of single pages per CPU
 * in front, so that the common alloc and free take no lock. Local node first, then the others by distance.
 *
 * Context: thread (may have preemption off, may hold spinlocks below RANK_BUDDY), never an interrupt handler.
 * Locking: a zone's lists by zone->lock; a CPU's cache by preemption being off.
 */
#pragma once

#include <arch/percpu.h>
#include <boot/boot_info.h>
#include <lib/atomic.h>
#include <mm/page.h>

enum page_flags {
	PAGE_ZERO = 1 << 0,      /* filled with zeroes */
	PAGE_BELOW_4G = 1 << 1,  /* for devices that cannot address more */
	PAGE_THIS_NODE = 1 << 2, /* NULL rather than remote memory */
	PAGE_IF_EASY =
	    1
	    << 3, /* NULL rather than emptying the caches of all CPUs: the caller can do without */
};

/* A block of 2^order contiguous pages with one reference, or NULL. */
MUST_USE struct page *page_alloc(unsigned order, unsigned flags);
MUST_USE struct page *page_alloc_from_node(unsigned node, unsigned order, unsigned flags);
/* A block that was just allocated becomes single pages, each with a reference. */
void page_split(struct page *page, unsigned order);
/* Exactly `count` contiguous pages (the tail of the block is given back); free with page_free_contiguous. */
MUST_USE struct page *page_alloc_contiguous(size_t count, unsigned flags);
void page_free_contiguous(struct page *page, size_t count);
/* Frees a block whatever its reference count; for callers that own it alone. */
void page_free(struct page *page, unsigned order);

static inline void page_get(struct page *page)
{
	__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
}

/* Frees the block when this was the last reference. */
static inline void page_put(struct page *page)
{
	if (atomic_fetch_sub(&page->refs, 1) == 1)
		page_free(page, page->order);
}

/* Gives every cached page of every CPU back to the buddy lists: for tests and for the brink of exhaustion. */
void page_cache_drain_all(void);

struct page_stats {
	uint64_t total, free,
	    cached; /* pages; cached ones lie in CPU caches and count as free too */
	uint64_t allocs, frees, local, remote, failed;
	uint64_t free_blocks[PAGE_ORDERS];
};
void page_stats_of_node(unsigned node, struct page_stats *stats);
void page_stats_total(struct page_stats *stats);

/* Nodes. Found from ACPI's SRAT and SLIT; without them there is one. */
extern unsigned node_count;
unsigned node_of_cpu(unsigned cpu);
unsigned closest_node(unsigned cpu);                /* the nearest node that has memory */
unsigned node_distance(unsigned from, unsigned to); /* 10: itself */

/*
 * What the firmware says about nodes, told before page_init by whoever parsed it: which memory and which CPUs belong to
 * which node, and how far apart nodes are. Memory and CPUs that are not mentioned belong to node 0.
 */
struct node_range {
	paddr_t start, end;
	unsigned node;
};
void page_set_nodes(const struct node_range *ranges, size_t count);
void node_set_cpu(unsigned cpu, unsigned node);
void node_set_distance(unsigned from, unsigned to, unsigned distance);

/*
 * Boot, in this order. page_early_init takes what boot_info calls RAM, less the image, the initrd and the first MiB; from
 * then on page_early_alloc works (never freed; zeroed; panics when there is none). page_init builds the array and
 * the zones from what early allocation has left.
 */
void page_early_init(const struct boot_info *info);
MUST_USE paddr_t page_early_alloc(size_t len, size_t align);
void page_init(void);
/* A hook of page_init, defined by whoever owns the kernel's page tables: backs the page array where it describes [start, end), which is aligned
 * to the largest block, with early memory, in whatever state it is. Ranges come in order; parts that are backed already stay as they are. */
void page_array_map(paddr_t start, paddr_t end);
/* Gives a range back that was reserved at boot (the initrd, once unpacked). Whole pages inside it only. */
void page_release_range(paddr_t start, paddr_t end);
