/* The memory map, against a page-by-page picture of it. */
#include <abi/errno.h>
#include <lib/random.h>
#include <string.h>
#include <test/test.h>

#include "decode.h"

#define PAGE  4096ull
#define PAGES 300

static struct boot_info info;

TEST(ranges_random_maps_page_by_page)
{
	uint64_t seed = 11;
	for (int round = 0; round < 2000; round++) {
		int picture[PAGES];
		memset(picture, -1, sizeof picture);
		boot_info_reset(&info, "test");
		bool has_ram = false;
		for (size_t n = 1 + random_next(&seed) % 40; n; n--) {
			paddr_t start = random_next(&seed) % (PAGES * PAGE);
			uint64_t len = random_next(&seed) % (PAGES * PAGE - start + 1) >>
				       random_next(&seed) % 8;
			int kind = (int)(random_next(&seed) % 5);
			CHECK_EQ(boot_ranges_add(&info, start, len, (enum boot_memory)kind), 0);
			for (size_t page = 0; page < PAGES; page++) {
				bool whole =
				    page * PAGE >= start && (page + 1) * PAGE <= start + len;
				bool touched =
				    len && (page + 1) * PAGE > start && page * PAGE < start + len;
				if (kind == BOOT_MEMORY_RAM ? whole : touched)
					picture[page] = max(picture[page], kind);
			}
		}
		for (size_t page = 0; page < PAGES; page++)
			has_ram |= picture[page] == BOOT_MEMORY_RAM;
		CHECK_EQ(boot_ranges_finish(&info), has_ram ? 0 : -EINVAL);

		int result[PAGES];
		memset(result, -1, sizeof result);
		for (size_t i = 0; i < info.range_count; i++) {
			const struct boot_range *range = &info.ranges[i];
			CHECK(range->start < range->end);
			CHECK(!i || range[-1].end < range->start ||
			      (range[-1].end == range->start && range[-1].kind != range->kind));
			for (paddr_t pa = range->start; pa < range->end; pa += PAGE)
				result[pa / PAGE] = (int)range->kind;
		}
		CHECK(memcmp(result, picture, sizeof picture) == 0);
	}
}

TEST(ranges_absurd_lengths_are_cut)
{
	boot_info_reset(&info, "test");
	CHECK_EQ(boot_ranges_add(&info, 0x1000, UINT64_MAX, BOOT_MEMORY_RAM), 0);
	CHECK_EQ(boot_ranges_add(&info, UINT64_MAX - 5, UINT64_MAX, BOOT_MEMORY_RESERVED), 0);
	CHECK_EQ(boot_ranges_finish(&info), 0);
	CHECK_EQ(info.range_count, 1);
	CHECK_EQ(info.ranges[0].end, 1ull << 52);
}

TEST(ranges_cover_what_is_memory)
{
	boot_info_reset(&info, "test");
	CHECK_EQ(boot_ranges_add(&info, 0x1000, 0x3000, BOOT_MEMORY_RAM), 0);
	CHECK_EQ(boot_ranges_add(&info, 0x4000, 0x1000, BOOT_MEMORY_RESERVED), 0);
	CHECK_EQ(boot_ranges_add(&info, 0x6000, 0x1000, BOOT_MEMORY_RAM), 0);
	CHECK_EQ(boot_ranges_add(&info, 0x7000, 0x1000, BOOT_MEMORY_BAD), 0);
	CHECK_EQ(boot_ranges_finish(&info), 0);
	CHECK(boot_ranges_cover(&info, 0x1000, 0x5000));
	CHECK(boot_ranges_cover(&info, 0x3fff, 0x4001));
	CHECK(boot_ranges_cover(&info, 0x6000, 0x7000));
	CHECK(!boot_ranges_cover(&info, 0xfff, 0x2000));
	CHECK(!boot_ranges_cover(&info, 0x4000, 0x5001)); /* a hole */
	CHECK(!boot_ranges_cover(&info, 0x6000, 0x7001)); /* bad */
	CHECK(!boot_ranges_cover(&info, 0x100000, 0x100001));
}

TEST(ranges_many_pieces_that_merge_fit)
{
	boot_info_reset(&info, "test");
	for (paddr_t page = 0; page < 1000; page++)
		CHECK_EQ(boot_ranges_add(&info, page * PAGE, PAGE, BOOT_MEMORY_RAM), 0);
	CHECK_EQ(boot_ranges_finish(&info), 0);
	CHECK_EQ(info.range_count, 1);
	CHECK_EQ(info.ranges[0].end, 1000 * PAGE);
}

TEST(ranges_too_many_pieces_are_refused)
{
	boot_info_reset(&info, "test");
	int result = 0;
	for (paddr_t page = 0; page < 1000 && result == 0; page++)
		result = boot_ranges_add(&info, 2 * page * PAGE, PAGE, BOOT_MEMORY_RAM);
	CHECK_EQ(result, -EINVAL);
	CHECK(info.range_count <= BOOT_RANGES_MAX);
}
