/*
 * Page-table entries and the registers around them. The walk, the allocation of tables and the policy are in
 * kernel/mm; only what a bit means is here.
 */
#pragma once

#include <lib/types.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ull
#define PT_LEVELS  4 /* level 1 maps 4 KiB, 2 maps 2 MiB, 3 maps 1 GiB */
#define PT_ENTRIES 512

typedef uint64_t pte_t;

/* What a mapping allows. The presets of the memory subsystem are combinations of these. */
enum vm_prot {
	VM_READ = 1 << 0,
	VM_WRITE = 1 << 1,
	VM_EXEC = 1 << 2,
	VM_USER = 1 << 3,
	VM_GLOBAL = 1 << 4, /* same in every address space: survives a CR3 load */
	VM_UNCACHED = 1 << 5,
	VM_WRITE_COMBINING = 1 << 6,
};

/* The span that one entry of this level maps. */
static inline uint64_t pt_level_size(unsigned level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

static inline unsigned pt_index(uintptr_t va, unsigned level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & (PT_ENTRIES - 1);
}

/* A leaf of the given level, or a link to the next table. */
static inline pte_t pte_make_leaf(paddr_t pa, unsigned level, unsigned prot);
static inline pte_t pte_make_table(paddr_t table);
static inline bool pte_is_present(pte_t pte);
static inline bool pte_is_leaf(pte_t pte, unsigned level);
static inline paddr_t pte_paddr(pte_t pte, unsigned level);
static inline unsigned pte_prot(pte_t pte); /* enum vm_prot bits */
/* The same leaf with other rights; what the hardware noted about it (accessed, dirty) is kept. */
static inline pte_t pte_with_prot(pte_t pte, unsigned level, unsigned prot);
/* The index-th of the 512 leaves, one level down, that map the same as this one. They count as dirty if they can be:
 * the hardware may mark the large page until it is gone. */
static inline pte_t pte_split(pte_t pte, unsigned level, unsigned index);
static inline bool pte_is_dirty(pte_t pte);
static inline bool pte_is_accessed(pte_t pte);

/* Boot, on each CPU: what the entries above rely on. */
void mmu_init_cpu(void);

bool mmu_has_1g_pages(void);
/* Addresses that can be mapped at all: canonical, and not the guard page at the end of the lower half. */
bool mmu_is_canonical(uintptr_t va);

/* This CPU's translations. */
void mmu_flush_page(uintptr_t va);
void mmu_flush_all(void);        /* of the current address space, not the global ones */
void mmu_flush_everything(void); /* global ones too */
paddr_t mmu_root(void);          /* the page table that this CPU uses */
void mmu_set_root(paddr_t root);

#include <arch/mmu_impl.h>
