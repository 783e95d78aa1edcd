/*
 * Kernel stacks: slots of the kernel's map area, found in a bitmap. A freed stack stays mapped: first in a small cache of
 * its CPU, then in a pool for all, from which as many as have gathered are unmapped with one flush.
 */
#include "kernel_map_impl.h"

#include <arch/cpu.h>
#include <lib/atomic.h>
#include <lib/bitmap.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <sync/preempt.h>

#define CACHE_MAX 4
#define POOL_MAX  32 /* 512 KiB */

/* a: NULL or a free stack. Exchanged atomically, so that trimming can empty another CPU's cache. */
struct stack_cache {
	void *slot[CACHE_MAX];
};
static PER_CPU(struct stack_cache, stack_cache);

/* k: stacks_lock */
static struct spinlock stacks_lock = SPINLOCK_INIT("kernel stacks", RANK_KERNEL_MAP);
static uint64_t slots_used[BITMAP_WORDS(KERNEL_STACKS_MAX)]; /* k */
static size_t first_free;                                    /* k: no free slot below */
static uint64_t slot_count;                                  /* k */
/* k: free stacks that are still mapped: each stack's lowest page, whose owner_data is the stack's address. */
static struct list pool = LIST_INIT(pool);
static unsigned pool_count; /* k; read without it as a hint */

uintptr_t boot_stack_guard_page;

static uintptr_t slot_base(size_t slot)
{
	return KERNEL_MAP_BASE + slot * KERNEL_STACK_SLOT + (KERNEL_STACK_SLOT - KERNEL_STACK_SIZE);
}

static size_t slot_of(uintptr_t base)
{
	return (base - KERNEL_MAP_BASE) / KERNEL_STACK_SLOT;
}

static size_t slot_take(void)
{
	spin_lock(&stacks_lock);
	size_t slot = bitmap_find_clear(slots_used, KERNEL_STACKS_MAX, first_free);
	if (slot != BITMAP_NONE) {
		bitmap_set(slots_used, slot);
		first_free = slot + 1;
		slot_count++;
	}
	spin_unlock(&stacks_lock);
	return slot;
}

static void slot_release_locked(size_t slot)
{
	bitmap_clear(slots_used, slot);
	first_free = min(first_free, slot);
	slot_count--;
}

static void *pop_cached(struct stack_cache *cache)
{
	for (unsigned i = 0; i < CACHE_MAX; i++) {
		void *stack =
		    atomic_load(&cache->slot[i]) ? atomic_swap(&cache->slot[i], NULL) : NULL;
		if (stack)
			return stack;
	}
	return NULL;
}

static bool push_cached(struct stack_cache *cache, void *stack)
{
	for (unsigned i = 0; i < CACHE_MAX; i++) {
		void *expected = NULL;
		if (!atomic_load(&cache->slot[i]) && atomic_cas(&cache->slot[i], &expected, stack))
			return true;
	}
	return false;
}

static struct page *lowest_page(const void *stack)
{
	struct translation translation;
	int err = page_table_translate(&kernel_page_table, (uintptr_t)stack, &translation);
	assert(!err);
	return phys_to_page(translation.pa);
}

static void *pop_pool(void)
{
	if (!atomic_load(&pool_count))
		return NULL;

	void *stack = NULL;
	spin_lock(&stacks_lock);
	struct list *node = list_pop_front(&pool);
	if (node) {
		atomic_store(&pool_count, pool_count - 1);
		stack = (void *)(uintptr_t)list_entry(node, struct page, link)->owner_data;
	}
	spin_unlock(&stacks_lock);
	return stack;
}

static void push_pool(void *stack)
{
	struct page *page = lowest_page(stack);

	spin_lock(&stacks_lock);
	page->owner_data = (uintptr_t)stack;
	list_push_front(&pool, &page->link);
	atomic_store(&pool_count, pool_count + 1);
	spin_unlock(&stacks_lock);
}

/* Unmaps all that is in the pool, with one flush, and only then lets go of the addresses. */
static void empty_pool(void)
{
	struct list stacks = LIST_INIT(stacks);
	uintptr_t dead[POOL_MAX];
	unsigned count = 0;
	struct tlb_batch batch;
	void *stack;

	tlb_batch_init(&batch);
	while (count < POOL_MAX && (stack = pop_pool())) {
		kernel_map_unback((uintptr_t)stack, KERNEL_STACK_SIZE, &batch);
		dead[count++] = (uintptr_t)stack;
	}
	tlb_flush_kernel(&batch);

	spin_lock(&stacks_lock);
	for (unsigned i = 0; i < count; i++)
		slot_release_locked(slot_of(dead[i]));
	spin_unlock(&stacks_lock);
}

void *kernel_stack_alloc(void)
{
	void *stack = pop_cached(this_cpu_ptr(stack_cache)); /* any CPU's would do */
	if (likely(stack))
		return stack;
	stack = pop_pool();
	if (stack)
		return stack;

	size_t slot = slot_take();
	if (slot == BITMAP_NONE)
		return NULL;
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	if (kernel_map_back(slot_base(slot), KERNEL_STACK_SIZE, 0, &batch))
		return (void *)slot_base(slot);

	tlb_flush_kernel(&batch);
	spin_lock(&stacks_lock);
	slot_release_locked(slot);
	spin_unlock(&stacks_lock);
	return NULL;
}

void kernel_stack_free(void *base)
{
	debug_assert(slot_base(slot_of((uintptr_t)base)) == (uintptr_t)base);
	assert_no_interrupt();
	if (likely(push_cached(this_cpu_ptr(stack_cache), base)))
		return;
	push_pool(base);
	/* Flushing waits for other CPUs, so they must be able to reach this one. */
	if (atomic_load(&pool_count) >= POOL_MAX && !irqs_are_off() &&
	    !this_cpu_read(preempt_count))
		empty_pool();
}

bool kernel_stack_is_guard(uintptr_t va)
{
	if (boot_stack_guard_page && ALIGN_DOWN(va, PAGE_SIZE) == boot_stack_guard_page)
		return true;
	if (va < KERNEL_MAP_BASE || va >= KERNEL_AREAS_BASE)
		return false;
	return (va - KERNEL_MAP_BASE) % KERNEL_STACK_SLOT < KERNEL_STACK_SLOT - KERNEL_STACK_SIZE;
}

void kernel_stack_trim(void)
{
	void *stack;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		while ((stack = pop_cached(per_cpu_ptr(stack_cache, cpu))))
			push_pool(stack);
	}
	while (atomic_load(&pool_count))
		empty_pool();
}

void kernel_stack_stats(struct kernel_map_stats *stats)
{
	stats->stacks_cached = 0;
	for (unsigned i = 0; i < cpu_count * CACHE_MAX; i++) {
		if (atomic_load(&per_cpu_ptr(stack_cache, i / CACHE_MAX)->slot[i % CACHE_MAX]))
			stats->stacks_cached++;
	}
	spin_lock(&stacks_lock);
	stats->stacks_cached += pool_count;
	stats->stacks = slot_count - stats->stacks_cached;
	spin_unlock(&stacks_lock);
}
