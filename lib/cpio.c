/*
 * The newc archive: a header of 110 characters (a magic and thirteen numbers of eight hexadecimal
 * digits), the name with its NUL, padding to a multiple of four, the body, padding again. An entry
 * named TRAILER!!! ends an archive; zeroes may follow.
 */
#include <abi/errno.h>
#include <lib/cpio.h>
#include <lib/string.h>

#define MAGIC_LEN  6
#define DIGITS     8
#define HEADER_LEN 110

enum field {
	INO,
	MODE,
	UID,
	GID,
	NLINK,
	MTIME,
	FILE_SIZE,
	DEV_MAJOR,
	DEV_MINOR,
	RDEV_MAJOR,
	RDEV_MINOR,
	NAME_SIZE,
	CHECKSUM,
	FIELDS,
};
static_assert(MAGIC_LEN + FIELDS * DIGITS == HEADER_LEN, "newc header");

void cpio_reader_init(struct cpio_reader *reader, const void *data, size_t len)
{
	*reader = (struct cpio_reader){.data = data, .len = len};
}

static bool parse_hex(const uint8_t *text, uint32_t *out)
{
	uint32_t value = 0;
	for (size_t i = 0; i < DIGITS; i++) {
		uint8_t c = text[i], lower = c | 0x20;
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (lower >= 'a' && lower <= 'f')
			digit = lower - 'a' + 10u;
		else
			return false;
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

/*
 * Takes `len` bytes and the padding after them; NULL when there are not so many. The very last
 * padding may be missing.
 */
static const uint8_t *take(struct cpio_reader *reader, size_t len)
{
	if (len > reader->len - reader->pos)
		return NULL;
	const uint8_t *start = reader->data + reader->pos;
	reader->pos = min(ALIGN_UP(reader->pos + len, 4), reader->len);
	return start;
}

static bool checksum_matches(const struct cpio_entry *entry, uint32_t expected)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < entry->body_len; i++)
		sum += entry->body[i];
	return sum == expected;
}

static int read_entry(struct cpio_reader *reader, struct cpio_entry *entry)
{
	/* The name follows the header without padding, so both are taken together. */
	if (reader->len - reader->pos < HEADER_LEN)
		return -EINVAL;
	const uint8_t *header = reader->data + reader->pos;
	bool has_checksum = memcmp(header, "070702", MAGIC_LEN) == 0;
	if (!has_checksum && memcmp(header, "070701", MAGIC_LEN) != 0)
		return -EINVAL;
	uint32_t fields[FIELDS];
	for (size_t i = 0; i < FIELDS; i++) {
		if (!parse_hex(header + MAGIC_LEN + i * DIGITS, &fields[i]))
			return -EINVAL;
	}

	size_t name_size = fields[NAME_SIZE];
	if (!name_size || !take(reader, HEADER_LEN + name_size))
		return -EINVAL;
	const char *name = (const char *)header + HEADER_LEN;
	if (strnlen(name, name_size) != name_size - 1)
		return -EINVAL;
	*entry = (struct cpio_entry){
	    .name = name,
	    .name_len = name_size - 1,
	    .body_len = fields[FILE_SIZE],
	    .ino = fields[INO],
	    .mode = fields[MODE],
	    .uid = fields[UID],
	    .gid = fields[GID],
	    .nlink = fields[NLINK],
	    .mtime = fields[MTIME],
	    .dev_major = fields[DEV_MAJOR],
	    .dev_minor = fields[DEV_MINOR],
	    .rdev_major = fields[RDEV_MAJOR],
	    .rdev_minor = fields[RDEV_MINOR],
	};
	entry->body = take(reader, entry->body_len);
	if (!entry->body || (has_checksum && !checksum_matches(entry, fields[CHECKSUM])))
		return -EINVAL;
	return 1;
}

/* The padding behind an archive. */
static void skip_zeroes(struct cpio_reader *reader)
{
	while (reader->pos < reader->len && !reader->data[reader->pos])
		reader->pos++;
}

int cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
	int result = reader->pos % 4 ? -EINVAL : read_entry(reader, entry);
	if (result < 0 || strcmp(entry->name, "TRAILER!!!") != 0)
		return result;
	skip_zeroes(reader);
	return 0;
}
