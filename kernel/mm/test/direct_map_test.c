/* Which ranges of memory maps, as firmwares give them, the direct map shows. */
#include "direct_map.h"

#include <arch/mmu.h>
#include <lib/random.h>
#include <test/test.h>

static struct boot_info info;
static struct paddr_range shown[BOOT_RANGES_MAX + 1];

static size_t show(const struct boot_range *ranges, size_t count)
{
	struct direct_map_cursor cursor = {0};
	size_t n = 0;

	info = (struct boot_info){.range_count = count};
	for (size_t i = 0; i < count; i++)
		info.ranges[i] = ranges[i];
	while (direct_map_next(&info, &cursor, &shown[n]))
		n++;
	CHECK(!direct_map_next(&info, &cursor, &shown[n]));
	return n;
}

#define SHOW(...)                                                                                  \
	show((const struct boot_range[]){__VA_ARGS__},                                             \
	    sizeof((const struct boot_range[]){__VA_ARGS__}) / sizeof(struct boot_range))

static void expect(size_t i, paddr_t start, paddr_t end)
{
	CHECK_EQ(shown[i].start, start);
	CHECK_EQ(shown[i].end, end);
}

TEST(direct_map_joins_what_touches)
{
	/* QEMU's q35 with 128 MiB: one range for large pages; the ROM and the windows at the top of 4 GiB stay out. */
	CHECK_EQ(
	    SHOW({0, 0x9fc00, BOOT_MEMORY_RAM}, {0x9fc00, 0xa0000, BOOT_MEMORY_RESERVED},
		{0xf0000, 0x100000, BOOT_MEMORY_RESERVED}, {0x100000, 0x7fe0000, BOOT_MEMORY_RAM},
		{0x7fe0000, 0x8000000, BOOT_MEMORY_RESERVED},
		{0xb0000000, 0xc0000000, BOOT_MEMORY_RESERVED},
		{0xfed1c000, 0xfed20000, BOOT_MEMORY_RESERVED},
		{0xfffc0000, 0x100000000, BOOT_MEMORY_RESERVED}),
	    1);
	expect(0, 0, 0x8000000);
}

TEST(direct_map_keeps_holes)
{
	CHECK_EQ(SHOW({0x100000, 0x80000000, BOOT_MEMORY_RAM},
		     {0x100000000, 0x180000000, BOOT_MEMORY_RAM}),
	    2);
	expect(0, 0, 0x80000000);
	expect(1, 0x100000000, 0x180000000);
	/* The first MiB is there even when nothing says so, alone if need be. */
	CHECK_EQ(SHOW({0x200000, 0x400000, BOOT_MEMORY_RAM}), 2);
	expect(0, 0, 0x100000);
	expect(1, 0x200000, 0x400000);
	CHECK_EQ(show(NULL, 0), 1);
	expect(0, 0, 0x100000);
}

TEST(direct_map_takes_firmware_tables_but_no_windows)
{
	/* ACPI memory counts wherever it is, reserved memory where it touches, up to a size. */
	CHECK_EQ(
	    SHOW({0x100000, 0x1000000, BOOT_MEMORY_RAM}, {0x2000000, 0x2001000, BOOT_MEMORY_ACPI},
		{0x2001000, 0x2003000, BOOT_MEMORY_RESERVED},
		{0x3000000, 0x3001000, BOOT_MEMORY_RESERVED},
		{0x4000000, 0x4001000, BOOT_MEMORY_RESERVED},
		{0x4001000, 0x4002000, BOOT_MEMORY_ACPI_NVS}),
	    3);
	expect(0, 0, 0x1000000);
	expect(1, 0x2000000, 0x2003000);
	expect(2, 0x4000000, 0x4002000);
	CHECK_EQ(SHOW({0x100000, 0xb0000000, BOOT_MEMORY_RAM},
		     {0xb0000000, 0xc0000000, BOOT_MEMORY_RESERVED}),
	    1);
	expect(0, 0, 0xb0000000);
	CHECK_EQ(
	    SHOW({0x100000, 0x200000, BOOT_MEMORY_RAM}, {0x200000, 0x300000, BOOT_MEMORY_BAD}), 1);
	expect(0, 0, 0x200000);
}

TEST(direct_map_rounds_outward)
{
	CHECK_EQ(
	    SHOW({0x100000, 0x200800, BOOT_MEMORY_RAM}, {0x201800, 0x300000, BOOT_MEMORY_RAM}), 1);
	expect(0, 0, 0x300000);
	CHECK_EQ(
	    SHOW({0x200010, 0x200020, BOOT_MEMORY_RAM}, {0x300000, 0x300000, BOOT_MEMORY_RAM}), 2);
	expect(1, 0x200000, 0x201000);
}

/* Whatever the map: ranges rise, do not touch, are whole pages, and show every byte of RAM. */
TEST(direct_map_survives_random_maps)
{
	uint64_t random = 7;
	for (unsigned round = 0; round < 2000; round++) {
		struct boot_range ranges[BOOT_RANGES_MAX];
		size_t count = random_next(&random) % BOOT_RANGES_MAX;
		paddr_t at = 0;
		for (size_t i = 0; i < count; i++) {
			at += random_next(&random) % 3 ? 0 : random_next(&random) % 0x40000000;
			ranges[i].start = at;
			at +=
			    random_next(&random) % (random_next(&random) % 2 ? 0x1000 : 0x10000000);
			ranges[i].end = at;
			ranges[i].kind = random_next(&random) % 5;
		}
		size_t n = show(ranges, count);
		for (size_t i = 0; i < n; i++) {
			CHECK(shown[i].start < shown[i].end);
			CHECK(IS_ALIGNED(shown[i].start | shown[i].end, PAGE_SIZE));
			CHECK(i == 0 || shown[i].start > shown[i - 1].end);
		}
		for (size_t i = 0; i < count; i++) {
			bool is_shown =
			    ranges[i].kind != BOOT_MEMORY_RAM || ranges[i].start == ranges[i].end;
			for (size_t j = 0; j < n && !is_shown; j++)
				is_shown = ranges[i].start >= shown[j].start &&
					   ranges[i].end <= shown[j].end;
			CHECK(is_shown);
		}
	}
}
