/* The page allocator on simulated machines: against a model, to exhaustion, with holes, nodes, and low memory. */
#include "machine.h"

#include <lib/string.h>
#include <mm/alloc_fail.h>

#define BLOCKS_MAX 4096

/* The model: who owns each page. 0: nobody. */
struct block {
	struct page *page;
	size_t count; /* pages */
	bool is_contiguous;
	uint64_t stamp;
};

static struct block blocks[BLOCKS_MAX];
static size_t block_count;
static uint8_t owned[2 * GiB / PAGE_SIZE];

static uint64_t *word_of(struct page *page, size_t i)
{
	return (uint64_t *)page_to_virt(page + i) + i % 512;
}

static void model_add(struct page *page, size_t count, bool is_contiguous, uint64_t stamp)
{
	size_t frame = (size_t)(page - page_array);
	CHECK(page->kind == PAGE_USED);
	CHECK_EQ(page->refs, 1);
	for (size_t i = 0; i < count; i++) {
		CHECK(!owned[frame + i]);
		owned[frame + i] = 1;
		*word_of(page, i) = stamp + i;
	}
	blocks[block_count++] = (struct block){page, count, is_contiguous, stamp};
}

static void model_free(size_t which)
{
	struct block block = blocks[which];
	blocks[which] = blocks[--block_count];
	for (size_t i = 0; i < block.count; i++) {
		CHECK(owned[(size_t)(block.page - page_array) + i]);
		owned[(size_t)(block.page - page_array) + i] = 0;
		CHECK_EQ(*word_of(block.page, i), block.stamp + i);
	}
	if (block.is_contiguous)
		page_free_contiguous(block.page, block.count);
	else if (block.stamp & 1)
		page_free(block.page, block.page->order);
	else
		page_put(block.page);
}

static void model_free_all(void)
{
	while (block_count)
		model_free(block_count - 1);
}

/* One random step; on average as many allocations as frees. */
static void random_step(uint64_t *seed, unsigned max_order)
{
	uint64_t r = random_next(seed);
	if (r % 2 && block_count) {
		model_free((r >> 8) % block_count);
		return;
	}
	if (block_count == BLOCKS_MAX)
		return;

	unsigned order = (unsigned)__builtin_ctzll(r >> 4 | 1ull << max_order);
	if (r >> 40 & 1) {
		size_t count = (r >> 41) % (1ull << order) + 1;
		struct page *page = page_alloc_contiguous(count, 0);
		if (page)
			model_add(page, count, true, r);
	} else {
		struct page *page = page_alloc(order, 0);
		if (!page)
			return;
		CHECK(IS_ALIGNED(page_to_phys(page), PAGE_SIZE << order));
		model_add(page, 1ull << order, false, r);
	}
}

TEST(page_random_traffic_keeps_to_the_model)
{
	for (uint64_t run = 1; run <= 4; run++) {
		uint64_t seed = run;
		MACHINE({0, 64 * MiB});
		for (unsigned i = 0; i < 20000; i++)
			random_step(&seed, 8);
		model_free_all();
		machine_finish();
	}
}

TEST(page_random_traffic_from_several_cpus)
{
	uint64_t seed = 7;
	host_cpus_set(4);
	MACHINE({0, 64 * MiB});
	for (unsigned i = 0; i < 20000; i++) {
		host_cpu_select(random_next(&seed) % 4);
		random_step(&seed, 4);
	}
	model_free_all();
	host_cpu_select(0);
	machine_finish();
}

TEST(page_block_of_every_order_is_aligned_and_comes_back)
{
	MACHINE({0, 64 * MiB});
	for (unsigned order = 0; order < PAGE_ORDERS; order++) {
		struct page *page = page_alloc(order, PAGE_ZERO);
		CHECK(page);
		CHECK(IS_ALIGNED(page_to_phys(page), PAGE_SIZE << order));
		const uint8_t *bytes = page_to_virt(page);
		for (size_t i = 0; i < PAGE_SIZE << order; i += 509)
			CHECK_EQ(bytes[i], 0);
		page_free(page, order);
	}
	CHECK(!page_alloc(PAGE_ORDERS, 0));
	CHECK(!page_alloc_contiguous((1ull << (PAGE_ORDERS - 1)) + 1, 0));
	CHECK(!page_alloc_contiguous(0, 0));
	machine_finish();
}

TEST(page_block_splits_into_pages)
{
	MACHINE({0, 32 * MiB});
	struct page *block = page_alloc(3, 0);
	CHECK(block);
	page_split(block, 3);
	/* In an order that joins them again in different ways. */
	for (size_t i = 0; i < 8; i++) {
		struct page *page = &block[i * 3 % 8];
		CHECK_EQ(page->order, 0);
		CHECK_EQ(page->refs, 1);
		page_put(page);
	}
	machine_finish();
}

TEST(page_contiguous_gives_its_tail_back)
{
	MACHINE({0, 32 * MiB});
	struct page_stats before, after;
	page_stats_total(&before);
	for (size_t count = 1; count < 700; count++) {
		struct page *page = page_alloc_contiguous(count, 0);
		CHECK(page);
		page_stats_total(&after);
		CHECK_EQ(before.free - after.free, count);
		memset(page_to_virt(page), 0x5a, count * PAGE_SIZE);
		page_free_contiguous(page, count);
	}
	machine_finish();
}

/* Until the last page, then everything works again. */
TEST(page_exhaustion_is_an_error_and_passes)
{
	static struct page *pages[32 * MiB / PAGE_SIZE];
	MACHINE({0, 32 * MiB});
	for (unsigned round = 0; round < 3; round++) {
		size_t count = 0;
		while ((pages[count] = page_alloc(0, 0)))
			count++;
		CHECK_EQ(count, stats_at_boot.free);
		CHECK(!page_alloc(3, 0));
		CHECK(!page_alloc_contiguous(2, 0));
		struct page_stats now;
		page_stats_total(&now);
		CHECK_EQ(now.free, 0);
		CHECK(now.failed >= 3);
		while (count)
			page_free(pages[--count], 0);
	}
	machine_finish();
}

/* A block may need what lies in the caches of all CPUs. */
TEST(page_large_block_drains_every_cache)
{
	host_cpus_set(3);
	MACHINE({16 * MiB, 32 * MiB});
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		host_cpu_select(cpu);
		struct page *page = page_alloc(0, 0);
		CHECK(page);
		page_free(page, 0);
	}
	struct page_stats now;
	page_stats_total(&now);
	CHECK(now.cached >= 3);
	CHECK_EQ(now.free_blocks[PAGE_ORDERS - 1], 0);
	struct page *block = page_alloc(PAGE_ORDERS - 1, 0);
	CHECK(block);
	page_free(block, PAGE_ORDERS - 1);
	host_cpu_select(0);
	machine_finish();
}

TEST(page_holes_stay_holes)
{
	/* Odd edges: half a page, a range of one page, neighbours that touch across a hole. */
	MACHINE({0x100800, 0x300400}, {0x400000, 0x401000}, {0x403000, 0x900000},
	    {0x2000000, 0x2345000});
	CHECK_EQ(stats_at_boot.total, (0x300000 - 0x101000) / 4096 + 1 + 0x4fd + 0x345);
	uint64_t seed = 3;
	for (unsigned i = 0; i < 5000; i++)
		random_step(&seed, 6);
	model_free_all();
	machine_finish();
}

TEST(page_what_is_not_ram_is_not_given)
{
	static struct page *pages[16 * MiB / PAGE_SIZE];
	static const struct test_range none[] = {{0, 16 * MiB}, {0, 0}};
	test_info = (struct boot_info){0};
	machine_describe(none);
	/* The image, the initrd, the RSDP, and a reserved range inside RAM. */
	test_info.kernel_start = 2 * MiB;
	test_info.kernel_end = 3 * MiB + 5;
	test_info.initrd_start = 5 * MiB + 100;
	test_info.initrd_end = 6 * MiB + 100;
	test_info.rsdp = 7 * MiB + 0x10;
	test_info.ranges[1] = (struct boot_range){8 * MiB + 1, 9 * MiB + 1, BOOT_MEMORY_RESERVED};
	test_info.range_count = 2;
	page_early_init(&test_info);
	page_init();
	page_stats_total(&stats_at_boot);
	CHECK_EQ(stats_at_boot.total, 15 * 256 - 257 - 257 - 1 - 257);

	size_t count = 0;
	while ((pages[count] = page_alloc(0, 0)))
		count++;
	for (size_t i = 0; i < count; i++) {
		paddr_t pa = page_to_phys(pages[i]);
		CHECK(pa >= MiB && pa < 16 * MiB);
		CHECK(pa < 2 * MiB || pa > 3 * MiB);
		CHECK(pa < 5 * MiB || pa > 6 * MiB);
		CHECK(pa != 7 * MiB);
		CHECK(pa < 8 * MiB || pa > 9 * MiB);
	}
	while (count)
		page_free(pages[--count], 0);

	/* The unpacked initrd: whole pages inside it. */
	page_release_range(test_info.initrd_start, test_info.initrd_end);
	struct page_stats now;
	page_stats_total(&now);
	CHECK_EQ(now.total, stats_at_boot.total + 255);
	CHECK_EQ(now.free, stats_at_boot.free + 255);
	host_memory_destroy();
}

TEST(page_early_alloc_is_zeroed_aligned_and_gone)
{
	static const struct test_range ram[] = {{0, 32 * MiB}, {0, 0}};
	machine_describe(ram);
	memset(phys_to_virt(MiB), 0xff, 8 * MiB);
	paddr_t a = page_early_alloc(100, 8), b = page_early_alloc(2 * MiB, 2 * MiB);
	paddr_t c = page_early_alloc(PAGE_SIZE + 1, 1);
	CHECK_EQ(a, MiB);
	CHECK_EQ(b, 2 * MiB);
	CHECK_EQ(c, MiB + PAGE_SIZE); /* the gap that alignment left is used */
	for (size_t i = 0; i < 2 * MiB; i++)
		CHECK_EQ(*((uint8_t *)phys_to_virt(b) + i), 0);
	page_init();
	struct page_stats now;
	page_stats_total(&now);
	CHECK_EQ(now.total, 31 * 256 - 1 - 512 - 2);
	host_memory_destroy();
}

static void early_too_much(void *arg)
{
	(void)arg;
	(void)!page_early_alloc(64 * MiB, 1);
}

TEST(page_early_alloc_panics_when_there_is_none)
{
	static const struct test_range ram[] = {{0, 32 * MiB}, {0, 0}};
	machine_describe(ram);
	CHECK_PANICS(early_too_much, NULL);
	host_memory_destroy();
}

/* Two nodes of 32 MiB; CPU 0 and 1 on node 0, 2 and 3 on node 1. */
static void boot_two_nodes(void)
{
	static const struct node_range nodes[] = {{0, 33 * MiB, 0}, {33 * MiB, 64 * MiB, 1}};
	host_cpus_set(4);
	page_set_nodes(nodes, 2);
	node_set_cpu(2, 1);
	node_set_cpu(3, 1);
	node_set_distance(0, 1, 30);
	node_set_distance(1, 0, 30);
	MACHINE({0, 64 * MiB});
}

TEST(page_local_node_first_until_it_is_empty)
{
	static struct page *pages[64 * MiB / PAGE_SIZE];
	boot_two_nodes();
	CHECK_EQ(node_count, 2);
	struct page_stats node1, node0;
	page_stats_of_node(1, &node1);
	CHECK_EQ(node1.total, 31 * 256);

	host_cpu_select(2);
	CHECK_EQ(closest_node(2), 1);
	CHECK_EQ(node_distance(1, 0), 30);
	CHECK_EQ(node_distance(1, 1), 10);
	size_t count = 0;
	for (; count < node1.total; count++) {
		pages[count] = page_alloc(0, PAGE_THIS_NODE);
		CHECK(pages[count]);
		CHECK_EQ(pages[count]->node, 1);
		CHECK(page_to_phys(pages[count]) >= 33 * MiB);
	}
	CHECK(!page_alloc(0, PAGE_THIS_NODE));
	pages[count] = page_alloc(0, 0);
	CHECK_EQ(pages[count++]->node, 0);
	pages[count] = page_alloc_from_node(0, 0, PAGE_THIS_NODE);
	CHECK_EQ(pages[count++]->node, 0);
	page_stats_of_node(1, &node1);
	CHECK_EQ(node1.free, 0);
	CHECK_EQ(node1.remote, 2);
	CHECK_EQ(node1.local, count - 2);

	/* Freed on a CPU of the other node: they go home. */
	host_cpu_select(0);
	for (size_t i = 0; i < count; i++)
		page_free(pages[i], 0);
	page_stats_of_node(0, &node0);
	page_stats_of_node(1, &node1);
	CHECK_EQ(node1.free, node1.total);
	CHECK_EQ(node0.free, node0.total);
	machine_finish();
}

TEST(page_fallback_goes_by_distance)
{
	static const struct node_range nodes[] = {{0, 16 * MiB, 0}, {16 * MiB, 32 * MiB, 1},
	    {32 * MiB, 48 * MiB, 2}, {48 * MiB, 64 * MiB, 3}};
	static const uint8_t slit[4][4] = {
	    {10, 40, 20, 30}, {40, 10, 30, 20}, {20, 30, 10, 40}, {30, 20, 40, 10}};
	page_set_nodes(nodes, 4);
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = 0; to < 4; to++)
			node_set_distance(from, to, slit[from][to]);
	MACHINE({16 * MiB, 64 * MiB}); /* node 0 has none */
	CHECK_EQ(closest_node(0), 2);

	/* Each block is a node's whole memory. */
	static const unsigned expected[] = {2, 3, 1};
	struct page *got[3];
	for (unsigned i = 0; i < 3; i++) {
		got[i] = page_alloc(PAGE_ORDERS - 1, 0);
		CHECK(got[i]);
		CHECK_EQ(got[i]->node, expected[i]);
	}
	CHECK(!page_alloc(0, 0));
	for (unsigned i = 0; i < 3; i++)
		page_free(got[i], PAGE_ORDERS - 1);
	machine_finish();
}

TEST(page_low_memory_is_kept_for_those_who_need_it)
{
	MACHINE({16 * MiB, 48 * MiB}, {4 * GiB - 32 * MiB, 4 * GiB + 32 * MiB});
	struct page *a = page_alloc(0, 0), *b = page_alloc(0, PAGE_BELOW_4G),
		    *c = page_alloc(5, PAGE_BELOW_4G);
	CHECK(page_to_phys(a) >= 4 * GiB);
	CHECK(page_to_phys(b) < 4 * GiB);
	CHECK(page_to_phys(c) < 4 * GiB);
	page_free(a, 0);
	page_free(b, 0);
	page_free(c, 5);

	/* High memory alone does not help those. */
	struct page *blocks_low[4];
	for (unsigned i = 0; i < 4; i++) {
		blocks_low[i] = page_alloc(PAGE_ORDERS - 1, PAGE_BELOW_4G);
		page_cache_drain_all();
		if (!blocks_low[i])
			blocks_low[i] = page_alloc(PAGE_ORDERS - 1, PAGE_BELOW_4G);
		CHECK(blocks_low[i]);
	}
	CHECK(!page_alloc(0, PAGE_BELOW_4G));
	CHECK((a = page_alloc(0, 0)));
	page_free(a, 0);
	for (unsigned i = 0; i < 4; i++)
		page_free(blocks_low[i], PAGE_ORDERS - 1);
	machine_finish();
}

TEST(page_reference_counts)
{
	MACHINE({0, 32 * MiB});
	struct page *page = page_alloc(2, 0);
	page_get(page);
	page_put(page);
	CHECK(page->kind == PAGE_USED);
	page_put(page);
	CHECK(page->kind != PAGE_USED);
	machine_finish();
}

TEST(page_nth_allocation_fails)
{
	MACHINE({0, 32 * MiB});
	for (uint64_t n = 1; n <= 5; n++) {
		struct page *got[5];
		CHECK(!alloc_fail_after(n));
		for (uint64_t i = 0; i < 5; i++) {
			got[i] = page_alloc(i % 2, 0);
			CHECK_EQ(got[i] == NULL, i + 1 == n);
		}
		CHECK(alloc_fail_after(0));
		for (uint64_t i = 0; i < 5; i++)
			if (got[i])
				page_free(got[i], i % 2);
	}
	CHECK(!alloc_fail_after(9));
	CHECK(!alloc_fail_after(0));
	machine_finish();
}

static struct page *victim;

static void free_victim(void *order)
{
	page_free(victim, (unsigned)(uintptr_t)order);
}

static void write_to_victim(void *arg)
{
	(void)arg;
	page_free(victim, 0);
	/* As a device would: behind ASan's back. */
	uint8_t *bytes = page_to_virt(victim);
	__asm__ volatile("movb $0, 77(%0)" : : "r"(bytes) : "memory");
	for (unsigned i = 0; i < 100; i++)
		(void)!page_alloc(0, 0);
}

TEST(page_misuse_is_found)
{
	MACHINE({0, 32 * MiB});
	victim = page_alloc(0, 0);
	CHECK_PANICS(free_victim, (void *)1); /* wrong order */
	CHECK_PANICS(write_to_victim, NULL);  /* use after free */
	page_free(victim, 0);
	CHECK_PANICS(free_victim, (void *)0); /* twice, in the cache */
	victim = page_alloc(1, 0);
	page_free(victim, 1);
	CHECK_PANICS(free_victim, (void *)1); /* twice, in the lists */
	victim = page_alloc(1, 0) + 1;
	CHECK_PANICS(free_victim, (void *)0); /* the inside of a block */
	page_free(victim - 1, 1);
	machine_finish();
}
