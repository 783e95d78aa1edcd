/* Simulated machines for the tests of this folder: RAM ranges, nodes, and a check that nothing was lost. */
#pragma once

#include <arch/host.h>
#include <lib/random.h>
#include <mm/page_alloc.h>
#include <test/test.h>

static struct boot_info test_info;
static struct page_stats stats_at_boot;

struct test_range {
	paddr_t start, end;
};

/* Ends with a range of zero length. */
static inline void machine_describe(const struct test_range *ranges)
{
	test_info = (struct boot_info){0};
	for (; ranges->end; ranges++)
		test_info.ranges[test_info.range_count++] =
		    (struct boot_range){ranges->start, ranges->end, BOOT_MEMORY_RAM};
	host_memory_create(&test_info);
	page_early_init(&test_info);
}

static inline void machine_boot(const struct test_range *ranges)
{
	machine_describe(ranges);
	page_init();
	page_stats_total(&stats_at_boot);
}

/* Every page is free again, and in blocks as large as at the start. */
static inline void machine_finish(void)
{
	struct page_stats now;
	page_cache_drain_all();
	page_stats_total(&now);
	CHECK_EQ(now.total, stats_at_boot.total);
	CHECK_EQ(now.free, stats_at_boot.free);
	CHECK_EQ(now.cached, 0);
	for (unsigned order = 0; order < PAGE_ORDERS; order++)
		CHECK_EQ(now.free_blocks[order], stats_at_boot.free_blocks[order]);
	CHECK_EQ(now.allocs, now.frees);
	host_memory_destroy();
}

#define MACHINE(...) machine_boot((const struct test_range[]){__VA_ARGS__, {0, 0}})
