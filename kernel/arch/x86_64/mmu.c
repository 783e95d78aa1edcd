/* The registers around paging: the root (CR3), the kinds of caching (PAT), and the instructions that drop translations. */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <x86/boot.h>
#include <x86/cpuid.h>
#include <x86/msr.h>

#define USER_END                                                                                   \
	0x7ffffffff000ull /* the page below the hole stays unmapped: a SYSCALL in its last bytes would return there */

/* PAT entries, from index 0, as pte_make_leaf uses them: write-back, write-combining, uncached-, uncached, and the same again. */
#define PAT_VALUE 0x0007010600070106ull

/* INVPCID types, Intel SDM vol. 2. */
#define INVPCID_ALL_AND_GLOBAL 2

static uint64_t read_cr3(void)
{
	uint64_t value;
	__asm__ volatile("movq %%cr3, %0" : "=r"(value));
	return value;
}

static void write_cr3(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

bool mmu_has_1g_pages(void)
{
	return cpu_features.page_1g;
}

bool mmu_is_canonical(uintptr_t va)
{
	return va < USER_END || va >= 0xffff800000000000ull;
}

void mmu_flush_page(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void mmu_flush_all(void)
{
	write_cr3(read_cr3());
}

void mmu_flush_everything(void)
{
	if (cpu_features.invpcid) {
		struct {
			uint64_t pcid, va;
		} descriptor = {0, 0};
		__asm__ volatile("invpcid %0, %1"
				 :
				 : "m"(descriptor), "r"((uint64_t)INVPCID_ALL_AND_GLOBAL)
				 : "memory");
		return;
	}
	/* Any change of CR4.PGE drops everything. An interrupt in between must not see it off, or it would not change it. */
	irq_flags_t flags = irq_save();
	uint64_t cr4;
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4 ^ CR4_PGE) : "memory");
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
	irq_restore(flags);
}

paddr_t mmu_root(void)
{
	return read_cr3() & PTE_ADDR_MASK;
}

void mmu_set_root(paddr_t root)
{
	write_cr3(root);
}

void mmu_init_cpu(void)
{
	if (cpu_features.pat)
		msr_write(MSR_PAT, PAT_VALUE);
	mmu_flush_everything();
}
