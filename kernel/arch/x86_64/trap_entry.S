/*
 * Entry of every exception and interrupt: one stub a vector pushes the vector (and a zero where the processor pushes no error
 * code), then the common part saves the registers as struct registers and calls C.
 */
#include <x86/boot.h>
#include <x86/user_asm.h>

	.text
	.balign 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	/* Vectors for which the processor itself pushes an error code. */
	.if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
	pushq $0
	.endif
	pushq $vector
	.if vector == 2 || vector == 8 || vector == 18
	jmp paranoid_common
	.elseif vector < 32
	jmp exception_common
	.else
	jmp interrupt_common
	.endif
	.set vector, vector + 1
	.endr

	.macro save_registers
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	.endm

	/* From user code the stack is the one that system calls use, so the registers end up in the same place. */
	.globl exception_common
exception_common:
	testb $3, 24(%rsp)		/* CS */
	jnz exception_from_user
	save_registers
	movq %rsp, %rdi
	call trap_exception
	restore_registers
	iretq
exception_from_user:
	swapgs
	save_registers
	movq %rsp, %rdi
	call trap_from_user		/* comes back with interrupts off */
	jmp return_to_user

	.globl interrupt_common
interrupt_common:
	testb $3, 24(%rsp)
	jnz interrupt_from_user
	save_registers
	movb $0, %gs:interrupted_user
	movq REG_VECTOR(%rsp), %rdi
	call irq_dispatch
	restore_registers
	iretq
interrupt_from_user:
	swapgs
	save_registers
	movb $1, %gs:interrupted_user
	movq REG_VECTOR(%rsp), %rdi
	call irq_dispatch
	movq %rsp, %rdi
	call user_exit_work
	jmp return_to_user

/*
 * NMI, double fault, machine check: they come at any instruction, also between SYSCALL and SWAPGS, when the code segment says kernel and the
 * GS base is still the user's. They have stacks of their own, and above the frame lies the base that this CPU ought to have.
 */
	.globl paranoid_common
paranoid_common:
	save_registers
	movl $0xc0000101, %ecx		/* GS base */
	rdmsr
	shlq $32, %rdx
	orq %rdx, %rax
	xorl %ebx, %ebx
	cmpq REG_SIZE(%rsp), %rax
	je 1f
	swapgs
	incl %ebx
1:	movq %rsp, %rdi
	call trap_exception
	testl %ebx, %ebx
	jz 2f
	swapgs
2:	restore_registers
	iretq

	.section .note.GNU-stack, "", @progbits
