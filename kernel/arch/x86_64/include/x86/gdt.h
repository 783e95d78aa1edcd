/* Segments and task state of each CPU. Selectors are in <x86/boot.h>. */
#pragma once

#include <lib/types.h>

/* Intel SDM vol. 3A §8.7. */
struct PACKED tss {
	uint32_t reserved0;
	uint64_t rsp[3]; /* [0]: the stack on entry from user code */
	uint64_t reserved1;
	uint64_t ist[7]; /* 0 double fault, 1 NMI, 2 machine check */
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
};
static_assert(sizeof(struct tss) == 104, "hardware layout");

void gdt_init_cpu(unsigned cpu);
void gdt_load(unsigned cpu);     /* on that CPU */
void gdt_use_early_stacks(void); /* boot CPU */
/* Where this CPU's entries from user code begin to push. Context: interrupts off. */
void gdt_set_kernel_stack(uintptr_t top);
/* Which ports user code may touch on this CPU: those whose bit is clear; NULL: all. Context: interrupts off. */
void gdt_allow_ports(const uint8_t *forbidden);
void gdt_forbid_ports(void);
/* Stacks with guard pages for double fault, NMI and machine check. */
MUST_USE bool gdt_alloc_exception_stacks(unsigned cpu);
