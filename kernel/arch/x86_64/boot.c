/* From assembly to kernel_main: the loader's structures copied, the processor made safe to fault on. */
#include <arch/cpu.h>
#include <arch/entry.h>
#include <boot/boot_info.h>
#include <log/assert.h>
#include <mm/page.h>
#include <x86/boot.h>
#include <x86/cpu_init.h>
#include <x86/cpuid.h>
#include <x86/gdt.h>
#include <x86/trap.h>
#include <x86/user_copy.h>

#define MULTIBOOT2_MAGIC 0x36d76289
#define EARLY_MAP_END    (4 * GiB) /* what entry.S maps */

extern char __image_start_phys[], __image_end_phys[];

struct boot_info boot_info;
/* The compiler's names: it compares the one and calls the other at the end of guarded functions. */
extern uintptr_t __stack_chk_guard;
NORETURN void __stack_chk_fail(void);
uintptr_t __stack_chk_guard = 0x595e9fbd94fda700; /* until boot has something better */

NORETURN void __stack_chk_fail(void)
{
	panic("kernel stack smashed");
}

/* Inlined into a function that never returns, so changing the canary under its feet does no harm. */
static ALWAYS_INLINE void randomize_stack_guard(void)
{
	uint64_t random = cpu_timestamp() * 0x9e3779b97f4a7c15ull;
	if (cpu_features.rdrand) {
		uint64_t from_cpu;
		bool ok;
		__asm__ volatile("rdrand %0" : "=r"(from_cpu), "=@ccc"(ok));
		if (ok)
			random ^= from_cpu;
	}
	/* The lowest byte zero: a string that runs over the end cannot write it. */
	__stack_chk_guard = (random ^ (random >> 29)) << 8;
}

static const void *map_early(paddr_t pa, size_t len)
{
	paddr_t end;
	if (add_overflows(pa, len, &end) || end > EARLY_MAP_END)
		return NULL;
	return phys_to_virt(pa);
}

NORETURN void boot_start64(uint32_t magic, paddr_t loader_info, uint64_t entry_tsc)
{
	cpu_features_detect();
	randomize_stack_guard();
	user_copy_init();
	gdt_init_cpu(0);
	gdt_use_early_stacks();
	trap_init();
	cpu_init_this(0);

	boot_info.entry_tsc = entry_tsc;
	boot_info.kernel_start = (paddr_t)__image_start_phys;
	boot_info.kernel_end = (paddr_t)__image_end_phys;
	int err = magic == MULTIBOOT2_MAGIC
		      ? boot_decode_multiboot2(&boot_info, loader_info, map_early)
		      : boot_decode_pvh(&boot_info, loader_info, map_early);
	kernel_main(err);
}
