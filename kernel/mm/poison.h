/*
 * What freed memory is filled with in debug builds, and, in host builds, a word to ASan that nobody may touch it: then even a read
 * of freed memory is found, at the instruction that does it.
 */
#pragma once

#include <lib/types.h>

#define POISON_BYTE 0xdb
#define POISON_WORD 0xdbdbdbdbdbdbdbdbull

#ifdef EXO_HOST
#include <sanitizer/asan_interface.h>
#define memory_poison(p, len)   ASAN_POISON_MEMORY_REGION(p, len)
#define memory_unpoison(p, len) ASAN_UNPOISON_MEMORY_REGION(p, len)
/* For the allocators' own look at memory that nobody may touch. */
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define NO_ASAN
#define memory_poison(p, len)   ((void)(p), (void)(len))
#define memory_unpoison(p, len) ((void)(p), (void)(len))
#endif

static inline bool is_poison(const void *p, size_t len)
{
	const uint64_t *words = p;
	for (size_t i = 0; i < len / sizeof(*words); i++)
		if (words[i] != POISON_WORD)
			return false;
	return true;
}
