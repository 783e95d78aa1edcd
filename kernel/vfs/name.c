/* Names that somebody else has cut: hashing them, and reading them as numbers. */
#include "vfs_impl.h"

static uint64_t load_bytes(const char *text, size_t count)
{
	uint64_t word = 0;
	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)(uint8_t)text[i] << 8 * i;
	return word;
}

uint64_t name_hash(const char *text, size_t len)
{
	uint64_t hash = 0;
	if (len < NAME_WORD)
		return load_bytes(text, len);
	for (; len >= NAME_WORD; text += NAME_WORD, len -= NAME_WORD)
		hash = name_mix(hash, *(const unaligned_u64 *)text);
	return name_hash_long(hash, load_bytes(text, len));
}

bool name_number(const struct name *name, uint32_t *number)
{
	uint32_t value = 0;
	if (!name->len || name->len > 9 || (name->text[0] == '0' && name->len > 1))
		return false;
	for (uint32_t i = 0; i < name->len; i++) {
		if (name->text[i] < '0' || name->text[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(name->text[i] - '0');
	}
	*number = value;
	return true;
}
