/* The kernel's map area: memory that is what it should be, stacks that are cached, nothing lost when memory runs out. */
#include <lib/random.h>
#include <mm/alloc_fail.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/page_table.h>
#include <mm/slab.h>
#include <mm/tlb.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <x86/probe.h>

#define AREAS 24

struct held {
	uint64_t *words;
	size_t count;
	uint64_t stamp;
};

static bool is_zero(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i])
			return false;
	return true;
}

static void take(struct held *held, uint64_t *random)
{
	size_t len = random_next(random) % (9 * PAGE_SIZE) + 1;
	uint64_t value;

	held->words = vmalloc(len);
	CHECK(held->words);
	held->count = ALIGN_UP(len, PAGE_SIZE) / sizeof(uint64_t);
	held->stamp = random_next(random);
	CHECK(is_zero(held->words, held->count));
	CHECK(!probe_read_u64((uintptr_t)held->words - 8, &value));
	CHECK(!probe_read_u64((uintptr_t)(held->words + held->count), &value));
	for (size_t i = 0; i < held->count; i++)
		held->words[i] = held->stamp + i;
}

static void give(struct held *held)
{
	for (size_t i = 0; i < held->count; i++)
		CHECK_EQ(held->words[i], held->stamp + i);
	vfree(held->words);
	held->words = NULL;
}

SELFTEST(vmalloc_survives_random_traffic)
{
	struct held held[AREAS] = {0};
	uint64_t random = selftest_seed();

	for (uint64_t round = selftest_rounds(2000); round; round--) {
		struct held *one = &held[random_next(&random) % AREAS];
		if (one->words)
			give(one);
		else
			take(one, &random);
	}
	for (unsigned i = 0; i < AREAS; i++)
		if (held[i].words)
			give(&held[i]);
	CHECK(!vmalloc(0));
	CHECK(!vmalloc(KERNEL_MAP_END - KERNEL_AREAS_BASE));
	vfree(NULL);
}

SELFTEST(vfree_unmaps)
{
	uint64_t value;
	uint64_t *words = vmalloc(PAGE_SIZE);
	CHECK(words);
	words[0] = 1;
	vfree(words);
	kernel_map_trim();
	CHECK(!probe_read_u64((uintptr_t)words, &value));
}

/* Freed addresses wait for one flush of many, so freeing alone interrupts nobody. */
SELFTEST(vfree_flushes_in_batches)
{
	struct tlb_stats before, after;
	kernel_map_trim();
	tlb_stats(&before);
	for (unsigned i = 0; i < 256; i++) {
		void *memory = vmalloc(PAGE_SIZE);
		CHECK(memory);
		vfree(memory);
	}
	tlb_stats(&after);
	CHECK_EQ(after.flushes - before.flushes, 0);
	kernel_map_trim();
	tlb_stats(&after);
	CHECK_EQ(after.flushes - before.flushes, 1);
}

SELFTEST(device_map_is_uncached)
{
	struct page *page = page_alloc(0, PAGE_ZERO);
	CHECK(page);
	uint32_t *memory = page_to_virt(page);
	memory[5] = 0x1234;

	volatile uint32_t *word = device_map(page_to_phys(page) + 5 * sizeof(*word), sizeof(*word));
	CHECK(word);
	CHECK_EQ(*word, 0x1234);
	struct translation translation;
	CHECK_EQ(page_table_translate(&kernel_page_table, (uintptr_t)word, &translation), 0);
	CHECK_EQ(translation.prot, VM_DEVICE);
	device_unmap((void *)(uintptr_t)word);
	page_free(page, 0);

	/* Large ranges take large pages, even when they begin in the middle of one. */
	volatile uint8_t *large = device_map(0xe0000000 + 4 * PAGE_SIZE, 6 * MiB);
	CHECK(large);
	CHECK_EQ(
	    page_table_translate(&kernel_page_table, (uintptr_t)large + 2 * MiB, &translation), 0);
	CHECK_EQ(translation.level, 2);
	CHECK_EQ(translation.pa, 0xe0000000 + 4 * PAGE_SIZE + 2 * MiB);
	device_unmap((void *)(uintptr_t)large);
	CHECK(!device_map(UINT64_MAX - 10, 20));
	CHECK(!device_map(0xe0000000, 0));
}

SELFTEST(kernel_stacks_are_cached)
{
	enum { COUNT = 100 };
	static void *stacks[COUNT];
	struct kernel_map_stats before, during, after;

	kernel_map_trim();
	kernel_map_stats(&before);
	CHECK_EQ(before.stacks_cached, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t value;
		stacks[i] = kernel_stack_alloc();
		CHECK(stacks[i]);
		uintptr_t base = (uintptr_t)stacks[i];
		CHECK(probe_write(base));
		CHECK(probe_write(base + KERNEL_STACK_SIZE - 8));
		CHECK(!probe_read_u64(base - 8, &value));
		CHECK(kernel_stack_is_guard(base - PAGE_SIZE));
		CHECK(kernel_stack_is_guard(base - 1));
		CHECK(!kernel_stack_is_guard(base + KERNEL_STACK_SIZE - 1));
	}
	kernel_map_stats(&during);
	CHECK_EQ(during.stacks, before.stacks + COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		kernel_stack_free(stacks[i]);
	kernel_map_stats(&after);
	CHECK_EQ(after.stacks, before.stacks);
	CHECK(after.stacks_cached > 0 && after.stacks_cached < COUNT);
	kernel_map_trim();
	kernel_map_stats(&after);
	CHECK_EQ(after.stacks_cached, 0);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

SELFTEST(threads_come_and_go_without_flushes)
{
	struct tlb_stats before, after;
	uint64_t rounds = selftest_rounds(500);

	tlb_stats(&before);
	for (uint64_t i = 0; i < rounds; i++) {
		struct thread *thread = thread_create("short", do_nothing, NULL);
		CHECK(thread);
		thread_start(thread);
		thread_join(thread);
		thread_put(thread);
	}
	tlb_stats(&after);
	CHECK(after.flushes - before.flushes <= rounds / 50);
}

static void *try_vmalloc(void)
{
	return vmalloc(5 * PAGE_SIZE);
}

static void *try_device_map(void)
{
	return device_map(0xe0000000, 3 * PAGE_SIZE);
}

/* Runs it with its 1st, 2nd, ... allocation failing; returns how many it makes. */
static unsigned fail_each(void *(*attempt)(void), void (*undo)(void *result))
{
	for (unsigned n = 1;; n++) {
		struct kernel_map_stats before, after;
		kernel_map_trim();
		slab_trim();
		kernel_map_stats(&before);
		alloc_fail_after(n);
		void *result = attempt();
		bool has_failed = alloc_fail_after(0);
		/* The allocators can do without some of their own allocations. */
		CHECK(result || has_failed);
		if (result)
			undo(result);
		kernel_map_trim();
		kernel_map_stats(&after);
		CHECK_EQ(after.areas, before.areas);
		CHECK_EQ(after.area_pages, before.area_pages);
		CHECK_EQ(after.stacks, before.stacks);
		CHECK_EQ(after.dead_pages, 0);
		if (!has_failed)
			return n - 1;
	}
}

SELFTEST(kernel_map_survives_every_failed_allocation)
{
	CHECK(fail_each(try_vmalloc, vfree) >= 5 + 2);
	CHECK(fail_each(kernel_stack_alloc, kernel_stack_free) >= 4);
	CHECK(fail_each(try_device_map, device_unmap) >= 2);
}

BENCH(kernel_stack_alloc_free, 0, "kernel stack alloc + free, cached")
{
	while (rounds--) {
		void *stack = kernel_stack_alloc();
		if (!stack)
			return;
		kernel_stack_free(stack);
	}
}

BENCH(page_table_map_unmap, 0, "map + unmap of one kernel page, table present, no flush")
{
	uint8_t *memory = vmalloc(2 * PAGE_SIZE);
	if (!memory)
		return;
	struct tlb_batch batch;
	struct translation translation;
	uintptr_t va = (uintptr_t)memory + PAGE_SIZE;
	int err = page_table_translate(&kernel_page_table, va, &translation);

	tlb_batch_init(&batch);
	err = err ? err : page_table_unmap(&kernel_page_table, va, PAGE_SIZE, &batch);
	while (!err && rounds--) {
		err =
		    page_table_map(&kernel_page_table, va, translation.pa, PAGE_SIZE, VM_KERNEL, 1);
		err = err ? err : page_table_unmap(&kernel_page_table, va, PAGE_SIZE, &batch);
	}
	err = err ? err
		  : page_table_map(&kernel_page_table, va, translation.pa, PAGE_SIZE, VM_KERNEL, 1);
	tlb_flush_kernel(&batch);
	if (!err)
		vfree(memory);
}
