/*
 * The initial ram disk: plain, compressed and mixed pieces, damage anywhere, and every allocation
 * failing in turn.
 */
#include <abi/errno.h>
#include <boot/boot_info.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>
#include <unistd.h>

#include "initrd_impl.h"

struct boot_info boot_info;

/* vmalloc of a machine with so many allocations left, or SIZE_MAX. */
static size_t allocations_left = SIZE_MAX, in_use, largest;
static paddr_t released_start, released_end;

void *vmalloc(size_t len)
{
	if (!allocations_left)
		return NULL;
	if (allocations_left != SIZE_MAX)
		allocations_left--;
	largest = max(largest, len);
	in_use++;
	return calloc(1, len);
}

void vfree(void *va)
{
	in_use -= va != NULL;
	free(va);
}

void page_release_range(paddr_t start, paddr_t end)
{
	released_start = start;
	released_end = end;
}

struct bytes {
	uint8_t data[64 * 1024];
	size_t len;
};

static void put_entry(struct bytes *b, const char *name, unsigned mode, const char *body)
{
	int len = sprintf((char *)b->data + b->len,
	    "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s", 1, mode, 0, 0, 1, 0,
	    (unsigned)strlen(body), 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0, name);
	b->len = ALIGN_UP(b->len + (size_t)len + 1, 4);
	memcpy(b->data + b->len, body, strlen(body));
	b->len = ALIGN_UP(b->len + strlen(body), 4);
}

/* A directory, a file and a device; the file is named after the archive. */
static void put_archive(struct bytes *b, const char *name, const char *body)
{
	put_entry(b, "dev", 040755, "");
	put_entry(b, name, 0100644, body);
	put_entry(b, "dev/null", 020666, "");
	put_entry(b, "TRAILER!!!", 0, "");
}

static void put_packed(struct bytes *b, const struct bytes *contents)
{
	char path[] = "/tmp/exo-initrd-XXXXXX", command[64];
	int fd = mkstemp(path);
	CHECK(write(fd, contents->data, contents->len) == (ssize_t)contents->len);
	close(fd);
	snprintf(command, sizeof command, "gzip -9 -n -c %s", path);
	FILE *pipe = popen(command, "r");
	b->len += fread(b->data + b->len, 1, sizeof b->data - b->len, pipe);
	CHECK_EQ(pclose(pipe), 0);
	unlink(path);
}

static struct bytes contents, disk;

static int append_name(const struct cpio_entry *entry, void *ctx)
{
	strcat(ctx, entry->name);
	strcat(ctx, " ");
	return 0;
}

static int read_disk(size_t *good_len)
{
	initrd_forget();
	CHECK_EQ(in_use, 0);
	return initrd_read(disk.data, disk.len, good_len);
}

static void check_names(const char *expected)
{
	char names[512] = "";
	CHECK_EQ(initrd_for_each(append_name, names), 0);
	CHECK_STR(names, expected);
}

static void begin(void)
{
	memset(&disk, 0, sizeof disk);
	memset(&contents, 0, sizeof contents);
}

/* Plain, padded, packed (of two archives), plain. */
static void make_mixed(void)
{
	begin();
	put_archive(&contents, "b", "two");
	contents.len += 64;
	put_archive(&contents, "c", "three");
	put_archive(&disk, "a", "one");
	disk.len += 512;
	put_packed(&disk, &contents);
	disk.len = ALIGN_UP(disk.len, 64);
	put_archive(&disk, "d", "four");
	disk.len += 100;
}

TEST(initrd_mixed_pieces_in_order)
{
	struct initrd_stats stats;
	size_t good_len;
	make_mixed();
	CHECK_EQ(read_disk(&good_len), 0);
	CHECK_EQ(good_len, disk.len);
	check_names("dev a dev/null dev b dev/null dev c dev/null dev d dev/null ");
	check_names("dev a dev/null dev b dev/null dev c dev/null dev d dev/null ");
	initrd_get_stats(&stats);
	CHECK_EQ(stats.pieces, 3);
	CHECK_EQ(stats.files, 4);
	CHECK_EQ(stats.directories, 4);
	CHECK_EQ(stats.others, 4);
	CHECK_EQ(stats.bytes, 3 + 3 + 5 + 4);
	initrd_forget();
	CHECK_EQ(in_use, 0);
	check_names("");
}

TEST(initrd_every_truncation)
{
	make_mixed();
	size_t whole = disk.len - 100 - 3, good_len; /* without padding */
	char last[512] = "";
	for (size_t len = 0; len < whole; len++) {
		disk.len = len;
		int result = read_disk(&good_len);
		char names[512] = "";
		CHECK(result == 0 || result == -EINVAL);
		CHECK(good_len <= len);
		/* Nothing of an incomplete piece, and never less than of a shorter disk. */
		CHECK_EQ(initrd_for_each(append_name, names), 0);
		CHECK(strncmp(names, last, strlen(last)) == 0);
		strcpy(last, names);
	}
	CHECK_STR(last, "dev a dev/null dev b dev/null dev c dev/null ");
	initrd_forget();
}

TEST(initrd_damage_in_packed_contents)
{
	size_t good_len;
	begin();
	put_archive(&contents, "b", "two");
	contents.data[contents.len] = 'x'; /* something behind the archive */
	contents.len++;
	put_archive(&disk, "a", "one");
	size_t first = disk.len;
	put_packed(&disk, &contents);
	CHECK_EQ(read_disk(&good_len), -EINVAL);
	CHECK_EQ(good_len, first);
	check_names("dev a dev/null ");
	CHECK_EQ(in_use, 0);
}

TEST(initrd_nothing_and_nonsense)
{
	size_t good_len;
	begin();
	CHECK_EQ(read_disk(&good_len), 0);
	disk.len = 1000;
	CHECK_EQ(read_disk(&good_len), 0); /* zeroes */
	memset(disk.data, 'z', 1000);
	CHECK_EQ(read_disk(&good_len), -EINVAL);
	CHECK_EQ(good_len, 0);
	check_names("");
}

TEST(initrd_every_allocation_fails_in_turn)
{
	size_t good_len;
	make_mixed();
	int result = -ENOMEM;
	for (size_t n = 0; result != 0; n++) {
		initrd_forget();
		allocations_left = n;
		result = read_disk(&good_len);
		CHECK(result == 0 || result == -ENOMEM);
		CHECK(n < 10);
	}
	initrd_forget();
	CHECK_EQ(in_use, 0);
}

TEST(initrd_grows_where_the_hint_is_wrong)
{
	size_t good_len;
	char *body = calloc(1, 60000);
	memset(body, 'x', 59000);
	begin();
	put_archive(&contents, "b", body);
	put_packed(&disk, &contents);
	disk.len += 8; /* the last four bytes are no size now */
	CHECK_EQ(read_disk(&good_len), 0);
	check_names("dev b dev/null ");

	/* A size that lies grossly is not believed. */
	largest = 0;
	disk.len -= 8;
	memset(disk.data + disk.len - 4, 0xff, 4);
	CHECK_EQ(read_disk(&good_len), -EINVAL);
	CHECK(largest < 1024 * 1024);
	free(body);
	initrd_forget();
	CHECK_EQ(in_use, 0);
}

TEST(initrd_too_many_pieces)
{
	size_t good_len;
	begin();
	put_archive(&contents, "b", "");
	for (int i = 0; i < 20; i++)
		put_packed(&disk, &contents);
	CHECK_EQ(read_disk(&good_len), -E2BIG);
	initrd_forget();
	CHECK_EQ(in_use, 0);
}

static int stop_at_third(const struct cpio_entry *entry, void *ctx)
{
	(void)entry;
	return ++*(int *)ctx == 3 ? -EIO : 0;
}

TEST(initrd_for_each_stops)
{
	size_t good_len;
	int calls = 0;
	make_mixed();
	CHECK_EQ(read_disk(&good_len), 0);
	CHECK_EQ(initrd_for_each(stop_at_third, &calls), -EIO);
	CHECK_EQ(calls, 3);
	initrd_forget();
}

TEST(initrd_release_gives_the_loader_range_back)
{
	boot_info.ranges[0] = (struct boot_range){0, 0x7000, BOOT_MEMORY_RAM};
	boot_info.ranges[1] = (struct boot_range){0x7000, 0x8000, BOOT_MEMORY_RESERVED};
	boot_info.range_count = 2;
	boot_info.initrd_start = 0x5000;
	boot_info.initrd_end = 0x7123;
	initrd_release();
	CHECK_EQ(released_start, 0x5000);
	CHECK_EQ(released_end, 0x7000);
	released_end = 0;
	initrd_release();
	CHECK_EQ(released_end, 0);
}
