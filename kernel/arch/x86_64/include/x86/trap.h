/* Exceptions: numbers, and the entry table in trap_entry.S. */
#pragma once

#include <x86/registers.h>

#define TRAP_NMI           2
#define TRAP_BREAKPOINT    3
#define TRAP_OVERFLOW      4
#define TRAP_DOUBLE_FAULT  8
#define TRAP_PAGE_FAULT    14
#define TRAP_MACHINE_CHECK 18

extern const char trap_stubs[]; /* 256 of 16 bytes each */

void trap_init(void);     /* once: fills the table */
void trap_load_idt(void); /* each CPU */
/* From trap_entry.S, with interrupts off. Returns to the interrupted code with the registers as they are then. */
void trap_exception(struct registers *regs);
/* NMIs that this CPU took and ignored. */
uint64_t trap_nmi_count(unsigned cpu);
