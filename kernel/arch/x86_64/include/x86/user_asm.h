/* Offsets and pieces that syscall_entry.S and trap_entry.S share. user.c asserts the offsets. */
#pragma once

#define REG_R15	     0
#define REG_R14	     8
#define REG_R13	     16
#define REG_R12	     24
#define REG_R11	     32
#define REG_R10	     40
#define REG_R9	     48
#define REG_R8	     56
#define REG_RDI	     64
#define REG_RSI	     72
#define REG_RBP	     80
#define REG_RBX	     88
#define REG_RDX	     96
#define REG_RCX	     104
#define REG_RAX	     112
#define REG_VECTOR   120
#define REG_ORIG_RAX 128 /* the error code's place */
#define REG_RIP	     136
#define REG_CS	     144
#define REG_RFLAGS   152
#define REG_RSP	     160
#define REG_SS	     168
#define REG_SIZE     176

#define SYSCALL_TABLE_SIZE 512
#define USER_WORK_FULL_RETURN_BIT 2
#define VECTOR_SYSCALL	   256 /* in struct registers: this entry was a system call */

#ifdef __ASSEMBLER__
#include <x86/thread_offsets.h>

.macro save_callee_saved skip
	movq %rbx, REG_RBX + \skip(%rsp)
	movq %rbp, REG_RBP + \skip(%rsp)
	movq %r12, REG_R12 + \skip(%rsp)
	movq %r13, REG_R13 + \skip(%rsp)
	movq %r14, REG_R14 + \skip(%rsp)
	movq %r15, REG_R15 + \skip(%rsp)
.endm

/* What SYSCALL does not save because it is always the same, and what it destroyed. */
.macro complete_frame_at skip
	movq $SELECTOR_USER_DATA | 3, REG_SS + \skip(%rsp)
	movq $SELECTOR_USER_CODE | 3, REG_CS + \skip(%rsp)
	movq $VECTOR_SYSCALL, REG_VECTOR + \skip(%rsp)
	movq REG_RIP + \skip(%rsp), %r11
	movq %r11, REG_RCX + \skip(%rsp)
	movq REG_RFLAGS + \skip(%rsp), %r11
	movq %r11, REG_R11 + \skip(%rsp)
.endm

.macro complete_frame
	complete_frame_at 0
.endm

/* The way out of every frame: struct registers from the lowest address up, ending at what IRET takes. */
.macro restore_registers
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp			/* vector and error code */
.endm
#endif
