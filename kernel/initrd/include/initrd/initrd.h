/*
 * The initial ram disk: the files that the loader put into memory before there is any file system.
 * It is a row of pieces, each a cpio archive or a gzip file of archives, with zeroes between them.
 * At boot every piece is unpacked and checked as a whole; a damaged one is left out with a message,
 * and what comes after it too.
 *
 * Life cycle: initrd_init finds the pieces; initrd_for_each shows their entries, any number of
 * times; initrd_release gives all the memory back, once the root file system has copied what it
 * wants.
 *
 * Context: thread, may sleep; one thread at a time.
 */
#pragma once

#include <lib/cpio.h>

struct initrd_stats {
	size_t pieces, files, directories, others;
	uint64_t bytes; /* in files */
};

/* Boot, when memory can be allocated. */
void initrd_init(void);
/*
 * Calls fn for each entry, in order; the entry lies in the ram disk's memory. Stops at the first
 * result that is not 0, and returns it.
 */
int initrd_for_each(int (*fn)(const struct cpio_entry *entry, void *ctx), void *ctx);
void initrd_get_stats(struct initrd_stats *stats);
void initrd_release(void);
