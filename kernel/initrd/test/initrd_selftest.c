/*
 * What the loader gave us, read in the kernel: entries agree with the counts of the boot, and
 * unpacking leaks nothing.
 */
#include <boot/boot_info.h>
#include <mm/page.h>
#include <test/selftest.h>

#include "initrd_impl.h"

static int count_entry(const struct cpio_entry *entry, void *ctx)
{
	struct initrd_stats *stats = ctx;
	unsigned type = entry->mode & 0170000;
	stats->files += type == 0100000;
	stats->directories += type == 0040000;
	stats->others += type != 0100000 && type != 0040000;
	stats->bytes += type == 0100000 ? entry->body_len : 0;
	return 0;
}

static void check_entries(void)
{
	struct initrd_stats at_boot, seen = {0};
	initrd_get_stats(&at_boot);
	CHECK_EQ(initrd_for_each(count_entry, &seen), 0);
	CHECK_EQ(seen.files, at_boot.files);
	CHECK_EQ(seen.directories, at_boot.directories);
	CHECK_EQ(seen.others, at_boot.others);
	CHECK_EQ(seen.bytes, at_boot.bytes);
	CHECK(at_boot.files + at_boot.directories > 0);
}

SELFTEST(initrd_is_read_and_read_again)
{
	size_t len = boot_info.initrd_end - boot_info.initrd_start, good_len;
	if (!len)
		selftest_skip("no initial ram disk was given");
	check_entries();
	initrd_forget();
	CHECK_EQ(initrd_read(phys_to_virt(boot_info.initrd_start), len, &good_len), 0);
	CHECK_EQ(good_len, len);
	check_entries();
}
