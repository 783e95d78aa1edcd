/*
 * The Multiboot2 decoder: good data, every truncation of it, and each way in which a tag can be
 * bad.
 */
#include <abi/errno.h>

#include "fake_memory.h"

static struct boot_info info;
static size_t used; /* of fake_memory */

static void put32(uint32_t value)
{
	fake_write(FAKE_BASE + used, &value, 4);
	used += 4;
}

static void put64(uint64_t value)
{
	fake_write(FAKE_BASE + used, &value, 8);
	used += 8;
}

static void begin_tags(void)
{
	fake_free();
	memset(fake_memory, 0, sizeof fake_memory);
	used = 8;
}

static size_t begin_tag(uint32_t type)
{
	used = ALIGN_UP(used, 8);
	put32(type);
	put32(0);
	return used - 8;
}

static void end_tag(size_t tag)
{
	uint32_t size = (uint32_t)(used - tag);
	fake_write(FAKE_BASE + tag + 4, &size, 4);
}

static void put_string_tag(uint32_t type, const char *text)
{
	size_t tag = begin_tag(type);
	fake_write(FAKE_BASE + used, text, strlen(text) + 1);
	used += strlen(text) + 1;
	end_tag(tag);
}

static void put_memory_tag(void)
{
	static const uint64_t entries[][3] = {{0, 0x9fc00, 1}, {0x9fc00, 0x60400, 2},
	    {0x100000, 0x7ee0000, 1}, {0x7fe0000, 0x20000, 4}};
	size_t tag = begin_tag(6);
	put32(24);
	put32(0);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		for (size_t j = 0; j < 3; j++)
			put64(entries[i][j]);
	}
	end_tag(tag);
}

static void put_efi_tag(void)
{
	static const uint64_t entries[][4] = {/* type, start, pages, attributes */
	    {7, 0, 0xa0, 0xf}, {3, 0x100000, 0x100, 0xf}, {7, 0x200000, 0x1000, 0xf},
	    {9, 0x1200000, 0x10, 0xf}, {10, 0x1210000, 0x10, 0xf}, {2, 0x1220000, 0x10, 0xf},
	    {6, 0x1230000, 0x10, 1ull << 63}, {7, 0x1240000, 0x10, 1ull << 63},
	    {11, 0xb0000000, 0x10000, 1}, {8, 0x1250000, 1, 0}};
	size_t tag = begin_tag(17);
	put32(48);
	put32(1);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		put64(entries[i][0]);
		put64(entries[i][1]);
		put64(0);
		put64(entries[i][2]);
		put64(entries[i][3]);
		put64(0xdead); /* entries may be longer than we know */
	}
	end_tag(tag);
}

static void put_module_tag(uint32_t start, uint32_t end)
{
	size_t tag = begin_tag(3);
	put32(start);
	put32(end);
	put32('x');
	end_tag(tag);
}

static int decode(void)
{
	end_tag(begin_tag(0));
	uint32_t total = (uint32_t)used;
	fake_write(FAKE_BASE, &total, 4);
	int result = boot_decode_multiboot2(&info, FAKE_BASE, fake_map);
	fake_free();
	return result;
}

static void put_good_tags(void)
{
	begin_tags();
	put_string_tag(2, "GRUB");
	put_string_tag(1, "console=ttyS0 quiet");
	put_module_tag(0x1000000, 0x1000400);
	put_module_tag(0x2000000, 0x2000400); /* only the first is used */
	put_memory_tag();
	put_string_tag(14, "RSD PTR old");
	put_string_tag(15, "RSD PTR new, which is longer and preferred to the other");
}

TEST(multiboot2_good_data)
{
	put_good_tags();
	CHECK_EQ(decode(), 0);
	CHECK_STR(info.protocol, "Multiboot2");
	CHECK_STR(info.cmdline, "console=ttyS0 quiet");
	CHECK_EQ(info.initrd_start, 0x1000000);
	CHECK_EQ(info.initrd_end, 0x1000400);
	CHECK_EQ(info.rsdp_copy_len, 36);
	CHECK(memcmp(info.rsdp_copy, "RSD PTR new, which is longer and pre", 36) == 0);
	CHECK_EQ(info.range_count, 4);
	check_range(&info, 0, 0, 0x9f000, BOOT_MEMORY_RAM);
	check_range(&info, 1, 0x9f000, 0x100000, BOOT_MEMORY_RESERVED);
	check_range(&info, 2, 0x100000, 0x7fe0000, BOOT_MEMORY_RAM);
	check_range(&info, 3, 0x7fe0000, 0x8000000, BOOT_MEMORY_ACPI_NVS);
}

TEST(multiboot2_every_truncation)
{
	put_good_tags();
	CHECK_EQ(decode(), 0);
	uint32_t whole = (uint32_t)used;
	for (uint32_t total = 0; total < whole; total++) {
		fake_write(FAKE_BASE, &total, 4);
		CHECK_EQ(boot_decode_multiboot2(&info, FAKE_BASE, fake_map), -EINVAL);
		fake_free();
	}
	uint32_t total = FAKE_LEN + 1;
	fake_write(FAKE_BASE, &total, 4);
	CHECK_EQ(boot_decode_multiboot2(&info, FAKE_BASE, fake_map), -EINVAL);
	CHECK_EQ(boot_decode_multiboot2(&info, FAKE_BASE + 4, fake_map), -EINVAL);
	CHECK_EQ(boot_decode_multiboot2(&info, 0, fake_map), -EINVAL);
	fake_free();
}

TEST(multiboot2_efi_memory_map)
{
	for (int boot_services = 0; boot_services < 2; boot_services++) {
		begin_tags();
		put_efi_tag();
		if (boot_services)
			end_tag(begin_tag(18));
		put_string_tag(14, "RSD PTR old");
		CHECK_EQ(decode(), 0);
		CHECK_EQ(info.rsdp_copy_len, 12);
		size_t i = 0;
		check_range(&info, i++, 0, 0xa0000, BOOT_MEMORY_RAM);
		if (boot_services)
			check_range(&info, i++, 0x100000, 0x200000, BOOT_MEMORY_RESERVED);
		check_range(
		    &info, i++, boot_services ? 0x200000 : 0x100000, 0x1200000, BOOT_MEMORY_RAM);
		check_range(&info, i++, 0x1200000, 0x1210000, BOOT_MEMORY_ACPI);
		check_range(&info, i++, 0x1210000, 0x1220000, BOOT_MEMORY_ACPI_NVS);
		check_range(&info, i++, 0x1220000, 0x1230000, BOOT_MEMORY_RAM);
		check_range(&info, i++, 0x1230000, 0x1250000, BOOT_MEMORY_RESERVED);
		check_range(&info, i++, 0x1250000, 0x1251000, BOOT_MEMORY_BAD);
		check_range(&info, i++, 0xb0000000, 0xc0000000, BOOT_MEMORY_RESERVED);
		CHECK_EQ(info.range_count, i);
	}
}

TEST(multiboot2_refuses_bad_tags)
{
	begin_tags(); /* no memory map at all */
	put_string_tag(1, "x");
	CHECK_EQ(decode(), -EINVAL);

	for (uint32_t entry_len = 0; entry_len < 24; entry_len++) {
		begin_tags();
		put_memory_tag();
		fake_write(FAKE_BASE + 16, &entry_len, 4);
		CHECK_EQ(decode(), -EINVAL);
	}
	begin_tags();
	put_efi_tag();
	fake_write(FAKE_BASE + 16, &(uint32_t){39}, 4);
	CHECK_EQ(decode(), -EINVAL);

	for (uint32_t size = 0; size < 8; size++) {
		put_good_tags();
		fake_write(FAKE_BASE + 12, &size, 4);
		CHECK_EQ(decode(), -EINVAL);
	}

	put_good_tags();
	put_module_tag(5, 4); /* not the first: not looked at */
	CHECK_EQ(decode(), 0);
	begin_tags();
	put_memory_tag();
	put_module_tag(0x2000, 0x1000);
	CHECK_EQ(decode(), -EINVAL);
	begin_tags();
	put_memory_tag();
	put_module_tag(0x7fff000, 0x8001000); /* beyond the end of memory */
	CHECK_EQ(decode(), -EINVAL);

	begin_tags(); /* a command line without its end */
	put_memory_tag();
	size_t tag = begin_tag(1);
	put32(0x41414141);
	end_tag(tag);
	CHECK_EQ(decode(), -EINVAL);
}

TEST(multiboot2_refuses_a_command_line_that_does_not_fit)
{
	char text[BOOT_CMDLINE_MAX + 1];
	memset(text, 'x', sizeof text);
	text[BOOT_CMDLINE_MAX - 1] = '\0';
	begin_tags();
	put_memory_tag();
	put_string_tag(1, text);
	CHECK_EQ(decode(), 0);
	CHECK_STR(info.cmdline, text);
	text[BOOT_CMDLINE_MAX - 1] = 'x';
	text[BOOT_CMDLINE_MAX] = '\0';
	begin_tags();
	put_memory_tag();
	put_string_tag(1, text);
	CHECK_EQ(decode(), -EINVAL);
	CHECK_EQ(strlen(info.cmdline) < BOOT_CMDLINE_MAX, 1);
}
