/*
 * The one door to user memory. A fault inside is repaired by the fixup table and comes back as -EFAULT (after the page-fault handler had
 * its chance to bring the page in). SMAP is open only inside these functions. Addresses are checked against the end
 * of user space first, so a kernel address is -EFAULT too.
 *
 * Context: thread, may sleep (a fault may read a file). The copy may be partial when it fails.
 */
#pragma once

#include <abi/errno.h>
#include <lib/types.h>

#define USER_END 0x00007ffffffff000ull /* the last page below the hole is never mapped: SYSRET */

static inline bool user_range_ok(uaddr_t addr, size_t len)
{
	return len <= USER_END && addr.va <= USER_END - len;
}

static inline uaddr_t uaddr_add(uaddr_t addr, size_t offset)
{
	return (uaddr_t){addr.va + offset};
}

static inline bool uaddr_is_null(uaddr_t addr)
{
	return !addr.va;
}

/* copy_from_user and copy_to_user below are these, but for small structures. */
MUST_USE int copy_from_user_long(void *dst, uaddr_t src, size_t len);
MUST_USE int copy_to_user_long(uaddr_t dst, const void *src, size_t len);
MUST_USE int clear_user(uaddr_t dst, size_t len);
/* For read and write, which return a short count: how many bytes were not moved, 0 or what lies behind a fault. The caller has checked
 * the range with user_range_ok, once for all of its parts. */
MUST_USE size_t copy_from_user_part(void *dst, uaddr_t src, size_t len);
MUST_USE size_t copy_to_user_part(uaddr_t dst, const void *src, size_t len);
MUST_USE size_t clear_user_part(uaddr_t dst, size_t len);
/* The length without the NUL, -EFAULT, or -ENAMETOOLONG when there is no NUL in the first `size` bytes. */
MUST_USE int64_t strncpy_from_user(char *dst, uaddr_t src, size_t size);

/* Atomic on an aligned word, for futex. cas: 0 and *old set, or -EFAULT. */
MUST_USE int user_cas_u32(uaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *old);

/* The same without sleeping: -EFAULT when the page is not there right now. Context: any, page faults disabled inside. */
MUST_USE int get_user_u32_nofault(uint32_t *out, uaddr_t src);

#ifdef EXO_KERNEL
#include <sync/preempt.h>
#include <x86/user_access.h>
#include <x86/user_copy.h>

/*
 * One aligned or unaligned word, in line: get_user_u32(&out, src), put_user_u32(dst, value).
 */
#define DEFINE_USER_WORD(bits)                                                                     \
	static inline MUST_USE int get_user_u##bits(uint##bits##_t *out, uaddr_t src)              \
	{                                                                                          \
		uint##bits##_t value;                                                              \
		if (unlikely(src.va > USER_END - sizeof(value)))                                   \
			return -EFAULT;                                                            \
		user_access_begin();                                                               \
		user_load(value, src.va, fault);                                                   \
		user_access_end();                                                                 \
		*out = value;                                                                      \
		return 0;                                                                          \
fault:                                                                                             \
		user_access_end();                                                                 \
		return -EFAULT;                                                                    \
	}                                                                                          \
	static inline MUST_USE int put_user_u##bits(uaddr_t dst, uint##bits##_t value)             \
	{                                                                                          \
		if (unlikely(dst.va > USER_END - sizeof(value)))                                   \
			return -EFAULT;                                                            \
		user_access_begin();                                                               \
		user_store(dst.va, value, fault);                                                  \
		user_access_end();                                                                 \
		return 0;                                                                          \
fault:                                                                                             \
		user_access_end();                                                                 \
		return -EFAULT;                                                                    \
	}
DEFINE_USER_WORD(8)
DEFINE_USER_WORD(32)
DEFINE_USER_WORD(64)
#undef DEFINE_USER_WORD

/*
 * A structure that is made field by field need not be made twice: after user_range_ok, between user_access_begin and user_access_end,
 * user_store_field(base, struct out, field, value, label) puts each where it belongs. Nothing else happens in between, and the label leaves by
 * user_access_end. No pointer to the structure is made: where it lies is the program's choice, and need not be aligned.
 */
#define user_store_field(base, type, field, value, label)                                          \
	user_store((base).va + offsetof(type, field), (__typeof__((type){0}.field))(value), label)

/* The same without waiting for a page that is not there right now: the store goes on at its label, where user_nofault_end is due. Under any
 * lock. */
static inline void user_nofault_begin(void)
{
	preempt_disable(); /* the count is this processor's */
	this_cpu_inc(page_faults_disabled);
	user_access_begin();
}

static inline void user_nofault_end(void)
{
	user_access_end();
	this_cpu_dec(page_faults_disabled);
	preempt_enable();
}

/* Up to here a structure is moved word by word, in line: less than what a call and the start of a REP MOVS cost. */
#define USER_WORDS_MAX 4
#define user_is_few_words(len)                                                                     \
	(__builtin_constant_p(len) && (len) % 8 == 0 && (len) <= 8 * USER_WORDS_MAX)

static ALWAYS_INLINE MUST_USE int copy_from_user(void *dst, uaddr_t src, size_t len)
{
	if (!user_is_few_words(len))
		return copy_from_user_long(dst, src, len);
	if (unlikely(src.va > USER_END - len))
		return -EFAULT;
	user_access_begin();
	for (size_t at = 0; at < len; at += 8) {
		uint64_t word;
		user_load(word, src.va + at, fault);
		__builtin_memcpy((char *)dst + at, &word, 8);
	}
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static ALWAYS_INLINE MUST_USE int copy_to_user(uaddr_t dst, const void *src, size_t len)
{
	if (!user_is_few_words(len))
		return copy_to_user_long(dst, src, len);
	if (unlikely(dst.va > USER_END - len))
		return -EFAULT;
	user_access_begin();
	for (size_t at = 0; at < len; at += 8) {
		uint64_t word;
		__builtin_memcpy(&word, (const char *)src + at, 8);
		user_store(dst.va + at, word, fault);
	}
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

/* Arrays of words, in line: they are mostly so short that a call costs more than the copying. */
static ALWAYS_INLINE MUST_USE int copy_words_from_user(void *dst, uaddr_t src, size_t count)
{
	if (unlikely(!user_range_ok(src, count * 8)))
		return -EFAULT;
	user_access_begin();
	size_t left = user_move_words(dst, (const void *)src.va, count);
	user_access_end();
	return likely(!left) ? 0 : -EFAULT;
}

static ALWAYS_INLINE MUST_USE int copy_words_to_user(uaddr_t dst, const void *src, size_t count)
{
	if (unlikely(!user_range_ok(dst, count * 8)))
		return -EFAULT;
	user_access_begin();
	size_t left = user_move_words((void *)dst.va, src, count);
	user_access_end();
	return likely(!left) ? 0 : -EFAULT;
}
#endif
