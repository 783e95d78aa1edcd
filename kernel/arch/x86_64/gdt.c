/*
 * Segments and the task state segment of each CPU. Long mode needs little of them: two code and two data selectors in the order that
 * SYSRET assumes, and the TSS for the stacks that the processor switches to by itself.
 */
#include <arch/percpu.h>
#include <arch/user.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <x86/boot.h>
#include <x86/gdt.h>

#define GDT_ENTRIES                                                                                \
	8 /* null, kernel code and data, user code32, data, code, and a TSS of two entries */
#define IST_STACKS         3
#define EARLY_STACK_SIZE   4096
#define NO_PORTS           0xffff /* beyond the segment's end: none for user programs */
#define STACK_TOP_RESERVED 16     /* holds the CPU's GS base, for trap_entry.S */

static PER_CPU(uint64_t[GDT_ENTRIES], gdt);
/* Its stack pointers lie 4 off: so they are aligned. */
struct aligned_tss {
	uint32_t padding;
	struct tss tss;
	/* A set bit forbids a port; the processor may read one byte more than there are ports. */
	uint8_t ports[USER_PORT_COUNT / 8], no_more;
} ALIGNED(16);
static PER_CPU(struct aligned_tss, aligned_tss);
/* The boot CPU's exception stacks until there is memory for stacks with guard pages. */
static uint8_t early_stacks[IST_STACKS][EARLY_STACK_SIZE] ALIGNED(16);

static void set_tss_descriptor(uint64_t *entries, const struct tss *segment)
{
	uint64_t base = (uintptr_t)segment,
		 limit = sizeof(struct aligned_tss) - offsetof(struct aligned_tss, tss) - 1;
	entries[0] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	entries[1] = base >> 32;
}

void gdt_init_cpu(unsigned cpu)
{
	uint64_t *entries = *per_cpu_ptr(gdt, cpu);
	struct tss *segment = &per_cpu_ptr(aligned_tss, cpu)->tss;

	segment->io_map_base = NO_PORTS;
	per_cpu_ptr(aligned_tss, cpu)->no_more = 0xff;
	entries[SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	entries[SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	entries[SELECTOR_USER_CODE32 / 8] = 0x00cffb000000ffff;
	entries[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff;
	entries[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff;
	set_tss_descriptor(&entries[SELECTOR_TSS / 8], segment);
}

void gdt_use_early_stacks(void)
{
	struct tss *segment = &per_cpu_ptr(aligned_tss, 0)->tss;
	for (unsigned i = 0; i < IST_STACKS; i++)
		segment->ist[i] =
		    (uintptr_t)early_stacks[i] + EARLY_STACK_SIZE - STACK_TOP_RESERVED;
}

bool gdt_alloc_exception_stacks(unsigned cpu)
{
	struct tss *segment = &per_cpu_ptr(aligned_tss, cpu)->tss;
	for (unsigned i = 0; i < IST_STACKS; i++) {
		void *stack = kernel_stack_alloc();
		if (!stack)
			return false;
		segment->ist[i] = (uintptr_t)stack + KERNEL_STACK_SIZE - STACK_TOP_RESERVED;
		*(uint64_t *)segment->ist[i] = percpu_offsets[cpu];
	}
	return true;
}

void gdt_set_kernel_stack(uintptr_t top)
{
	this_cpu_write(aligned_tss.tss.rsp[0], top);
}

void gdt_allow_ports(const uint8_t *forbidden)
{
	struct aligned_tss *own = this_cpu_ptr(aligned_tss);
	if (forbidden)
		memcpy(own->ports, forbidden, sizeof(own->ports));
	else
		memset(own->ports, 0, sizeof(own->ports));
	own->tss.io_map_base = sizeof(own->tss);
}

void gdt_forbid_ports(void)
{
	this_cpu_write(aligned_tss.tss.io_map_base, NO_PORTS);
}

void gdt_load(unsigned cpu)
{
	struct PACKED {
		uint16_t limit;
		uint64_t base;
	} pointer = {GDT_ENTRIES * 8 - 1, (uintptr_t)*per_cpu_ptr(gdt, cpu)};
	/* Loading GS would clear its base, which is this CPU's data: only the code and stack segments are reloaded. */
	__asm__ volatile(
	    "lgdt %0\n"
	    "movl %1, %%ss\n"
	    "pushq %2\n"
	    "leaq 1f(%%rip), %%rax\n"
	    "pushq %%rax\n"
	    "lretq\n"
	    "1: ltr %w3"
	    :
	    : "m"(pointer), "r"(SELECTOR_KERNEL_DATA), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_TSS)
	    : "rax", "memory");
}
