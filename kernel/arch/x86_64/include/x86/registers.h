/*
 * What the trap stubs push: the interrupted registers, in the order of memory. kernel/arch/x86_64/trap_entry.S writes it; the
 * offsets that assembly uses are asserted here.
 */
#pragma once

#ifndef __ASSEMBLER__
#include <lib/types.h>

struct registers {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss; /* pushed by the processor */
};

static_assert(offsetof(struct registers, vector) == 15 * 8, "trap_entry.S");
static_assert(offsetof(struct registers, cs) == 18 * 8, "trap_entry.S");
static_assert(sizeof(struct registers) == 22 * 8, "trap_entry.S");
#endif
