/*
 * The cpio reader against archives made here: good ones, several in a row, and damaged in every
 * place.
 */
#include <abi/errno.h>
#include <lib/cpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

struct archive {
	uint8_t data[8192];
	size_t len;
};

static void pad(struct archive *a)
{
	while (a->len % 4)
		a->data[a->len++] = 0;
}

static void put_entry(
    struct archive *a, const char *magic, const char *name, unsigned mode, const char *body)
{
	unsigned sum = 0;
	for (const char *p = body; *p; p++)
		sum += (uint8_t)*p;
	char header[128];
	snprintf(header, sizeof header, "%s%08X%08x%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
	    magic, 7, mode, 1000, 100, 1, 0x5eed, (unsigned)strlen(body), 8, 1, 4, 64,
	    (unsigned)strlen(name) + 1, strcmp(magic, "070702") == 0 ? sum : 0);
	memcpy(a->data + a->len, header, 110);
	a->len += 110;
	memcpy(a->data + a->len, name, strlen(name) + 1);
	a->len += strlen(name) + 1;
	pad(a);
	memcpy(a->data + a->len, body, strlen(body));
	a->len += strlen(body);
	pad(a);
}

static void put_trailer(struct archive *a)
{
	put_entry(a, "070701", "TRAILER!!!", 0, "");
}

static void put_good(struct archive *a)
{
	put_entry(a, "070701", "bin", 040755, "");
	put_entry(a, "070701", "bin/init", 0100755, "#!/bin/sh\n");
	put_entry(a, "070702", "etc/motd", 0100644, "welcome");
	put_trailer(a);
}

/*
 * Reads all archives to the end, from a copy of exactly this length. Returns the number of entries
 * or the error.
 */
static int read_all(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, data, len);
	struct cpio_reader reader;
	struct cpio_entry entry;
	cpio_reader_init(&reader, copy, len);
	int result, count = 0;
	do {
		result = cpio_next(&reader, &entry);
		if (result <= 0)
			continue;
		CHECK_EQ(strlen(entry.name), entry.name_len);
		CHECK(entry.body >= copy && entry.body + entry.body_len <= copy + len);
		CHECK(++count < 1000);
	} while (result > 0 || (result == 0 && reader.pos < len));
	free(copy);
	return result < 0 ? result : count;
}

TEST(cpio_reads_every_field)
{
	struct archive a = {.len = 0};
	put_good(&a);
	struct cpio_reader reader;
	struct cpio_entry entry;
	cpio_reader_init(&reader, a.data, a.len);
	CHECK_EQ(cpio_next(&reader, &entry), 1);
	CHECK_STR(entry.name, "bin");
	CHECK_EQ(entry.mode, 040755);
	CHECK_EQ(entry.body_len, 0);
	CHECK_EQ(cpio_next(&reader, &entry), 1);
	CHECK_STR(entry.name, "bin/init");
	CHECK_EQ(entry.name_len, 8);
	CHECK_EQ(entry.body_len, 10);
	CHECK(memcmp(entry.body, "#!/bin/sh\n", 10) == 0);
	CHECK_EQ(entry.ino, 7);
	CHECK_EQ(entry.uid, 1000);
	CHECK_EQ(entry.gid, 100);
	CHECK_EQ(entry.nlink, 1);
	CHECK_EQ(entry.mtime, 0x5eed);
	CHECK_EQ(entry.dev_major, 8);
	CHECK_EQ(entry.dev_minor, 1);
	CHECK_EQ(entry.rdev_major, 4);
	CHECK_EQ(entry.rdev_minor, 64);
	CHECK_EQ(cpio_next(&reader, &entry), 1);
	CHECK_STR(entry.name, "etc/motd");
	CHECK_EQ(cpio_next(&reader, &entry), 0);
}

TEST(cpio_archives_in_a_row)
{
	struct archive a = {.len = 0};
	put_good(&a);
	put_good(&a);
	CHECK_EQ(read_all(a.data, a.len), 6);
	a.len += 512 - a.len % 512; /* zeroes, as cpio pads to a block */
	put_good(&a);
	a.len += 100;
	CHECK_EQ(read_all(a.data, a.len), 9);
	a.data[a.len - 50] = 'x'; /* something else behind */
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
	CHECK_EQ(read_all(a.data, 0), -EINVAL);
	CHECK_EQ(read_all((const uint8_t[200]){0}, 200), -EINVAL);
}

TEST(cpio_every_truncation)
{
	struct archive a = {.len = 0};
	put_good(&a);
	/* The last padding may be missing, nothing else. */
	size_t padding = ALIGN_UP(110 + 11u, 4) - 110 - 11;
	for (size_t len = 1; len < a.len; len++)
		CHECK_EQ(read_all(a.data, len), len >= a.len - padding ? 3 : -EINVAL);
}

TEST(cpio_damaged_headers)
{
	struct archive good = {.len = 0};
	put_good(&good);
	/* No byte of a header may be other than a digit or its magic. */
	for (size_t at = 0; at < 110; at++) {
		struct archive a = good;
		a.data[at] = 'g';
		CHECK_EQ(read_all(a.data, a.len), -EINVAL);
	}
	static const char *const sizes[] = {"FFFFFFFF", "80000000", "00002000", "7ffffffc"};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct archive a = good;
		memcpy(a.data + 6 + 6 * 8, sizes[i], 8); /* of the body */
		CHECK_EQ(read_all(a.data, a.len), -EINVAL);
		a = good;
		memcpy(a.data + 6 + 11 * 8, sizes[i], 8); /* of the name */
		CHECK_EQ(read_all(a.data, a.len), -EINVAL);
	}
	struct archive a = good;
	memcpy(a.data + 6 + 11 * 8, "00000000", 8);
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
	memcpy(a.data + 6 + 11 * 8, "00000003", 8); /* "bin" without its NUL */
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
	a = good;
	a.data[111] = 0; /* a NUL inside the name */
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
}

TEST(cpio_checksum)
{
	struct archive a = {.len = 0};
	put_entry(&a, "070702", "f", 0100644, "body");
	size_t body = a.len - 4;
	put_trailer(&a);
	CHECK_EQ(read_all(a.data, a.len), 1);
	a.data[body] ^= 1;
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
}

TEST(cpio_second_archive_must_be_aligned)
{
	struct archive a = {.len = 0}, second = {.len = 0};
	put_good(&a);
	put_good(&second);
	a.len += 2;
	memcpy(a.data + a.len, second.data, second.len);
	a.len += second.len;
	CHECK_EQ(read_all(a.data, a.len), -EINVAL);
}
