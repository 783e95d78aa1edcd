/* The kernel's map area on simulated memory: addresses taken, given back and joined; every failure undone. */
#include "page_table_impl.h"

#include <arch/host.h>
#include <lib/random.h>
#include <mm/alloc_fail.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <test/test.h>

#define AREAS 60

struct page_table kernel_page_table = {.lock = SPINLOCK_INIT("kernel page table", RANK_PAGE_TABLE)};

static struct page *fixed_pages[2];

/* A root, and one top-level entry whose table stays for good, as boot makes them. */
static void setup(void)
{
	host_mm_start(64 * MiB);
	for (unsigned i = 0; i < 2; i++) {
		fixed_pages[i] = page_alloc(0, PAGE_ZERO);
		CHECK(fixed_pages[i]);
	}
	kernel_page_table.root = page_to_phys(fixed_pages[0]);
	page_table_entries(kernel_page_table.root)[pt_index(KERNEL_MAP_BASE, PT_LEVELS)] =
	    pte_make_table(page_to_phys(fixed_pages[1]));
	fixed_pages[0]->kind = fixed_pages[1]->kind = PAGE_RESERVED;
	kernel_map_init();
}

/* All is given back but the one free area, which covers everything. */
static void teardown(void)
{
	struct kernel_map_stats stats;
	kernel_map_trim();
	kernel_map_stats(&stats);
	CHECK_EQ(stats.areas, 0);
	CHECK_EQ(stats.area_pages, 0);
	CHECK_EQ(stats.dead_pages, 0);
	CHECK_EQ(stats.stacks, 0);
	CHECK_EQ(stats.stacks_cached, 0);
	CHECK_EQ(kernel_page_table.table_pages, 0);
	CHECK_EQ(slab_objects_used(), 1);
	for (unsigned i = 0; i < 2; i++) {
		fixed_pages[i]->kind = PAGE_USED;
		page_free(fixed_pages[i], 0);
	}
}

static void check_mapped(uintptr_t va, size_t len, unsigned prot)
{
	struct translation t;
	for (size_t at = 0; at < len; at += PAGE_SIZE) {
		CHECK_EQ(page_table_translate(&kernel_page_table, va + at, &t), 0);
		CHECK_EQ(t.prot, prot);
	}
	CHECK(page_table_translate(&kernel_page_table, va - 1, &t) != 0);
	CHECK(page_table_translate(&kernel_page_table, va + len, &t) != 0);
}

struct held {
	uintptr_t va;
	size_t len;
	bool is_device;
};

static void take(struct held *held, uint64_t *random)
{
	held->is_device = random_next(random) % 3 == 0;
	held->len = random_next(random) % (held->is_device ? 3 * MiB : 20 * PAGE_SIZE) + 1;
	if (held->is_device) {
		paddr_t pa = 0xe0000000 + random_next(random) % GiB;
		held->va = (uintptr_t)device_map(pa, held->len);
		CHECK_EQ(held->va % PAGE_SIZE, pa % PAGE_SIZE);
		held->len += held->va % PAGE_SIZE;
	} else {
		held->va = (uintptr_t)vmalloc(held->len);
	}
	CHECK(held->va);
	held->len = ALIGN_UP(held->len, PAGE_SIZE);
	check_mapped(
	    ALIGN_DOWN(held->va, PAGE_SIZE), held->len, held->is_device ? VM_DEVICE : VM_KERNEL);
}

static void give(struct held *held)
{
	check_mapped(
	    ALIGN_DOWN(held->va, PAGE_SIZE), held->len, held->is_device ? VM_DEVICE : VM_KERNEL);
	if (held->is_device)
		device_unmap((void *)held->va);
	else
		vfree((void *)held->va);
	struct translation t;
	CHECK(page_table_translate(&kernel_page_table, held->va, &t) != 0);
	held->va = 0;
}

TEST(kernel_map_survives_random_traffic)
{
	setup();
	struct held held[AREAS] = {0};
	uint64_t random = 1;
	for (unsigned round = 0; round < 3000; round++) {
		struct held *one = &held[random_next(&random) % AREAS];
		if (one->va)
			give(one);
		else
			take(one, &random);
		for (unsigned i = 0; i < AREAS && round % 100 == 0; i++)
			for (unsigned j = 0; j < i; j++)
				CHECK(!held[i].va || !held[j].va ||
				      held[i].va + held[i].len <= held[j].va ||
				      held[j].va + held[j].len <= held[i].va);
	}
	for (unsigned i = 0; i < AREAS; i++)
		if (held[i].va)
			give(&held[i]);
	teardown();
}

TEST(kernel_map_does_not_reuse_addresses_before_a_flush)
{
	setup();
	void *first = vmalloc(PAGE_SIZE);
	vfree(first);
	void *second = vmalloc(PAGE_SIZE);
	CHECK(second != first);
	kernel_map_trim();
	void *third = vmalloc(PAGE_SIZE);
	CHECK(third == first);
	vfree(second);
	vfree(third);
	teardown();
}

TEST(kernel_map_gives_nothing_for_nonsense)
{
	setup();
	CHECK(!vmalloc(0));
	CHECK(!vmalloc(SIZE_MAX));
	CHECK(!vmalloc(KERNEL_MAP_END - KERNEL_AREAS_BASE));
	CHECK(!device_map(0xe0000000, 0));
	CHECK(!device_map(UINT64_MAX - 5, 10));
	CHECK(!device_map(0xe0000000, SIZE_MAX));
	vfree(NULL);
	device_unmap(NULL);
	teardown();
}

static void free_twice(void *va)
{
	vfree(va);
	vfree(va);
}

TEST(kernel_map_panics_when_freed_twice)
{
	setup();
	void *va = vmalloc(PAGE_SIZE);
	CHECK_PANICS(free_twice, va);
}

TEST(kernel_stacks_come_from_caches_first)
{
	setup();
	void *stacks[50];
	struct kernel_map_stats stats;
	for (unsigned i = 0; i < ARRAY_LEN(stacks); i++) {
		stacks[i] = kernel_stack_alloc();
		CHECK(stacks[i]);
		check_mapped((uintptr_t)stacks[i], KERNEL_STACK_SIZE, VM_KERNEL);
		CHECK(kernel_stack_is_guard((uintptr_t)stacks[i] - 1));
		CHECK(!kernel_stack_is_guard((uintptr_t)stacks[i]));
		CHECK(!kernel_stack_is_guard((uintptr_t)stacks[i] + KERNEL_STACK_SIZE - 1));
	}
	CHECK(!kernel_stack_is_guard(KERNEL_AREAS_BASE));
	kernel_map_stats(&stats);
	CHECK_EQ(stats.stacks, ARRAY_LEN(stacks));
	CHECK_EQ(stats.stacks_cached, 0);

	/* Four in the CPU's cache, 32 in the pool and out again at once, the rest in the pool. */
	for (unsigned i = 0; i < ARRAY_LEN(stacks); i++)
		kernel_stack_free(stacks[i]);
	kernel_map_stats(&stats);
	CHECK_EQ(stats.stacks, 0);
	CHECK_EQ(stats.stacks_cached, ARRAY_LEN(stacks) - 32);
	CHECK(kernel_stack_alloc() == stacks[0]);
	kernel_stack_free(stacks[0]);
	teardown();
}

/* The pool grows while preemption is off, and is emptied by the first who may wait. */
TEST(kernel_stacks_are_not_unmapped_without_preemption)
{
	setup();
	void *stacks[60];
	struct kernel_map_stats stats;
	for (unsigned i = 0; i < ARRAY_LEN(stacks); i++) {
		stacks[i] = kernel_stack_alloc();
		CHECK(stacks[i]);
	}
	preempt_disable();
	for (unsigned i = 1; i < ARRAY_LEN(stacks); i++)
		kernel_stack_free(stacks[i]);
	preempt_enable();
	kernel_map_stats(&stats);
	CHECK_EQ(stats.stacks_cached, ARRAY_LEN(stacks) - 1);
	kernel_stack_free(stacks[0]);
	kernel_map_stats(&stats);
	CHECK_EQ(stats.stacks_cached, ARRAY_LEN(stacks) - 32);
	teardown();
}

static void *try_vmalloc(void)
{
	return vmalloc(600 * PAGE_SIZE);
}

static void *try_device_map(void)
{
	return device_map(0xe0001000, 5 * MiB);
}

static void fail_each(void *(*attempt)(void), void (*undo)(void *result), unsigned at_least)
{
	setup();
	for (unsigned n = 1;; n++) {
		alloc_fail_after(n);
		void *result = attempt();
		bool has_failed = alloc_fail_after(0);
		CHECK(result || has_failed);
		if (result)
			undo(result);
		if (!has_failed) {
			CHECK(n > at_least);
			break;
		}
		kernel_map_trim();
		CHECK_EQ(kernel_page_table.table_pages, 0);
		CHECK_EQ(slab_objects_used(), 1);
	}
	teardown();
}

TEST(vmalloc_survives_every_failed_allocation)
{
	fail_each(try_vmalloc, vfree, 602);
}

TEST(device_map_survives_every_failed_allocation)
{
	fail_each(try_device_map, device_unmap, 4);
}

TEST(kernel_stack_alloc_survives_every_failed_allocation)
{
	fail_each(kernel_stack_alloc, kernel_stack_free, 6);
}
