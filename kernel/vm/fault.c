/*
 * What happens when a page is touched that is not there, or is there for reading only. Areas say what belongs at the address; this makes it so.
 * Faults of several threads run side by side: each prepares its page alone, and puts it in under the tables' lock if nobody else has meanwhile.
 */
#include "vm_impl.h"

#include <abi/errno.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <object/object.h>
#include <time/clock.h>
#include <wait/interruptible.h>

#define FAULT_AROUND_PAGES 16 /* of a file, when they are in the cache already */
#define STACK_GUARD_GAP    (256 * PAGE_SIZE)

enum outcome { FAULT_DONE, FAULT_SEGV_UNMAPPED, FAULT_SEGV_ACCESS, FAULT_BUS, FAULT_NO_MEMORY };

struct fault_signal {
	int signal, code; /* SIGSEGV or SIGBUS, si_code; 0: none */
};

static enum outcome outcome_of(int err)
{
	return !err ? FAULT_DONE : err == -ENOMEM ? FAULT_NO_MEMORY : FAULT_BUS;
}

static void count_page(struct address_space *space, const struct page *page, int64_t pages)
{
	if (page == vm_zero_page)
		return;
	atomic_fetch_add(vm_page_is_cached(page) ? &space->resident_file : &space->resident_anon,
	    (uint64_t)pages);
}

/* Puts the page in if the slot is still as it was seen, and the page still its file's. The reference goes to the mapping, or back. */
static bool install(struct address_space *space, pte_t *slot, pte_t seen, struct page *page,
    pte_t pte, unsigned pages)
{
	spin_lock(&space->table.lock);
	bool ok = *slot == seen && !page_cache_has_dropped(page);
	if (ok) {
		atomic_store_release(slot, pte);
		count_page(space, page, pages);
	}
	spin_unlock(&space->table.lock);
	if (!ok)
		vm_page_put(page);
	return ok;
}

/* The same for a page that nobody else knows, where there was none: nothing goes away, so no lock is needed. */
static ALWAYS_INLINE void install_new(
    struct address_space *space, pte_t *slot, struct page *page, uint32_t prot)
{
	pte_t empty = 0;
	if (likely(atomic_cas(slot, &empty, vm_make_pte(page, prot))))
		atomic_fetch_add(&space->resident_anon, 1);
	else
		page_put(page);
}

/* A huge page where the area has room for one and nothing is mapped yet. False: do it with small ones. */
static bool fault_huge(struct address_space *space, const struct area *area, uintptr_t va)
{
	uintptr_t start = ALIGN_DOWN(va, HUGE_SIZE);
	if (start < area->start || start + HUGE_SIZE > area->end ||
	    area->flags & (AREA_NO_HUGE | AREA_GROWS_DOWN | AREA_STACK))
		return false;
	pte_t *slot = user_slot_make(space, start, 2);
	if (!slot || atomic_load(slot))
		return false;
	struct page *page = vm_huge_page_alloc();
	if (!page)
		return false;
	pte_t pte = pte_make_leaf(page_to_phys(page), 2, area_pte_prot(area)) | PTE_DIRTY;
	install(space, slot, 0, page, pte, 1u << HUGE_ORDER);
	return true;
}

static ALWAYS_INLINE enum outcome fault_anonymous(
    struct address_space *space, const struct area *area, const struct fault *fault, pte_t *slot)
{
	if (unlikely(!fault->is_write)) {
		/* Not counted, and never freed: whether it or another page is there now is the same. */
		pte_t empty = 0;
		atomic_cas(slot, &empty, vm_make_pte(vm_zero_page, vm_prot_to_read(area->prot)));
		return FAULT_DONE;
	}
	struct page *page = page_alloc(0, PAGE_ZERO);
	if (unlikely(!page))
		return FAULT_NO_MEMORY;
	page->owner_data = 0;
	install_new(space, slot, page, area->prot);
	return FAULT_DONE;
}

/* The page may be cut from its file, which puts it, while we copy. */
static struct page *hold_mapped(struct address_space *space, const pte_t *slot, pte_t seen)
{
	struct page *page = phys_to_page(pte_paddr(seen, 1));
	spin_lock(&space->table.lock);
	if (*slot == seen)
		vm_page_get(page);
	else
		page = NULL;
	spin_unlock(&space->table.lock);
	return page;
}

/* A private page that others see too: copy it, or take it when the others are gone. */
static enum outcome fault_copy(
    struct address_space *space, const struct area *area, pte_t *slot, pte_t seen, uintptr_t va)
{
	struct page *old = phys_to_page(pte_paddr(seen, 1));
	if (vm_page_is_sole(old)) {
		/* Ours alone, and private: only a change of the areas takes it away. More rights need no flush elsewhere: who faults there finds
		 * them. */
		atomic_cas(slot, &seen, vm_make_pte(old, area->prot));
		mmu_flush_page(va);
		return FAULT_DONE;
	}
	struct page *copy = page_alloc(0, old == vm_zero_page ? PAGE_ZERO : 0);
	if (unlikely(!copy))
		return FAULT_NO_MEMORY;
	copy->owner_data = 0;
	if (old != vm_zero_page) {
		/* An anonymous one may go as well, but then the slot never says again what it said. */
		bool is_held = vm_page_is_cached(old);
		if (is_held && !hold_mapped(space, slot, seen)) {
			page_put(copy);
			return FAULT_DONE;
		}
		memcpy(page_to_virt(copy), page_to_virt(old), PAGE_SIZE);
		if (is_held)
			vm_page_put(old);
	}
	if (install(space, slot, seen, copy, vm_make_pte(copy, area->prot), 1)) {
		count_page(space, old, -1);
		user_flush_page(space, va);
		vm_page_put(old);
	}
	return FAULT_DONE;
}

/* A huge page that fork shared. The only one left takes it; otherwise it is broken up and the small page copied. */
static enum outcome fault_copy_huge(
    struct address_space *space, const struct area *area, pte_t *slot, pte_t seen, uintptr_t va)
{
	struct page *head = phys_to_page(pte_paddr(seen, 2));
	if (!vm_page_is_sole(head))
		return user_split_huge(space, va) ? FAULT_NO_MEMORY
						  : FAULT_DONE; /* and fault again */
	spin_lock(&space->table.lock);
	if (*slot == seen)
		atomic_store(
		    slot, pte_make_leaf(page_to_phys(head), 2, area_pte_prot(area)) | PTE_DIRTY);
	spin_unlock(&space->table.lock);
	mmu_flush_page(va);
	return FAULT_DONE;
}

/* Neighbours that the cache has are mapped too, for reading: the next touches cost nothing. All their entries are in one table. */
static void map_around(struct address_space *space, struct area *area, uintptr_t va, pte_t *slot)
{
	uintptr_t window = FAULT_AROUND_PAGES * PAGE_SIZE, from = ALIGN_DOWN(va, window);
	uintptr_t start = max(from, area->start), end = min(from + window, area->end);
	uint64_t index = area_page_offset(area, start), beyond = page_cache_end(area->cache);
	/* Behind the file's end there may be pages, too, but they are not to be seen. */
	uint64_t count = min((end - start) >> PAGE_SHIFT, beyond > index ? beyond - index : 0);
	uint64_t mapped = 0;
	pte_t *pte = slot - ((va - start) >> PAGE_SHIFT);
	pte_t bits = vm_leaf_bits[vm_prot_to_read(area->prot)];
	spin_lock(&space->table.lock); /* no grace period ends meanwhile */
	for (const pte_t *stop = pte + count; pte < stop; pte++, index++) {
		if (atomic_load(pte))
			continue;
		struct page *page = radix_find(&area->cache->pages, index);
		if (!page || cached_page_is_dropped(page))
			continue;
		page_get(page);
		atomic_store_release(pte, page_to_phys(page) | bits);
		mapped++;
	}
	spin_unlock(&space->table.lock);
	atomic_fetch_add(&space->resident_file, mapped);
}

/* The first touch of a private file writes: a copy, of what is still the file's by then. */
static enum outcome fault_private(
    struct address_space *space, struct page *page, pte_t *slot, uint32_t prot)
{
	struct page *copy = page_alloc(0, 0);
	if (!copy) {
		vm_page_put(page);
		return FAULT_NO_MEMORY;
	}
	copy->owner_data = 0;
	memcpy(page_to_virt(copy), page_to_virt(page), PAGE_SIZE);
	spin_lock(&space->table.lock);
	bool ok = !*slot && !page_cache_has_dropped(page);
	if (ok) {
		atomic_store_release(slot, vm_make_pte(copy, prot));
		count_page(space, copy, 1);
	}
	spin_unlock(&space->table.lock);
	vm_page_put(page);
	if (!ok)
		page_put(copy);
	return FAULT_DONE;
}

static NOINLINE enum outcome fault_object(
    struct address_space *space, struct area *area, struct fault *fault, pte_t *slot)
{
	fault->page_offset = area_page_offset(area, fault->va);
	fault->page = NULL;
	int err = area->ops->fault(area, fault);
	if (err)
		return outcome_of(err);
	uint32_t prot = area->prot;
	bool is_shared = area->flags & AREA_SHARED;
	if (is_shared && fault->is_write && area->ops->make_writable) {
		err = area->ops->make_writable(area, fault);
		if (err) {
			vm_page_put(fault->page);
			return outcome_of(err);
		}
	}
	if (!is_shared && fault->is_write)
		return fault_private(space, fault->page, slot, prot);
	if (!is_shared || (!fault->is_write && area->ops->make_writable))
		prot = vm_prot_to_read(prot);
	install(space, slot, 0, fault->page, vm_make_pte(fault->page, prot), 1);
	if (area->cache && !fault->is_write)
		map_around(space, area, fault->va, slot);
	return FAULT_DONE;
}

/* Present, but not for this kind of access (or no longer: another thread was faster). */
static NOINLINE enum outcome fault_present(struct address_space *space, struct area *area,
    struct fault *fault, struct user_slot slot, pte_t seen)
{
	if (!fault->is_write || pte_prot(seen) & VM_WRITE) {
		mmu_flush_page(fault->va);
		return FAULT_DONE;
	}
	uintptr_t page_va = ALIGN_DOWN(fault->va, PAGE_SIZE);
	if (!(area->flags & AREA_SHARED))
		return slot.level == 2 ? fault_copy_huge(space, area, slot.pte, seen, fault->va)
				       : fault_copy(space, area, slot.pte, seen, page_va);
	fault->page_offset = area_page_offset(area, fault->va);
	fault->page = phys_to_page(pte_paddr(seen, slot.level));
	int err = area->ops && area->ops->make_writable ? area->ops->make_writable(area, fault) : 0;
	if (err)
		return outcome_of(err);
	spin_lock(&space->table.lock);
	if (*slot.pte == seen)
		atomic_store(slot.pte, seen | PTE_WRITABLE | PTE_DIRTY);
	spin_unlock(&space->table.lock);
	mmu_flush_page(page_va);
	return FAULT_DONE;
}

static ALWAYS_INLINE enum outcome fault_empty(
    struct address_space *space, struct area *area, struct fault *fault, pte_t *slot)
{
	return area->ops && area->ops->fault ? fault_object(space, area, fault, slot)
					     : fault_anonymous(space, area, fault, slot);
}

/* The first page for far around: a huge one, or one in a new table. */
static NOINLINE enum outcome fault_without_table(
    struct address_space *space, struct area *area, struct fault *fault)
{
	if (area_is_anonymous(area) && fault->is_write && fault_huge(space, area, fault->va))
		return FAULT_DONE;
	pte_t *pte = user_slot_make(space, fault->va, 1);
	if (!pte) {
		/* Out of memory, or a huge page came meanwhile: then the next try finds it. */
		struct user_slot slot = user_slot_find(space, fault->va);
		return slot.pte && slot.level == 2 ? FAULT_DONE : FAULT_NO_MEMORY;
	}
	return atomic_load(pte) ? FAULT_DONE : fault_empty(space, area, fault, pte);
}

/* space->lock is held for reading. Inlined, with what it calls, into the way of most faults. */
static ALWAYS_INLINE enum outcome fault_in_area(
    struct address_space *space, struct area *area, struct fault *fault)
{
	uint32_t needed = fault->is_write ? VM_WRITE : fault->is_exec ? VM_EXEC : VM_ACCESS;
	if (unlikely(!(area->prot & needed)))
		return FAULT_SEGV_ACCESS;
	struct user_slot slot = user_slot_reach(space, fault->va);
	pte_t seen = atomic_load(slot.pte);
	if (seen)
		return fault_present(space, area, fault, slot, seen);
	if (unlikely(slot.level > 1))
		return fault_without_table(space, area, fault);
	return fault_empty(space, area, fault, slot.pte);
}

/* Just below a stack: grows it, if the limit allows and the next area is far enough away. */
static NOINLINE bool grow_stack(struct address_space *space, uintptr_t va)
{
	bool grown = false;
	rwlock_write_lock(&space->lock);
	struct area *area = area_at_or_after(space, va);
	if (area && area->start <= va) {
		grown = true; /* another thread was faster */
	} else if (area && area->flags & AREA_GROWS_DOWN) {
		uintptr_t start = ALIGN_DOWN(va, PAGE_SIZE);
		struct area *below = area_previous(area);
		uintptr_t floor = below
				      ? below->end + (below->prot & VM_ACCESS ? STACK_GUARD_GAP : 0)
				      : USER_MMAP_MIN;
		uint64_t pages = (area->start - start) >> PAGE_SHIFT;
		if (start >= floor && area->end - start <= current_limit(RLIMIT_STACK) &&
		    !vm_over_limits(space, pages, area->prot, area->flags) &&
		    !(area->flags & AREA_LOCKED && vm_over_lock_limit(space, pages))) {
			area_account(space, area, (int64_t)pages);
			area->start = start;
			grown = true;
		}
	}
	rwlock_write_unlock(&space->lock);
	return grown;
}

static ALWAYS_INLINE enum outcome handle(struct address_space *space, struct fault *fault)
{
	for (;;) {
		rwlock_read_lock(&space->lock);
		struct area *area = atomic_load(&space->last_hit);
		if (unlikely(!area || fault->va - area->start >= area->end - area->start))
			area = area_at_or_after(space, fault->va);
		if (likely(area && area->start <= fault->va)) {
			enum outcome outcome = fault_in_area(space, area, fault);
			rwlock_read_unlock(&space->lock);
			return outcome;
		}
		bool below_stack = area && area->flags & AREA_GROWS_DOWN;
		rwlock_read_unlock(&space->lock);
		if (!below_stack || !grow_stack(space, fault->va))
			return FAULT_SEGV_UNMAPPED;
	}
}

/* Caches give back what they can, but not again at once: there is nothing new in them. */
#define TRIM_INTERVAL_NS (100 * NSEC_PER_MSEC)

static bool is_making_room; /* a */
static nsec_t trimmed_at;   /* whoever set is_making_room */

static bool trim_or_kill(void)
{
	if (uptime_ns() - trimmed_at < TRIM_INTERVAL_NS)
		return process_kill_for_memory();
	vm_trim();
	slab_trim();
	page_cache_drain_all();
	trimmed_at = uptime_ns();
	return true;
}

/*
 * Caches first, then a victim. True: try again (or die, if we are it). One at a time: when thousands run out of memory together, they would keep each
 * other, and the victim, from getting anywhere; the longer it lasts, the longer they wait.
 */
static bool make_room(unsigned attempt)
{
	if (signal_is_fatal_pending())
		return true;
	bool found = true;
	if (!atomic_swap(&is_making_room, true)) {
		found = trim_or_kill();
		atomic_store_release(&is_making_room, false);
	}
	if (found && attempt)
		thread_sleep(NSEC_PER_MSEC << min(attempt - 1, 6u));
	return found;
}

/* Which signal it is in the end, after room was made where that was what was missing. */
static NOINLINE struct fault_signal settle(
    struct address_space *space, struct fault *fault, enum outcome outcome)
{
	for (unsigned attempt = 0;; attempt++) {
		switch (outcome) {
		case FAULT_DONE: return (struct fault_signal){0, 0};
		case FAULT_SEGV_UNMAPPED: return (struct fault_signal){SIGSEGV, SEGV_MAPERR};
		case FAULT_SEGV_ACCESS: return (struct fault_signal){SIGSEGV, SEGV_ACCERR};
		case FAULT_BUS: return (struct fault_signal){SIGBUS, BUS_ADRERR};
		case FAULT_NO_MEMORY: break;
		}
		if (!make_room(attempt) || signal_is_fatal_pending())
			/* The kill is on its way for user code; a copy in the kernel ends with EFAULT. */
			return (struct fault_signal){
			    fault->is_user && signal_is_fatal_pending() ? 0 : SIGBUS, BUS_ADRERR};
		outcome = handle(space, fault);
	}
}

bool page_fault_resolve(uintptr_t va, unsigned access, struct user_exception *exception)
{
	struct address_space *space = current_address_space();
	struct fault fault = {.va = va,
	    .is_write = access & FAULT_WRITE,
	    .is_exec = access & FAULT_EXEC,
	    .is_user = access & FAULT_USER};
	struct fault_signal signal = {SIGSEGV, SEGV_MAPERR};
	if (likely(space && va < USER_END)) {
		current_thread()->minor_faults++;
		enum outcome outcome = handle(space, &fault);
		if (likely(outcome == FAULT_DONE))
			return true;
		signal = settle(space, &fault, outcome);
		if (!signal.signal)
			return true;
	}
	exception->signal = signal.signal;
	exception->code = signal.code;
	exception->address = va;
	return false;
}

/* One step of populating: as if the owner had touched the page, but that nobody is killed for it. */
static enum outcome populate_page(
    struct address_space *space, uintptr_t va, enum populate_access access)
{
	rwlock_read_lock(&space->lock);
	struct area *area = vm_find_area(space, va);
	enum outcome outcome = FAULT_SEGV_UNMAPPED;
	if (area) {
		bool own_writes = area->prot & VM_WRITE && !(area->flags & AREA_SHARED);
		struct fault fault = {.va = va,
		    .is_write =
			access == POPULATE_TO_WRITE || (access == POPULATE_AS_OWNER && own_writes),
		    .is_user = true};
		struct user_slot slot = user_slot_find(space, va);
		bool there = slot.pte && atomic_load(slot.pte) != 0 && area->prot & VM_ACCESS &&
			     (!fault.is_write || pte_prot(*slot.pte) & VM_WRITE);
		outcome = there ? FAULT_DONE : fault_in_area(space, area, &fault);
	}
	rwlock_read_unlock(&space->lock);
	return outcome;
}

int vm_populate_for(
    struct address_space *space, uintptr_t start, size_t len, enum populate_access access)
{
	for (uintptr_t va = start; va < start + len; va += PAGE_SIZE) {
		enum outcome outcome = populate_page(space, va, access);
		if (outcome == FAULT_NO_MEMORY || outcome == FAULT_SEGV_UNMAPPED)
			return -ENOMEM;
		if (outcome != FAULT_DONE)
			return outcome == FAULT_SEGV_ACCESS ? -EINVAL : -EFAULT;
		if (signal_is_fatal_pending())
			return -EINTR;
	}
	return 0;
}

int vm_populate_to_write(struct address_space *space, uintptr_t start, size_t len)
{
	return vm_populate_for(space, start, len, POPULATE_TO_WRITE);
}

int vm_populate(struct address_space *space, uintptr_t start, size_t len)
{
	int err = vm_populate_for(space, start, len, POPULATE_AS_OWNER);
	return err == -EINVAL ? -EFAULT : err;
}
