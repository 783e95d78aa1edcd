/*
 * Physical memory, page by page. Every page of RAM has a struct page; the array of them is virtually contiguous (large
 * holes have no backing), so page <-> frame number is arithmetic.
 *
 * Life of a page: free in a zone's buddy lists (PAGE_FREE) or in a CPU's cache; allocated with one reference;
 * freed when the last reference is put.
 */
#pragma once

#include <arch/mmu.h>
#include <lib/list.h>

#define PAGE_ORDERS    13 /* 0..12: 4 KiB..16 MiB */
#define NODE_MAX       8
#define PAGE_BLOCK_MAX (PAGE_SIZE << (PAGE_ORDERS - 1))

enum page_kind {
	PAGE_RESERVED, /* not ours to give: firmware, kernel image, the page array; or never touched yet */
	PAGE_FREE, /* head of a free block, in a zone's list: set and cleared under the zone's lock only */
	PAGE_CACHED, /* free, in a CPU's cache */
	PAGE_USED,   /* allocated; head page of its block */
	PAGE_TAIL,   /* the rest of a block */
	PAGE_SLAB,   /* every page of a slab, head and tails */
};

/*
 * 32 bytes a page: 0.8 % of memory. Only the head of a block is kept up to date: nobody writes to 4096 structs
 * to allocate 16 MiB. The pages behind it belong to its owner, who must not leave PAGE_FREE in them.
 */
struct page {
	union {
		struct {
			uint8_t kind;  /* enum page_kind */
			uint8_t order; /* of the block that this page heads */
			uint8_t node;
			uint8_t zone; /* node * 2, + 1 above 4 GiB */
		};
		uint32_t tag; /* the four above in one comparison */
	};
	union {
		uint32_t refs; /* atomic */
		struct {       /* PAGE_SLAB, head: the cache's lock */
			uint16_t slab_used;
			uint16_t slab_first_free;
		};
	};
	struct list
	    link; /* free block: the zone's list; used block: its owner's; slab head: the cache's */
	union {
		uint64_t owner_data;           /* the owner's, while allocated */
		struct slab_cache *slab_cache; /* PAGE_SLAB, head and tails */
	};
};
static_assert(sizeof(struct page) == 32, "struct page is multiplied by every page there is");

/* The kernel's half of the address space; docs/memory.md draws it. */
#define DIRECT_MAP_BASE   0xffff800000000000ull /* all physical memory, never executable */
#define PAGE_ARRAY_BASE   0xffffb00000000000ull /* struct page[], backed only where memory is */
#define KERNEL_MAP_BASE   0xffffc00000000000ull /* stacks, device registers: see <mm/kernel_map.h> */
#define KERNEL_MAP_END    0xffffc08000000000ull /* 512 GiB: what one top-level entry covers */
#define KERNEL_IMAGE_BASE 0xffffffff80000000ull

#ifdef EXO_KERNEL
static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(pa + DIRECT_MAP_BASE);
}

/* Of an address in the direct map only (kmalloc, pages), not of the kernel image or of kernel_map. */
static inline paddr_t virt_to_phys(const void *va)
{
	return (uintptr_t)va - DIRECT_MAP_BASE;
}

#define page_array ((struct page *)PAGE_ARRAY_BASE)
#else
/* The host's fake machine: an arena stands for physical memory, from address 0. */
extern uint8_t *host_memory;
extern struct page *page_array;
static inline void *phys_to_virt(paddr_t pa)
{
	return host_memory + pa;
}

static inline paddr_t virt_to_phys(const void *va)
{
	return (paddr_t)((const uint8_t *)va - host_memory);
}
#endif

static inline struct page *phys_to_page(paddr_t pa)
{
	return page_array + (pa >> PAGE_SHIFT);
}

static inline paddr_t page_to_phys(const struct page *page)
{
	return (paddr_t)(page - page_array) << PAGE_SHIFT;
}

static inline struct page *virt_to_page(const void *va)
{
	return phys_to_page(virt_to_phys(va));
}

static inline void *page_to_virt(const struct page *page)
{
	return phys_to_virt(page_to_phys(page));
}
