/* Cutting, hashing and comparing names, at all lengths and alignments. */
#include <lib/random.h>
#include <lib/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <test/test.h>

#include "vfs_impl.h"

static struct dentry_name *copy_of(const struct name *name)
{
	struct dentry_name *copy = malloc(sizeof(*copy) + name->len + NAME_WORD);
	copy->len = name->len;
	memcpy(copy->text, name->text, name->len);
	copy->text[name->len] = '\0';
	return copy;
}

TEST(name_ends_at_slash_or_end)
{
	for (size_t offset = 0; offset < 9; offset++)
		for (size_t len = 0; len < 40; len++)
			for (int slash = 0; slash < 2; slash++) {
				char buf[80];
				memset(buf, 'x', sizeof(buf));
				for (size_t i = 0; i < len; i++)
					buf[offset + i] = (char)('a' + i % 26);
				buf[offset + len] = slash ? '/' : '\0';
				buf[sizeof(buf) - 1] = '\0';
				struct name name;
				const char *end = name_cut(buf + offset, &name);
				CHECK(end == buf + offset + len);
				CHECK_EQ(name.len, len);
				CHECK(name.text == buf + offset);
				CHECK_EQ(name.hash, name_hash(buf + offset, len));
			}
}

TEST(name_may_end_with_its_memory)
{
	for (size_t len = 0; len < 20; len++) {
		char *page = aligned_alloc(4096, 4096);
		char *text = page + 4096 - len - 1;
		memset(text, 'n', len);
		text[len] = '\0';
		struct name name;
		CHECK(name_cut(text, &name) == text + len);
		CHECK_EQ(name.hash, name_hash(text, len));
		free(page);
	}
}

TEST(name_with_high_bytes_does_not_end_early)
{
	static const char text[] =
	    "\xae\xaf\x80\x81\xff\xfe\x01\x2e\x30\xaf\xaf\xaf\xaf\xaf\xaf\xaf\xaf";
	struct name name;
	name_cut(text, &name);
	CHECK_EQ(name.len, sizeof(text) - 1);
}

/* As the cache compares: by hash, then by name. */
static bool matches(
    const struct name *name, const struct dentry_name *have, const struct name *want)
{
	return name->hash == want->hash && (!(want->hash & NAME_LONG) || name_is_long(have, want));
}

TEST(names_differ_in_any_byte)
{
	uint64_t random = 7;
	for (size_t len = 0; len < 64; len++) {
		char a[64], b[64];
		for (size_t i = 0; i < len; i++)
			a[i] = b[i] = (char)(1 + random_next(&random) % 255);
		struct name name = name_of(a, len), other = name_of(b, len);
		struct dentry_name *have = copy_of(&name);
		CHECK(matches(&name, have, &other));
		for (size_t i = 0; i < len; i++) {
			b[i] ^= 1;
			other = name_of(b, len);
			CHECK(!matches(&name, have, &other));
			CHECK(len < NAME_WORD || !name_is_long(have, &other));
			CHECK(other.hash != name.hash);
			b[i] ^= 1;
		}
		other = name_of(b, len ? len - 1 : 0);
		CHECK_EQ(matches(&name, have, &other), len == 0);
		free(have);
	}
}

TEST(hashes_spread)
{
	/* Buckets are chosen by the highest bits of another product (dentry_bucket). */
	enum { COUNT = 4096, SLOTS = 1024, SHIFT = 64 - 10 };
	static unsigned slots[SLOTS];
	for (unsigned i = 0; i < COUNT; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "file%u", i);
		slots[name_hash(text, (size_t)len) * NAME_FACTOR >> SHIFT]++;
	}
	for (unsigned i = 0; i < SLOTS; i++)
		CHECK(slots[i] < 20);
}

TEST(numbers_as_they_are_printed)
{
	static const char *const others[] = {
	    "", "00", "01", "-1", "+1", " 1", "1 ", "1a", "0x1", "1234567890"};
	static const char *const numbers[] = {"0", "1", "10", "999999999"};
	uint32_t number = 0;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct name name = name_of(others[i], strlen(others[i]));
		CHECK(!name_number(&name, &number));
	}
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct name name = name_of(numbers[i], strlen(numbers[i]));
		CHECK(name_number(&name, &number));
		CHECK_EQ(number, strtoul(numbers[i], NULL, 10));
	}
}
