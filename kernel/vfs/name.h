/*
 * Names, a word at a time: hashing one and finding its end are the same loop. The hash of a name of up to seven letters is the name itself, so
 * most are compared by that alone; that of a longer one has the highest bit, which the others never have (their last byte is
 * the NUL). Inline, because a walk does nothing else.
 */
#pragma once

#include <mm/page.h>
#include <vfs/inode.h>

#define NAME_ONES    0x0101010101010101ull
#define NAME_HIGHS   (NAME_ONES * 0x80)
#define NAME_SLASHES (NAME_ONES * '/')
#define NAME_FACTOR  0x9e3779b97f4a7c15ull
#define NAME_WORD    sizeof(uint64_t)
#define NAME_LONG    (1ull << 63) /* in a hash */

typedef uint64_t unaligned_u64 __attribute__((aligned(1), may_alias));

static inline uint64_t name_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * NAME_FACTOR;
	return hash ^ hash >> 29;
}

/* Bit 7 of each byte that is a NUL or a slash; those above the lowest may be wrong. (word - ones) & ~word has it where a byte is zero;
 * and the slash has no bit 7, so one ~word serves both. */
static ALWAYS_INLINE uint64_t name_ends(uint64_t word)
{
	return ((word - NAME_ONES) | ((word ^ NAME_SLASHES) - NAME_ONES)) & ~word & NAME_HIGHS;
}

/* The first byte is an end. */
static inline bool name_is_empty(uint64_t ends)
{
	return ends & 0x80;
}

/* The bytes of a word below the first that `ends` marks. */
static inline uint64_t name_bytes_before(uint64_t word, uint64_t ends)
{
	return word & (ends ^ (ends - 1)) >> 8;
}

/* Reads a word even where the string ends earlier, but never beyond its page. */
__attribute__((no_sanitize("address"))) static inline uint64_t name_load_some(const char *text)
{
	if (likely(((uintptr_t)text & (PAGE_SIZE - 1)) <= PAGE_SIZE - NAME_WORD))
		return *(const unaligned_u64 *)text;
	uint64_t word = 0;
	for (unsigned i = 0; i < NAME_WORD; i++) {
		word |= (uint64_t)(uint8_t)text[i] << 8 * i;
		if (!text[i])
			break;
	}
	return word;
}

/* The hash of a name of more than a word, of whose words `hash` is made so far. */
static inline uint64_t name_hash_long(uint64_t hash, uint64_t last_word)
{
	return name_mix(hash, last_word) | NAME_LONG;
}

/* The next name of a path, whose first word and the ends in it are known. Returns where it ends: at a slash or the NUL. */
static ALWAYS_INLINE const char *name_cut_word(
    const char *path, uint64_t word, uint64_t ends, struct name *name)
{
	const char *at = path;
	uint64_t hash = 0;
	bool is_long = false;
	while (unlikely(!ends)) {
		is_long = true;
		hash = name_mix(hash, word);
		at += NAME_WORD;
		word = name_load_some(at);
		ends = name_ends(word);
	}
	at += (unsigned)__builtin_ctzll(ends) / 8;
	word = name_bytes_before(word, ends);
	name->hash = is_long ? name_hash_long(hash, word) : word;
	name->text = path;
	name->len = (uint32_t)(at - path);
	return at;
}

static inline const char *name_cut(const char *path, struct name *name)
{
	uint64_t word = name_load_some(path);
	return name_cut_word(path, word, name_ends(word), name);
}

/* Whether names with the same hash, which is that of a long one, are the same. */
static inline bool name_is_long(const struct dentry_name *have, const struct name *want)
{
	uint32_t len = want->len;
	if (unlikely(have->len != len))
		return false;
	const char *a = have->text, *b = want->text;
	for (uint32_t i = 0; i + NAME_WORD < len; i += NAME_WORD)
		if (*(const unaligned_u64 *)(a + i) != *(const unaligned_u64 *)(b + i))
			return false;
	return *(const unaligned_u64 *)(a + len - NAME_WORD) ==
	       *(const unaligned_u64 *)(b + len - NAME_WORD);
}
