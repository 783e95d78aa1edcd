/* x86_64's half of <arch/mmu.h>: page-table entries, Intel SDM vol. 3A §4.5. */
#pragma once

#define PTE_PRESENT       (1ull << 0)
#define PTE_WRITABLE      (1ull << 1)
#define PTE_USER          (1ull << 2)
#define PTE_WRITE_THROUGH (1ull << 3)
#define PTE_NO_CACHE      (1ull << 4)
#define PTE_ACCESSED      (1ull << 5)
#define PTE_DIRTY         (1ull << 6)
#define PTE_LARGE         (1ull << 7) /* levels 2 and 3; at level 1 this bit is PAT */
#define PTE_GLOBAL        (1ull << 8)
#define PTE_NO_EXEC       (1ull << 63)
#define PTE_ADDR_MASK     0x000ffffffffff000ull

/*
 * Cache kinds through the PAT that cpu init loads: index 0 write-back, 1 (PWT) write-combining, 2 (PCD) uncached-, 3 (both)
 * uncached. Only indices 0-3 are used, so the PAT bit, whose place differs between levels, stays clear.
 */
static inline pte_t pte_make_leaf(paddr_t pa, unsigned level, unsigned prot)
{
	pte_t pte = pa | PTE_PRESENT | PTE_ACCESSED;
	if (prot & VM_WRITE)
		pte |= PTE_WRITABLE | (prot & VM_USER ? 0 : PTE_DIRTY);
	if (prot & VM_USER)
		pte |= PTE_USER;
	if (prot & VM_GLOBAL)
		pte |= PTE_GLOBAL;
	if (prot & VM_UNCACHED)
		pte |= PTE_NO_CACHE | PTE_WRITE_THROUGH;
	else if (prot & VM_WRITE_COMBINING)
		pte |= PTE_WRITE_THROUGH;
	if (!(prot & VM_EXEC))
		pte |= PTE_NO_EXEC;
	if (level > 1)
		pte |= PTE_LARGE;
	return pte;
}

/* Rights are decided at the leaf: links allow everything. */
static inline pte_t pte_make_table(paddr_t table)
{
	return table | PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED;
}

static inline bool pte_is_present(pte_t pte)
{
	return pte & PTE_PRESENT;
}

static inline bool pte_is_leaf(pte_t pte, unsigned level)
{
	return level == 1 || pte & PTE_LARGE;
}

static inline paddr_t pte_paddr(pte_t pte, unsigned level)
{
	return pte & PTE_ADDR_MASK & ~(pt_level_size(level) - 1);
}

static inline unsigned pte_prot(pte_t pte)
{
	unsigned prot = VM_READ;
	if (pte & PTE_WRITABLE)
		prot |= VM_WRITE;
	if (pte & PTE_USER)
		prot |= VM_USER;
	if (pte & PTE_GLOBAL)
		prot |= VM_GLOBAL;
	if (pte & PTE_NO_CACHE)
		prot |= VM_UNCACHED;
	else if (pte & PTE_WRITE_THROUGH)
		prot |= VM_WRITE_COMBINING;
	if (!(pte & PTE_NO_EXEC))
		prot |= VM_EXEC;
	return prot;
}

static inline pte_t pte_with_prot(pte_t pte, unsigned level, unsigned prot)
{
	return pte_make_leaf(pte_paddr(pte, level), level, prot) | (pte & PTE_DIRTY);
}

static inline pte_t pte_split(pte_t pte, unsigned level, unsigned index)
{
	paddr_t pa = pte_paddr(pte, level) + index * pt_level_size(level - 1);
	return pte_make_leaf(pa, level - 1, pte_prot(pte)) |
	       (pte & PTE_WRITABLE ? PTE_DIRTY : pte & PTE_DIRTY);
}

static inline bool pte_is_dirty(pte_t pte)
{
	return pte & PTE_DIRTY;
}

static inline bool pte_is_accessed(pte_t pte)
{
	return pte & PTE_ACCESSED;
}
