/*
 * inflate against what this machine's gzip makes, and against hand-made blocks; then damaged data
 * of every kind.
 */
#include <abi/errno.h>
#include <lib/crc32.h>
#include <lib/inflate.h>
#include <lib/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>
#include <unistd.h>

static struct inflate_work work;

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes bytes_alloc(size_t len)
{
	struct bytes b = {malloc(len ? len : 1), len};
	CHECK(b.data);
	return b;
}

/* `gzip OPTIONS` of the data. */
static struct bytes run_gzip(struct bytes in, const char *options)
{
	char path[] = "/tmp/exo-inflate-XXXXXX", command[128];
	int fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK(write(fd, in.data, in.len) == (ssize_t)in.len);
	close(fd);
	snprintf(command, sizeof command, "gzip %s -c %s", options, path);
	FILE *pipe = popen(command, "r");
	CHECK(pipe);
	struct bytes out = bytes_alloc(in.len * 2 + 4096);
	out.len = fread(out.data, 1, out.len, pipe);
	CHECK_EQ(pclose(pipe), 0);
	unlink(path);
	return out;
}

/* Buffers of exactly the right size, so that one byte too far is seen. */
static int decompress(struct bytes packed, size_t out_size, struct bytes *out, size_t *in_used)
{
	struct bytes in = bytes_alloc(packed.len);
	memcpy(in.data, packed.data, packed.len);
	*out = bytes_alloc(out_size);
	struct inflate_buffers buffers = {
	    .in = in.data, .in_len = in.len, .out = out->data, .out_size = out_size};
	memset(&work, 0xa5, sizeof work);
	int result = gzip_decompress(&work, &buffers);
	free(in.data);
	*in_used = buffers.in_used;
	CHECK(result < 0 || buffers.out_len <= out_size);
	out->len = result < 0 ? 0 : buffers.out_len;
	return result;
}

static struct bytes make_input(int kind, size_t len, uint64_t seed)
{
	static const char *const words[] = {
	    "exo ", "kernel ", "inflate\n", "window ", "of ", "bits "};
	struct bytes b = bytes_alloc(len);
	for (size_t i = 0; i < len;) {
		uint64_t r = random_next(&seed);
		switch (kind) {
		case 0: b.data[i++] = (uint8_t)r; break; /* incompressible */
		case 1: b.data[i++] = 'a'; break;
		case 2: b.data[i++] = (uint8_t)(r % 3 ? 'e' : r >> 60); break;
		case 3: /* far repetitions */
			b.data[i] = i > 30000 ? b.data[i - 29999] : (uint8_t)r;
			i++;
			break;
		default: /* text */
			for (const char *w = words[r % ARRAY_LEN(words)]; *w && i < len; w++)
				b.data[i++] = (uint8_t)*w;
		}
	}
	return b;
}

TEST(inflate_what_gzip_makes)
{
	static const size_t lens[] = {0, 1, 2, 7, 100, 1000, 40000, 300000};
	static const char *const options[] = {"-1", "-6", "-9 -n"};
	unsigned types_seen = 0;
	for (int kind = 0; kind < 5; kind++) {
		for (size_t l = 0; l < ARRAY_LEN(lens); l++) {
			struct bytes in = make_input(kind, lens[l], lens[l] + 1);
			struct bytes packed = run_gzip(in, options[l % 3]), out;
			size_t in_used, hint;
			CHECK(gzip_is_magic(packed.data, packed.len));
			CHECK(gzip_size_hint(packed.data, packed.len, &hint) && hint == in.len);
			CHECK_EQ(decompress(packed, in.len, &out, &in_used), 0);
			CHECK_EQ(in_used, packed.len);
			CHECK_EQ(out.len, in.len);
			CHECK(memcmp(out.data, in.data, in.len) == 0);
			free(out.data);
			if (!(packed.data[3] & 8)) /* no name: data begins at 10 */
				types_seen |= 1u << (packed.data[10] >> 1 & 3);
			if (in.len) {
				CHECK_EQ(decompress(packed, in.len - 1, &out, &in_used), -ENOSPC);
				free(out.data);
			}
			free(packed.data);
			free(in.data);
		}
	}
	CHECK_EQ(types_seen, 7); /* stored, fixed, dynamic */
}

TEST(inflate_every_truncation_is_refused)
{
	for (int kind = 0; kind < 5; kind++) {
		struct bytes in = make_input(kind, 700, 5), packed = run_gzip(in, "-9"), out;
		for (struct bytes cut = packed; cut.len-- > 0;) {
			size_t in_used;
			CHECK_EQ(decompress(cut, in.len, &out, &in_used), -EINVAL);
			free(out.data);
		}
		free(packed.data);
		free(in.data);
	}
}

TEST(inflate_no_flipped_bit_changes_the_output)
{
	for (int kind = 0; kind < 5; kind++) {
		struct bytes in = make_input(kind, 500, 9), packed = run_gzip(in, "-9 -n"), out;
		size_t refused = 0;
		for (size_t bit = 0; bit < packed.len * 8; bit++) {
			size_t in_used;
			packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			/* Nothing depends on times, some flags and padding. */
			if (decompress(packed, in.len, &out, &in_used) == 0)
				CHECK(out.len == in.len && memcmp(out.data, in.data, in.len) == 0);
			else
				refused++;
			packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			free(out.data);
		}
		CHECK(refused >= packed.len * 8 - 70);
		free(packed.data);
		free(in.data);
	}
}

TEST(gzip_header_fields)
{
	/* Extra field, name, comment and header CRC before a stored block "hi". */
	uint8_t file[] = {0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 3, 0, 'a', 'b', 'c', 'n', 0, 'c',
	    'm', 0, 0, 0, /* crc */
	    1, 2, 0, 0xfd, 0xff, 'h', 'i', 0, 0, 0, 0, 2, 0, 0, 0};
	uint32_t header_crc = crc32(0, file, 20), data_crc = crc32(0, "hi", 2);
	memcpy(file + 20, &header_crc, 2);
	memcpy(file + 29, &data_crc, 4);
	struct bytes out, packed = {file, sizeof file};
	size_t in_used;
	CHECK_EQ(decompress(packed, 2, &out, &in_used), 0);
	CHECK(memcmp(out.data, "hi", 2) == 0);
	free(out.data);
	for (packed.len = 0; packed.len < sizeof file; packed.len++) {
		CHECK_EQ(decompress(packed, 2, &out, &in_used), -EINVAL);
		free(out.data);
	}
	file[20] ^= 1;
	packed.len = sizeof file;
	CHECK_EQ(decompress(packed, 2, &out, &in_used), -EINVAL);
	free(out.data);
}

TEST(gzip_leaves_what_follows)
{
	struct bytes in = make_input(4, 3000, 2), packed = run_gzip(in, "-6"), out;
	struct bytes twice = bytes_alloc(packed.len * 2);
	memcpy(twice.data, packed.data, packed.len);
	memcpy(twice.data + packed.len, packed.data, packed.len);
	size_t in_used;
	CHECK_EQ(decompress(twice, in.len, &out, &in_used), 0);
	CHECK_EQ(in_used, packed.len);
	free(out.data);
	free(twice.data);
	free(packed.data);
	free(in.data);
}

/* Writes bits as deflate wants them: numbers from the low end, codes from the high end. */
struct bit_writer {
	uint8_t data[256];
	size_t bits;
};

static void put_bits(struct bit_writer *w, unsigned value, unsigned count)
{
	for (unsigned i = 0; i < count; i++, w->bits++)
		w->data[w->bits / 8] |= (uint8_t)((value >> i & 1) << w->bits % 8);
}

static void put_code(struct bit_writer *w, unsigned code, unsigned count)
{
	for (unsigned i = count; i-- > 0;)
		put_bits(w, code >> i & 1, 1);
}

static int inflate_bits(const struct bit_writer *w, uint8_t *out, size_t out_size, size_t *out_len)
{
	struct inflate_buffers buffers = {
	    .in = w->data, .in_len = (w->bits + 7) / 8, .out = out, .out_size = out_size};
	int result = inflate(&work, &buffers);
	*out_len = buffers.out_len;
	return result;
}

/* The head of a dynamic block. Its code for lengths: 1 is 0, 0 is 10, 18 is 11. */
static void put_dynamic_head(struct bit_writer *w, unsigned literals, unsigned distances)
{
	/* 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 */
	static const uint8_t lens[18] = {0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	put_bits(w, 1 | 2 << 1, 3);
	put_bits(w, literals - 257, 5);
	put_bits(w, distances - 1, 5);
	put_bits(w, 18 - 4, 4);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		put_bits(w, lens[i], 3);
}

static void put_length(struct bit_writer *w, unsigned len)
{
	put_code(w, len ? 0 : 2, len ? 1 : 2);
}

static void put_zero_lengths(struct bit_writer *w, unsigned count)
{
	for (; count >= 11; count -= min(count, 138u)) {
		put_code(w, 3, 2);
		put_bits(w, min(count, 138u) - 11, 7);
	}
	for (; count; count--)
		put_length(w, 0);
}

TEST(inflate_codes_of_one_symbol)
{
	/*
	 * Literals 'A' and the end with one bit each; a single distance code of one bit: distance
	 * 1.
	 */
	for (unsigned used_distance = 0; used_distance < 2; used_distance++) {
		struct bit_writer w = {0};
		uint8_t out[8];
		size_t out_len;
		put_dynamic_head(&w, 257, 1);
		put_zero_lengths(&w, 'A');
		put_length(&w, 1);
		put_zero_lengths(&w, 256 - 'A' - 1);
		put_length(&w, 1);
		put_length(&w, used_distance);
		put_bits(&w, 0, 3); /* AAA */
		put_bits(&w, 1, 1); /* end */
		CHECK_EQ(inflate_bits(&w, out, sizeof out, &out_len), 0);
		CHECK_EQ(out_len, 3);
		CHECK(memcmp(out, "AAA", 3) == 0);
	}
}

TEST(inflate_refuses_bad_codes)
{
	uint8_t out[64];
	size_t out_len;
	/* Three codes of one bit: over-subscribed. */
	struct bit_writer over = {0};
	put_dynamic_head(&over, 257, 1);
	put_length(&over, 1);
	put_length(&over, 1);
	put_zero_lengths(&over, 254);
	put_length(&over, 1);
	put_length(&over, 0);
	put_bits(&over, 0xffff, 16);
	CHECK_EQ(inflate_bits(&over, out, sizeof out, &out_len), -EINVAL);
	/* No code for the end of the block. */
	struct bit_writer endless = {0};
	put_dynamic_head(&endless, 257, 1);
	put_length(&endless, 1);
	put_length(&endless, 1);
	put_zero_lengths(&endless, 256);
	put_bits(&endless, 0, 16);
	CHECK_EQ(inflate_bits(&endless, out, sizeof out, &out_len), -EINVAL);
	/* More lengths than announced. */
	struct bit_writer many = {0};
	put_dynamic_head(&many, 257, 1);
	put_zero_lengths(&many, 138 * 2);
	CHECK_EQ(inflate_bits(&many, out, sizeof out, &out_len), -EINVAL);
	/* Block type 3. */
	struct bit_writer reserved = {0};
	put_bits(&reserved, 7, 16);
	CHECK_EQ(inflate_bits(&reserved, out, sizeof out, &out_len), -EINVAL);
	/* 287 literals. */
	struct bit_writer head = {0};
	put_bits(&head, 1 | 2 << 1, 3);
	put_bits(&head, 30, 5);
	put_bits(&head, 0, 32);
	CHECK_EQ(inflate_bits(&head, out, sizeof out, &out_len), -EINVAL);
}

TEST(inflate_refuses_bad_matches)
{
	uint8_t out[64];
	size_t out_len;
	/* Fixed codes: 'x' is 8 bits 0x30 + 'x'; length 3 is 0000001; distances are 5 bits. */
	struct bit_writer good = {0};
	put_bits(&good, 1 | 1 << 1, 3);
	put_code(&good, 0x30 + 'x', 8);
	put_code(&good, 1, 7);
	put_code(&good, 0, 5);
	put_code(&good, 0, 7);
	CHECK_EQ(inflate_bits(&good, out, sizeof out, &out_len), 0);
	CHECK_EQ(out_len, 4);
	CHECK(memcmp(out, "xxxx", 4) == 0);
	CHECK_EQ(inflate_bits(&good, out, 3, &out_len), -ENOSPC);
	/* Distance 2 after one byte. */
	struct bit_writer far = {0};
	put_bits(&far, 1 | 1 << 1, 3);
	put_code(&far, 0x30 + 'x', 8);
	put_code(&far, 1, 7);
	put_code(&far, 1, 5);
	put_code(&far, 0, 7);
	CHECK_EQ(inflate_bits(&far, out, sizeof out, &out_len), -EINVAL);
	/*
	 * Distance symbols 30 and 31, literal symbols 286 and 287 exist in the fixed codes, but
	 * mean nothing.
	 */
	for (unsigned i = 0; i < 2; i++) {
		struct bit_writer distance = {0}, literal = {0};
		put_bits(&distance, 1 | 1 << 1, 3);
		put_code(&distance, 0x30 + 'x', 8);
		put_code(&distance, 1, 7);
		put_code(&distance, 30 + i, 5);
		put_code(&distance, 0, 7);
		CHECK_EQ(inflate_bits(&distance, out, sizeof out, &out_len), -EINVAL);
		put_bits(&literal, 1 | 1 << 1, 3);
		put_code(&literal, 0xc0 + 6 + i, 8);
		put_code(&literal, 0, 7);
		CHECK_EQ(inflate_bits(&literal, out, sizeof out, &out_len), -EINVAL);
	}
}

TEST(crc32_known_and_in_pieces)
{
	CHECK_EQ(crc32(0, "123456789", 9), 0xcbf43926);
	CHECK_EQ(crc32(0, "", 0), 0);
	struct bytes in = make_input(0, 1000, 77);
	uint32_t whole = crc32(0, in.data, in.len);
	for (size_t cut = 0; cut <= 40; cut++)
		CHECK_EQ(crc32(crc32(0, in.data, cut), in.data + cut, in.len - cut), whole);
	free(in.data);
}
