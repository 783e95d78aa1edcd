/*
 * Reads a cpio archive of the "newc" kind (what an initramfs is) from memory, one entry at a time,
 * without copying. The archive is untrusted: every length is checked before it is believed.
 */
#pragma once

#include <lib/types.h>

struct cpio_reader {
	const uint8_t *data;
	size_t len;
	size_t pos;
};

struct cpio_entry {
	const char *name; /* NUL-terminated, inside the archive */
	size_t name_len;  /* without the NUL */
	const uint8_t *body;
	size_t body_len;
	uint32_t ino, mode, uid, gid, nlink, mtime, dev_major, dev_minor, rdev_major, rdev_minor;
};

void cpio_reader_init(struct cpio_reader *reader, const void *data, size_t len);
/*
 * 1: *entry is the next one; -EINVAL: damaged; 0: the archive ended well. reader->pos is then
 * behind the zeroes that follow it: short of reader->len, something else follows, and when that is
 * an archive too, cpio_next goes on with it.
 */
MUST_USE int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry);
