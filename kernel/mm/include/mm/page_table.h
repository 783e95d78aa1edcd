/*
 * Page tables of four levels: map, unmap, translate, protect, with pages of 4 KiB, 2 MiB and 1 GiB. Tables come from
 * the page allocator and go back when they become empty. Nothing here touches the TLB: what took rights away is put
 * into the caller's batch, and the caller flushes it (<mm/tlb.h>).
 *
 * Errors, told apart: -ENOMEM no memory for a table; -EFAULT not a canonical address or past the end; -EEXIST
 * something is already mapped there; -ENOENT nothing is mapped there; -EACCES the combination of rights is not
 * allowed (not readable, writable and executable at once, or user rights in the kernel's half); -EINVAL misaligned;
 * -ERANGE a length that is zero or no multiple of 4 KiB, or a page size that is none of the three.
 * After an error nothing has changed.
 *
 * Life of a table: allocated while no lock is held, linked when the range that needs it is committed, counts its entries
 * in page->owner_data, unlinked with the last of them, freed by the flush of the batch. Tables from before the
 * page allocator (PAGE_RESERVED) are not counted and stay for good.
 *
 * Context: thread; preemption may be off, but not interrupts.
 * Locking: the caller excludes others from the same range; tables of one root are protected by table->lock.
 */
#pragma once

#include <arch/mmu.h>
#include <boot/boot_info.h>
#include <mm/page.h>
#include <mm/tlb.h>
#include <sync/spinlock.h>

struct page_table {
	paddr_t root;
	struct spinlock lock;
	uint64_t table_pages; /* lock: tables below the root */
};

extern struct page_table kernel_page_table;

MUST_USE int page_table_init(struct page_table *table); /* shares the kernel's half */
void page_table_destroy(struct page_table *table); /* the lower half must be unmapped already */

/* Maps [va, va+len) to [pa, pa+len) with the largest pages that fit, up to max_level. All or nothing. */
MUST_USE int page_table_map(struct page_table *table, uintptr_t va, paddr_t pa, size_t len,
    unsigned prot, unsigned max_level);
/* Every page of the range must be mapped; large pages that stick out are split (needs memory: -ENOMEM, nothing done). */
MUST_USE int page_table_unmap(
    struct page_table *table, uintptr_t va, size_t len, struct tlb_batch *batch);
MUST_USE int page_table_protect(
    struct page_table *table, uintptr_t va, size_t len, unsigned prot, struct tlb_batch *batch);

struct translation {
	paddr_t pa;     /* of the address itself */
	unsigned level; /* 1, 2, 3: page size */
	unsigned prot;
};
MUST_USE int page_table_translate(
    const struct page_table *table, uintptr_t va, struct translation *out);

/* Presets (§2 of the specification). */
#define VM_KERNEL    (VM_READ | VM_WRITE | VM_GLOBAL)
#define VM_READ_ONLY (VM_READ | VM_GLOBAL)
#define VM_CODE      (VM_READ | VM_EXEC | VM_GLOBAL)
#define VM_DEVICE    (VM_READ | VM_WRITE | VM_GLOBAL | VM_UNCACHED)

/* Boot: the final kernel tables (image by section, direct map), replacing the loader's. After page_early_init. */
void kernel_page_table_init(const struct boot_info *info);
/* Whether the direct map shows all of [pa, pa + len): for addresses that came from firmware. Context: any. */
bool direct_map_covers(paddr_t pa, size_t len);
