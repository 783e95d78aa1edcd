/*
 * The way up of an application processor. The first part is copied to TRAMPOLINE_PHYS and starts in real mode; it only turns
 * protected mode on and jumps to ap_start32, which lies with the boot code below 4 GiB and goes the same way as the boot
 * processor. One processor at a time: they share a small stack.
 */
#include <x86/boot.h>

	.section .rodata.trampoline, "a"
	.code16
	.globl trampoline_start, trampoline_end
trampoline_start:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl boot_gdt_pointer_low - trampoline_start + TRAMPOLINE_PHYS
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $SELECTOR_BOOT_CODE32, $ap_start32
	.balign 8
boot_gdt_pointer_low:
	.short 4 * 8 - 1
	.long boot_gdt
trampoline_end:

	.section .boot.text, "ax"
	.code32
ap_start32:
	movw $SELECTOR_KERNEL_DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $ap_stack32_end, %esp
	movl $0x80000001, %eax
	cpuid
	call enter_long_mode
	ljmp $SELECTOR_KERNEL_CODE, $ap_low64

	.code64
ap_low64:
	movq $ap_high64, %rax
	jmp *%rax

	.section .text.entry, "ax"
ap_high64:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movq ap_boot_root, %rax		/* the stack is in the kernel map, which the boot tables lack */
	movq %rax, %cr3
	movq ap_boot_stack_top, %rsp
	movl ap_boot_cpu, %edi
	xorl %ebp, %ebp
	call ap_start64
	ud2

	.section .boot.bss, "aw", @nobits
	.balign 16
	.skip 256
ap_stack32_end:

	.section .note.GNU-stack, "", @progbits
