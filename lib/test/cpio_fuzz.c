/* Arbitrary archives: entries lie inside, and the reader always moves on. */
#include <lib/cpio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_reader reader;
	struct cpio_entry entry;
	size_t last = 0;
	cpio_reader_init(&reader, data, size);
	int result;
	while ((result = cpio_next(&reader, &entry)) >= 0 && reader.pos < size) {
		if (result == 0)
			continue; /* another archive */
		const uint8_t *name = (const uint8_t *)entry.name;
		if (name < data || name + entry.name_len >= data + size ||
		    strlen(entry.name) != entry.name_len)
			abort();
		if (entry.body < data || entry.body_len > size ||
		    entry.body > data + size - entry.body_len)
			abort();
		if (reader.pos <= last || reader.pos > size)
			abort();
		last = reader.pos;
	}
	return 0;
}
