/* One instruction that may fault each; the trap handler continues behind it, where `ok` still says no. */
#include <x86/extable.h>
#include <x86/probe.h>

bool probe_read_u64(uintptr_t va, uint64_t *out)
{
	uint64_t value = 0;
	uint8_t ok = 0;
	__asm__ volatile("1:	movq (%[va]), %[value]\n"
			 "	movb $1, %[ok]\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : [value] "+&r"(value), [ok] "+&q"(ok)
			 : [va] "r"(va)
			 : "memory");
	if (ok)
		*out = value;
	return ok;
}

bool probe_write(uintptr_t va)
{
	uint8_t ok = 0;
	__asm__ volatile("1:	lock orb $0, (%[va])\n"
			 "	movb $1, %[ok]\n"
			 "2:\n" EXTABLE("1b", "2b")
			 : [ok] "+&q"(ok)
			 : [va] "r"(va)
			 : "memory", "cc");
	return ok;
}
