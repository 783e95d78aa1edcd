/*
 * Addresses in the kernel's map area: memory that is contiguous only virtually, kernel stacks with an unmapped guard page
 * below, and device registers.
 *
 *     KERNEL_MAP_BASE   stack slots of 32 KiB: 16 KiB never mapped, 16 KiB stack      (KERNEL_STACKS_MAX of them)
 *     KERNEL_AREAS_BASE everything else, first fit, an unmapped page after each
 *     KERNEL_MAP_END
 *
 * Life of an address: free, used, dead (unmapped, but some CPU may still have the translation), free again after one TLB
 * flush for many of them.
 *
 * Context: thread, interrupts on, no spinlock held (what frees may flush every CPU's TLB), unless it says otherwise.
 */
#pragma once

#include <mm/page.h>

/* Zeroed memory of whole pages, guard page on both sides; NULL when out of memory. */
MUST_USE void *vmalloc(size_t len);
void vfree(void *va);

#define KERNEL_STACK_SIZE (16 * KiB)
#define KERNEL_STACK_SLOT (32 * KiB)
#define KERNEL_STACKS_MAX 32768ull
#define KERNEL_AREAS_BASE (KERNEL_MAP_BASE + KERNEL_STACKS_MAX * KERNEL_STACK_SLOT)

/* The lowest address, or NULL; the top is base + KERNEL_STACK_SIZE. Not zeroed. Freed ones are cached mapped, on the CPU and
 * then for all, so threads that come and go cost no TLB flush. kernel_stack_free may be called with preemption
 * or interrupts off; it then leaves unmapping to a later call. */
MUST_USE void *kernel_stack_alloc(void);
void kernel_stack_free(void *base);
/* Whether va lies below a kernel stack: what makes a double fault readable. Context: any. */
bool kernel_stack_is_guard(uintptr_t va);

/* Device registers, uncached. NULL when out of memory. `pa` need not be aligned. */
MUST_USE void *device_map(paddr_t pa, size_t len);
void device_unmap(void *va);

struct kernel_map_stats {
	uint64_t areas, area_pages; /* in use, guard pages included */
	uint64_t dead_pages;        /* waiting for a flush */
	uint64_t stacks, stacks_cached;
};
void kernel_map_stats(struct kernel_map_stats *stats);

/* Gives everything back that is kept for later: cached stacks, dead addresses. For leak checks and for the
 * brink of exhaustion. */
void kernel_map_trim(void);

/* Boot, after the page and slab allocators. From here on page tables use them too. */
void kernel_map_init(void);
