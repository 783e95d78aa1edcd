/* <arch/user_copy.h> on x86_64: range checks here, the instructions that may fault in user_copy.S. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <lib/string.h>
#include <sync/preempt.h>
#include <x86/cpuid.h>
#include <x86/user_copy.h>

/* From here on one REP MOVSB beats quadwords on processors that have fast strings. */
#define ERMS_MIN 256

extern uint8_t *const user_copy_fast_from; /* four bytes of a comparison in user_copy.S */
extern uint8_t *const __smap_sites_start[], *const __smap_sites_end[];

void user_copy_init(void)
{
	static const uint8_t nop3[3] = {0x0f, 0x1f, 0x00};
	static const uint32_t erms_min = ERMS_MIN;
	if (cpu_features.erms)
		memcpy(user_copy_fast_from, &erms_min, sizeof(erms_min));
	if (cpu_features.smap)
		return;
	for (uint8_t *const *site = __smap_sites_start; site < __smap_sites_end; site++)
		memcpy(*site, nop3, sizeof(nop3));
}

int copy_from_user_long(void *dst, uaddr_t src, size_t len)
{
	if (unlikely(!user_range_ok(src, len)) || unlikely(copy_from_user_part(dst, src, len)))
		return -EFAULT;
	return 0;
}

int copy_to_user_long(uaddr_t dst, const void *src, size_t len)
{
	if (unlikely(!user_range_ok(dst, len)) || unlikely(copy_to_user_part(dst, src, len)))
		return -EFAULT;
	return 0;
}

int clear_user(uaddr_t dst, size_t len)
{
	if (unlikely(!user_range_ok(dst, len)) || unlikely(clear_user_part(dst, len)))
		return -EFAULT;
	return 0;
}

/* A range that runs out of user space is copied up to its end. */
static size_t clip(uaddr_t addr, size_t len)
{
	return addr.va >= USER_END ? 0 : min(len, (size_t)(USER_END - addr.va));
}

/* The buffer reaches further than user space. */
static int64_t strncpy_up_to_end(char *dst, uaddr_t src, size_t size)
{
	size_t readable = clip(src, size);
	int64_t len = user_strncpy_raw(dst, (const char *)src.va, readable);
	return len < (int64_t)readable ? len : -EFAULT;
}

int64_t strncpy_from_user(char *dst, uaddr_t src, size_t size)
{
	if (unlikely(!user_range_ok(src, size)))
		return strncpy_up_to_end(dst, src, size);
	int64_t len = user_strncpy_raw(dst, (const char *)src.va, size);
	return likely(len < (int64_t)size) ? len : -ENAMETOOLONG;
}

int user_cas_u32(uaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *old)
{
	if (unlikely(addr.va > USER_END - 4))
		return -EFAULT;
	return user_cas_4((uint32_t *)addr.va, expected, desired, old);
}

int get_user_u32_nofault(uint32_t *out, uaddr_t src)
{
	this_cpu_inc(page_faults_disabled);
	int err = get_user_u32(out, src);
	this_cpu_dec(page_faults_disabled);
	return err;
}
