/*
 * Private to kernel/vm.
 *
 *   area.c            the tree of areas: find, place, insert, split, merge
 *   address_space.c   creating, loading, ending an address space
 *   map.c             mmap, munmap, brk over areas; protect.c: mprotect
 *   limits.c          what a process may have
 *   remap.c           mremap; remap_pages.c: remap_file_pages
 *   tables.c          user page tables: walking, changing and emptying ranges
 *   table_pages.c     the pages that they are made of
 *   pages.c           the pages in them: references, huge pages and their parts
 *   fault.c           what happens at the first touch, and at the first write
 *   fork.c            copying an address space
 *   page_cache.c      pages of files; shared.c: and of shared memory without one
 *   seal.c            mseal, and what it forbids
 *   advise.c          madvise; lock.c: mlock and mincore
 *   usage.c           what of an area is there
 *   access.c          reaching into another process's memory
 */
#pragma once

#include <abi/linux/mman.h>
#include <mm/page_alloc.h>
#include <mm/tlb.h>
#include <vm/address_space.h>
#include <vm/page_cache.h>

#define HUGE_ORDER 9
#define HUGE_SIZE  (PAGE_SIZE << HUGE_ORDER)
#define VM_ACCESS  (VM_READ | VM_WRITE | VM_EXEC)

/* area.c: space->lock held for writing, except the finds. */
struct area *area_create(uintptr_t start, uintptr_t end, uint32_t prot, uint32_t flags);
void area_free(struct area *area); /* drops its object */
/* One that goes on like it, elsewhere or from another offset, in no tree yet. */
MUST_USE struct area *area_copy(
    const struct area *area, uintptr_t start, uintptr_t end, uint64_t offset);
struct area *area_previous(const struct area *area);
/* Keeps the space's sums of pages (mapped, data, stack, locked) right after the area became `pages` longer, or shorter if negative. */
void area_account(struct address_space *space, const struct area *area, int64_t pages);
void area_link(struct address_space *space, struct area *area); /* inserts, and merges nothing */
/* Inserts; merges with its neighbours where they are alike. Returns the area that covers it now. */
struct area *area_insert(struct address_space *space, struct area *area);
void area_remove(struct address_space *space, struct area *area);
/* -ENOMEM: nothing changed. */
MUST_USE int area_split_at(struct address_space *space, uintptr_t va);
/* Makes [start, end) begin and end at boundaries of areas. */
MUST_USE int area_split_ends(struct address_space *space, uintptr_t start, uintptr_t end);
/* [start, end), which lies in `area` and is all of it or a part, gets other rights: boundaries move where a neighbour has these, otherwise areas are
 * split and merged. Returns the area that has it now; NULL: out of memory, nothing changed. */
struct area *area_protect(
    struct address_space *space, struct area *area, uintptr_t start, uintptr_t end, uint32_t prot);
void area_merge_around(struct address_space *space, uintptr_t start, uintptr_t end);
/* A free range of `len` below mmap_top (or at the hint); 0: none. */
uintptr_t area_find_gap(struct address_space *space, uintptr_t hint, size_t len, size_t align);
bool area_range_is_free(struct address_space *space, uintptr_t start, uintptr_t end);

static inline size_t area_pages(const struct area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

static inline uint64_t area_page_offset(const struct area *area, uintptr_t va)
{
	return (area->offset + (va - area->start)) >> PAGE_SHIFT;
}

/* What RLIMIT_DATA counts: private and writable, but no stack. */
static inline bool area_is_data(uint32_t prot, uint32_t flags)
{
	return prot & VM_WRITE && !(flags & (AREA_SHARED | AREA_GROWS_DOWN | AREA_STACK));
}

static inline bool area_is_anonymous(const struct area *area)
{
	return !area->object && !area->cache;
}

/* Keeps the struct and its tables, not what is mapped. */
struct address_space *address_space_hold(struct address_space *space);
void address_space_release(struct address_space *space);

/* pages.c */
extern struct page *vm_zero_page; /* what reads of untouched memory see; never counted */
static inline struct page *vm_page_head(struct page *page)
{
	return page->kind == PAGE_TAIL ? (struct page *)page->link.next : page;
}
void vm_page_get(struct page *page);
void vm_page_put(struct page *page);
/* Nobody else maps it and no cache holds it: a write may go straight to it. */
bool vm_page_is_sole(const struct page *page);
MUST_USE struct page *vm_huge_page_alloc(void);
/* Turns a huge block that only we hold into 512 pages of one reference each. */
void vm_huge_page_break(struct page *page);

static inline bool vm_page_is_cached(const struct page *page)
{
	return page->owner_data;
}

/* tables.c: table->lock held where a pte is changed. */
struct user_slot {
	pte_t *pte;     /* NULL: no table there */
	unsigned level; /* 1, or 2 when a huge page is mapped there */
};
/* The last slot on the way to va: a page's (level 1), a huge page's (2), or an empty one where a table is missing. */
struct user_slot user_slot_reach(const struct address_space *space, uintptr_t va);
struct user_slot user_slot_find(const struct address_space *space, uintptr_t va);
/* The slot of that level, with the tables above it made. NULL: out of memory, or (level 2) a table is already there. */
pte_t *user_slot_make(struct address_space *space, uintptr_t va, unsigned level);
/* Unmaps what is there, flushes, puts the pages. Huge pages that stick out must have been split. */
void user_unmap_range(struct address_space *space, uintptr_t start, uintptr_t end);
void user_unmap_all(struct address_space *space); /* the last user is gone: no flush */
/* Changes rights; writable only where it needs no copy. Huge pages that stick out must have been split. */
void user_protect_range(struct address_space *space, uintptr_t start, uintptr_t end, uint32_t prot,
    struct tlb_batch *batch);
MUST_USE int user_split_huge(struct address_space *space, uintptr_t va);
/* The huge pages of which only a part lies in [start, end): at most one at either end. */
MUST_USE int user_split_huge_ends(struct address_space *space, uintptr_t start, uintptr_t end);
/* Moves the entries of [from, from + len) to `to`. */
MUST_USE int user_move_range(
    struct address_space *space, uintptr_t from, uintptr_t to, size_t len, struct tlb_batch *batch);
/* Unmaps what belongs to the cache, without space->lock. */
void user_unmap_cached_range(
    struct address_space *space, const struct page_cache *cache, uintptr_t start, uintptr_t end);
void user_flush(struct address_space *space, struct tlb_batch *batch);
void user_flush_everything(struct address_space *space);
void user_flush_page(struct address_space *space, uintptr_t va);

/* Neighbouring entries of one table, in the order of addresses. */
struct user_span {
	pte_t *pte;
	unsigned level; /* 1, or 2: one huge page */
	unsigned count;
	uintptr_t va;
};
/* The next at or behind *at that may have something, *at is moved behind it. False: none before `end`. */
bool user_span_next(
    const struct address_space *space, uintptr_t *at, uintptr_t end, struct user_span *span);

/* The first entry that is not empty, or NULL. Many are: eight are passed at once. */
static inline pte_t *user_next_entry(pte_t *pte, const pte_t *end)
{
	for (; pte < end; pte++) {
		while (end - pte >= 8 &&
		       !(pte[0] | pte[1] | pte[2] | pte[3] | pte[4] | pte[5] | pte[6] | pte[7]))
			pte += 8;
		if (pte < end && *pte)
			return pte;
	}
	return NULL;
}

/* table_pages.c */
MUST_USE int user_root_create(struct address_space *space);
/* Nobody uses the space any more and nothing is mapped. */
void user_tables_destroy(struct address_space *space);
/* Makes a table and links it, unless somebody else was faster. False: out of memory. */
MUST_USE bool user_table_add(struct address_space *space, pte_t *slot);
/* table->lock held. */
void user_table_link_locked(struct address_space *space, pte_t *slot, struct page *page);

static inline uint32_t vm_prot_of(unsigned linux_prot)
{
	static_assert(PROT_READ == VM_READ && PROT_WRITE == VM_WRITE && PROT_EXEC == VM_EXEC,
	    "the same bits");
	return linux_prot & VM_ACCESS;
}

/* Pages that a program may have mapped; not none. */
static inline bool vm_range_ok(uintptr_t start, size_t len)
{
	return IS_ALIGNED(start, PAGE_SIZE) && len && len <= USER_END && start <= USER_END - len;
}

/* seal.c: space->lock held. */
bool vm_is_sealed(struct address_space *space, uintptr_t start, uintptr_t end); /* some of it */
bool vm_seal_forbids(const struct area *area, int advice);

/* map.c: space->lock held for writing. */
/* Makes [start, end) begin and end at boundaries of areas, and no huge page reach across them. */
MUST_USE int vm_split_ends(struct address_space *space, uintptr_t start, uintptr_t end);
MUST_USE int vm_unmap_locked(struct address_space *space, uintptr_t start, uintptr_t end);

/* fault.c. -EINVAL: a page may not be accessed so; -EFAULT: it is beyond its file's end; -ENOMEM: nothing is mapped there, or memory is short. */
enum populate_access { POPULATE_AS_OWNER, POPULATE_TO_READ, POPULATE_TO_WRITE };
MUST_USE int vm_populate_for(
    struct address_space *space, uintptr_t start, size_t len, enum populate_access access);

/* limits.c: space->lock held. Whether `pages` more of this kind would be too many. */
bool vm_over_limits(
    const struct address_space *space, uint64_t pages, uint32_t prot, uint32_t flags);
/* More than all of memory, for something that will need as much: refused at once. */
bool vm_is_absurd(uint64_t pages, uint32_t prot, uint32_t flags);
bool vm_over_lock_limit(const struct address_space *space, uint64_t pages);
bool vm_may_lock(void);

/* An entry without its page, for each combination of rights; a page that may be written counts as dirty. Without any right the page is kept but
 * shown to nobody, the kernel included: an entry that is not present, but not empty. */
extern pte_t vm_leaf_bits[8];

/* For a page that must not be written yet. What can be written or executed can be read on this processor, as on Linux. */
static inline uint32_t vm_prot_to_read(uint32_t prot)
{
	return (prot & ~(uint32_t)VM_WRITE) | VM_READ;
}

static inline pte_t vm_make_pte(const struct page *page, uint32_t prot)
{
	return page_to_phys(page) | vm_leaf_bits[prot & VM_ACCESS];
}

static inline unsigned area_pte_prot(const struct area *area)
{
	return VM_USER | (area->prot & VM_ACCESS);
}
