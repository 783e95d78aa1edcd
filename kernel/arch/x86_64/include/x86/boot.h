/* Constants that entry.S, trampoline.S and C share. */
#pragma once

#define CR0_PE (1 << 0)
#define CR0_MP (1 << 1)
#define CR0_EM (1 << 2)
#define CR0_TS (1 << 3)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_NW (1 << 29)
#define CR0_CD (1 << 30)
#define CR0_PG (1 << 31)

#define CR4_PAE        (1 << 5)
#define CR4_MCE        (1 << 6)
#define CR4_PGE        (1 << 7)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_FSGSBASE   (1 << 16)
#define CR4_PCIDE      (1 << 17)
#define CR4_OSXSAVE    (1 << 18)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)

#define PTE_BOOT_TABLE 0x3  /* present, writable */
#define PTE_BOOT_LARGE 0x83 /* present, writable, 2 MiB */

/* Segment selectors: the order that SYSCALL and SYSRET want. The boot GDT has the first three. */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_BOOT_CODE32 0x18 /* boot GDT only */
#define SELECTOR_USER_CODE32 0x18
#define SELECTOR_USER_DATA   0x20
#define SELECTOR_USER_CODE   0x28
#define SELECTOR_TSS         0x30

/* Where the application processors' first instructions are copied: below 1 MiB, page-aligned. */
#define TRAMPOLINE_PHYS 0x8000

#ifndef __ASSEMBLER__
#include <lib/types.h>

/* From entry.S: what the loader left in EAX and EBX, and the time stamp of our first instruction. */
NORETURN void boot_start64(uint32_t magic, paddr_t loader_info, uint64_t entry_tsc);
/* From trampoline.S. */
NORETURN void ap_start64(unsigned cpu);
extern uintptr_t ap_boot_stack_top;
extern uint32_t ap_boot_cpu;
#endif
