/* Finding, unpacking and checking the initial ram disk. */
#include <abi/errno.h>
#include <boot/boot_info.h>
#include <lib/inflate.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>

#include "initrd_impl.h"

#define PIECES_MAX    16
#define DEFLATE_RATIO 1032 /* no deflate data grows more */
#define LIKELY_RATIO  64
#define FIRST_RATIO   4

#define MODE_TYPE      0170000
#define MODE_DIRECTORY 0040000
#define MODE_FILE      0100000

/* One or more archives in a row, checked. */
struct piece {
	const uint8_t *data;
	size_t len;
	void *unpacked; /* ours to free, or NULL: in the loader's memory */
};

/* Written at boot by one thread, and by initrd_release. */
static struct piece pieces[PIECES_MAX];
static struct initrd_stats total;

static void count_entry(struct initrd_stats *stats, const struct cpio_entry *entry)
{
	switch (entry->mode & MODE_TYPE) {
	case MODE_FILE:
		stats->files++;
		stats->bytes += entry->body_len;
		break;
	case MODE_DIRECTORY: stats->directories++; break;
	default: stats->others++; break;
	}
}

static bool is_cpio(const uint8_t *data, size_t len)
{
	return len >= 5 && memcmp(data, "07070", 5) == 0;
}

/*
 * Checks the archives from `data` on, up to something else. *run: how long they are, padding
 * included.
 */
static int measure_archives(
    const uint8_t *data, size_t len, size_t *run, struct initrd_stats *stats)
{
	struct cpio_reader reader;
	struct cpio_entry entry;
	cpio_reader_init(&reader, data, len);
	for (;;) {
		int result = cpio_next(&reader, &entry);
		if (result < 0)
			return result;
		if (result > 0) {
			count_entry(stats, &entry);
		} else if (!is_cpio(data + reader.pos, len - reader.pos)) {
			*run = reader.pos;
			return 0;
		}
	}
}

static int add_piece(struct piece piece, const struct initrd_stats *stats)
{
	if (total.pieces == PIECES_MAX)
		return -E2BIG;
	pieces[total.pieces++] = piece;
	total.files += stats->files;
	total.directories += stats->directories;
	total.others += stats->others;
	total.bytes += stats->bytes;
	return 0;
}

/*
 * Where to begin: what the file says its size is, when that can be; it is wrong when something
 * follows the file.
 */
static size_t guess_size(const uint8_t *data, size_t len)
{
	size_t hint;
	if (gzip_size_hint(data, len, &hint) && hint && hint / LIKELY_RATIO <= len)
		return hint;
	return len * FIRST_RATIO;
}

/* Unpacks one gzip file into memory of its own, of which buffers->out_len bytes are used. */
static int unpack(struct inflate_work *work, struct inflate_buffers *buffers)
{
	size_t limit;
	if (mul_overflows(buffers->in_len, DEFLATE_RATIO, &limit))
		limit = SIZE_MAX / 2;
	for (size_t size = guess_size(buffers->in, buffers->in_len);; size *= 2) {
		buffers->out_size = size;
		buffers->out = vmalloc(size);
		if (!buffers->out)
			return -ENOMEM;
		int result = gzip_decompress(work, buffers);
		if (result == 0)
			return 0;
		vfree(buffers->out);
		if (result != -ENOSPC || size >= limit)
			return result == -ENOSPC ? -EINVAL : result;
	}
}

/* A gzip file whose contents are archives from beginning to end. */
static int add_packed(const uint8_t *data, size_t len, size_t *used)
{
	struct inflate_work *work = vmalloc(sizeof *work);
	if (!work)
		return -ENOMEM;
	struct inflate_buffers buffers = {.in = data, .in_len = len};
	int result = unpack(work, &buffers);
	vfree(work);
	if (result < 0)
		return result;

	struct initrd_stats stats = {0};
	size_t run;
	result = measure_archives(buffers.out, buffers.out_len, &run, &stats);
	if (result == 0 && run != buffers.out_len)
		result = -EINVAL;
	if (result == 0)
		result = add_piece(
		    (struct piece){.data = buffers.out, .len = run, .unpacked = buffers.out},
		    &stats);
	if (result < 0)
		vfree(buffers.out);
	*used = buffers.in_used;
	return result;
}

static int add_plain(const uint8_t *data, size_t len, size_t *used)
{
	struct initrd_stats stats = {0};
	int result = measure_archives(data, len, used, &stats);
	return result < 0 ? result : add_piece((struct piece){.data = data, .len = *used}, &stats);
}

int initrd_read(const void *data, size_t len, size_t *good_len)
{
	const uint8_t *bytes = data;
	size_t pos = 0;
	for (;;) {
		while (pos < len && !bytes[pos])
			pos++;
		*good_len = pos;
		if (pos == len)
			return 0;
		size_t used;
		int result = gzip_is_magic(bytes + pos, len - pos)
				 ? add_packed(bytes + pos, len - pos, &used)
				 : add_plain(bytes + pos, len - pos, &used);
		if (result < 0)
			return result;
		pos += used;
	}
}

void initrd_forget(void)
{
	for (size_t i = 0; i < total.pieces; i++)
		vfree(pieces[i].unpacked);
	total = (struct initrd_stats){0};
}

void initrd_init(void)
{
	size_t len = boot_info.initrd_end - boot_info.initrd_start, good_len;
	if (!len)
		return;
	int result = initrd_read(phys_to_virt(boot_info.initrd_start), len, &good_len);
	if (result == -ENOMEM)
		log_warn("initrd", "too little memory to unpack it");
	else if (result < 0)
		log_warn(
		    "initrd", "not an archive, or damaged, from byte %zu of %zu on", good_len, len);
	if (total.pieces)
		log_info("initrd", "%zu files, %zu directories, %zu others, %llu KiB", total.files,
		    total.directories, total.others, DIV_ROUND_UP(total.bytes, KiB));
}

int initrd_for_each(int (*fn)(const struct cpio_entry *entry, void *ctx), void *ctx)
{
	for (size_t i = 0; i < total.pieces; i++) {
		struct cpio_reader reader;
		struct cpio_entry entry;
		cpio_reader_init(&reader, pieces[i].data, pieces[i].len);
		while (reader.pos < reader.len) {
			int result = cpio_next(&reader, &entry);
			if (result > 0)
				result = fn(&entry, ctx);
			if (result != 0)
				return result;
		}
	}
	return 0;
}

void initrd_get_stats(struct initrd_stats *stats)
{
	*stats = total;
}

void initrd_release(void)
{
	initrd_forget();
	/* Only what was RAM before: the end may lie in memory that the firmware has reserved. */
	for (size_t i = 0; i < boot_info.range_count; i++) {
		const struct boot_range *range = &boot_info.ranges[i];
		paddr_t start = max(range->start, boot_info.initrd_start);
		paddr_t end = min(range->end, boot_info.initrd_end);
		if (range->kind == BOOT_MEMORY_RAM && start < end)
			page_release_range(start, end);
	}
	boot_info.initrd_start = boot_info.initrd_end = 0;
}
