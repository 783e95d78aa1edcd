/*
 * The life of an address space, and which CPU has it loaded. `users` counts the processes that run in it: the last one's end unmaps everything.
 * `refs` counts who needs the struct and its tables: the users together hold one, and every CPU that has it in its CR3, because kernel threads
 * leave the last space loaded.
 */
#include "vm_impl.h"

#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <mm/slab.h>
#include <object/object.h>
#include <wait/rcu.h>

static PER_CPU(struct address_space *, loaded_space);

pte_t vm_leaf_bits[8];

void vm_init(void)
{
	for (unsigned prot = 0; prot < ARRAY_LEN(vm_leaf_bits); prot++)
		vm_leaf_bits[prot] =
		    pte_make_leaf(0, 1, VM_USER | prot) | (prot & VM_WRITE ? PTE_DIRTY : 0);
	vm_leaf_bits[0] &= ~(PTE_PRESENT | PTE_USER);
	vm_zero_page = page_alloc(0, PAGE_ZERO);
	if (!vm_zero_page)
		panic("no memory for the page of zeroes");
	vm_zero_page->owner_data = 0;
}

struct address_space *address_space_create(void)
{
	struct address_space *space = kzalloc(sizeof(*space));
	if (!space)
		return NULL;
	if (user_root_create(space)) {
		kfree(space);
		return NULL;
	}
	rwlock_init(&space->lock, "address space", RANK_ADDRESS_SPACE);
	space->users = 1;
	space->refs = 1;
	space->mmap_top = USER_END;
	return space;
}

uint64_t address_space_peak(struct address_space *space)
{
	uint64_t now = atomic_load(&space->resident_anon) + atomic_load(&space->resident_file) +
		       atomic_load(&space->resident_shared);
	if (now > atomic_load(&space->peak_resident))
		atomic_store(&space->peak_resident, now);
	return atomic_load(&space->peak_resident);
}

struct address_space *address_space_get(struct address_space *space)
{
	atomic_fetch_add(&space->users, 1);
	return space;
}

struct address_space *address_space_hold(struct address_space *space)
{
	atomic_fetch_add(&space->refs, 1);
	return space;
}

/* Spaces whose last reference went in the middle of a switch, where nothing can be freed. Whoever ends another one frees them too. */
static struct address_space *dead_spaces; /* a */

static void bury(struct address_space *space)
{
	struct address_space *first = atomic_load(&dead_spaces);
	do
		space->next_dead = first;
	while (!atomic_cas(&dead_spaces, &first, space));
}

void start_words_put(struct start_words *words)
{
	if (words && atomic_fetch_sub(&words->refs, 1) == 1)
		kfree(words);
}

static void destroy(struct address_space *space)
{
	user_tables_destroy(space);
	start_words_put(space->start_words);
	kfree(space);
}

/* Frees what a switch could not. Context: thread. */
static void reap(void)
{
	struct address_space *space =
	    atomic_load(&dead_spaces) ? atomic_swap(&dead_spaces, NULL) : NULL;
	while (space) {
		struct address_space *next = space->next_dead;
		destroy(space);
		space = next;
	}
}

void address_space_release(struct address_space *space)
{
	if (atomic_fetch_sub(&space->refs, 1) == 1)
		destroy(space);
	reap();
}

static void unload_if_dead(void *unused)
{
	(void)unused;
	const struct address_space *space = this_cpu_read(loaded_space);
	/* With preemption off it may be on the way to another one. */
	if (space && !atomic_load(&space->users) && !this_cpu_read(preempt_count))
		address_space_switch(NULL);
}

void address_space_unload_dead(void)
{
	smp_call(atomic_load(&cpu_online_mask), unload_if_dead, NULL);
	reap();
}

/* Tables that an idle CPU may keep for as long as it idles: more are not to be missed. */
#define TABLES_KEPT_LOADED 64
#define UNLOAD_TRIES       100 /* sections without preemption are short */

static void unload_everywhere(const struct address_space *space)
{
	cpumask_t cpus;
	for (unsigned tries = 0; tries < UNLOAD_TRIES && (cpus = atomic_load(&space->cpus));
	     tries++)
		smp_call(cpus, unload_if_dead, NULL);
}

void address_space_put(struct address_space *space)
{
	if (atomic_fetch_sub(&space->users, 1) != 1)
		return;
	/* No thread runs in it any more; a CPU that still has it loaded runs kernel code only, and flushes when it leaves. */
	rwlock_write_lock(&space->lock);
	user_unmap_all(space);
	/* Whoever cuts a file that it maps may have found it before, and looks for the area next. */
	space->last_hit = NULL;
	for (struct rb_node *node; (node = rb_take_leaf(&space->areas));)
		area_free(rb_entry(node, struct area, node));
	rwlock_write_unlock(&space->lock);
	if (unlikely(space->table.table_pages > TABLES_KEPT_LOADED))
		unload_everywhere(space);
	address_space_release(space);
}

/* The mask is set before the tables are used and cleared after: a flush that misses this CPU finds nothing stale here. */
void address_space_switch(struct address_space *to)
{
	struct address_space *from = this_cpu_read(loaded_space);
	if (from == to)
		return;
	cpumask_t me = cpumask_of(this_cpu());
	if (to) {
		atomic_fetch_add(&to->refs, 1);
		atomic_fetch_or(&to->cpus, me);
	}
	this_cpu_write(loaded_space, to);
	mmu_set_root(to ? to->table.root : kernel_page_table.root);
	if (from) {
		atomic_fetch_and(&from->cpus, ~me);
		if (atomic_fetch_sub(&from->refs, 1) == 1)
			bury(from);
	}
}

bool vm_await_freed(void)
{
	rcu_barrier();
	address_space_unload_dead();
	struct page *page = page_alloc(0, 0);
	if (page)
		page_free(page, 0);
	return page;
}
