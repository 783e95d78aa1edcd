/* Arbitrary input to inflate and gzip: no overrun, and the same result when it is asked again. */
#include <lib/inflate.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct inflate_work work;
	/* The first byte chooses the size of the output. */
	size_t out_size = size ? (size_t)data[0] * 64 + 1 : 1;
	uint8_t *out = malloc(out_size), *again = malloc(out_size);
	struct inflate_buffers a = {.in = data, .in_len = size, .out = out, .out_size = out_size};
	struct inflate_buffers b = {.in = data, .in_len = size, .out = again, .out_size = out_size};
	if (size) {
		a.in = b.in = data + 1;
		a.in_len = b.in_len = size - 1;
	}
	int result = inflate(&work, &a);
	memset(&work, 0xff, sizeof work);
	if (inflate(&work, &b) != result)
		abort();
	if (result == 0 && (a.out_len > out_size || a.in_used > a.in_len ||
			       a.out_len != b.out_len || memcmp(out, again, a.out_len) != 0))
		abort();
	if (gzip_decompress(&work, &a) == 0 && (a.out_len > out_size || a.in_used > a.in_len))
		abort();
	free(out);
	free(again);
	return 0;
}
