/*
 * The first instructions, from either loader: 32-bit protected mode without paging. Builds page tables that map the first 4 GiB
 * three times (where it is, in the direct map, and its first GiB at the kernel's address), turns long mode on
 * and jumps up to boot_start64. The application processors come the same way from trampoline.S.
 */
#include <x86/boot.h>

	.section .boot.multiboot, "a"
	/* Multiboot2 header: specification 3.1. No tags asked for beyond what GRUB always gives. */
	.balign 8
multiboot_header:
	.long 0xe85250d6, 0, multiboot_header_end - multiboot_header
	.long -(0xe85250d6 + (multiboot_header_end - multiboot_header))
	/* Entry address: multiboot loaders come in at their own label. */
	.short 3, 0
	.long 12, boot_start32
	.long 0
	/* End. */
	.short 0, 0
	.long 8
multiboot_header_end:

	/* PVH: the entry point as a Xen note (type 18, XEN_ELFNOTE_PHYS32_ENTRY). */
	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long boot_start32

	.section .boot.text, "ax"
	.code32
	.globl boot_start32
boot_start32:
	cli
	cld
	movl %eax, %esi			/* Multiboot2 magic, or anything under PVH */
	rdtsc
	movl %eax, boot_entry_tsc
	movl %edx, boot_entry_tsc + 4
	movl $boot_stack32_end, %esp

	/* Is this a processor with long mode? */
	movl $0x80000000, %eax
	movl %ebx, %edi
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	movl %edx, %ebp

	/* Four page directories of 2 MiB pages: 4 GiB. */
	movl $boot_pd, %ecx
	movl $(PTE_BOOT_LARGE), %eax
	xorl %edx, %edx
1:	movl %eax, (%ecx)
	movl %edx, 4(%ecx)
	addl $8, %ecx
	addl $0x200000, %eax
	jnc 1b

	/* The PDPT of the identity and direct maps. */
	movl $(boot_pd + PTE_BOOT_TABLE), %eax
	movl $boot_pdpt, %ecx
	movl $4, %edx
2:	movl %eax, (%ecx)
	addl $0x1000, %eax
	addl $8, %ecx
	decl %edx
	jnz 2b
	/* The PDPT of the kernel image: the first GiB, at -2 GiB. */
	movl $(boot_pd + PTE_BOOT_TABLE), boot_pdpt_image + 510 * 8

	movl $(boot_pdpt + PTE_BOOT_TABLE), boot_pml4
	movl $(boot_pdpt + PTE_BOOT_TABLE), boot_pml4 + 256 * 8
	movl $(boot_pdpt_image + PTE_BOOT_TABLE), boot_pml4 + 511 * 8

	movl %edi, boot_info_address
	movl %esi, boot_magic
	movl %ebp, %edx
	call enter_long_mode
	ljmp $SELECTOR_KERNEL_CODE, $boot_low64

/*
 * Turns paging and long mode on with the boot tables; in: edx = CPUID 80000001H.EDX. Also loads the boot GDT.
 * Ends in 32-bit compatibility mode: the caller jumps.
 */
	.globl enter_long_mode
enter_long_mode:
	movl %cr4, %eax
	orl $(CR4_PAE | CR4_PGE), %eax
	movl %eax, %cr4
	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $0x100, %edi		/* EFER.LME */
	btl $20, %edx			/* NX, where there is one */
	jnc 1f
	orl $0x800, %edi
1:	movl $0xc0000080, %ecx
	rdmsr
	orl %edi, %eax
	wrmsr
	movl %cr0, %eax
	andl $~(CR0_EM | CR0_TS | CR0_CD | CR0_NW), %eax
	orl $(CR0_PG | CR0_WP | CR0_PE | CR0_MP | CR0_NE), %eax
	movl %eax, %cr0
	lgdtl boot_gdt_pointer
	ret

no_long_mode:
	movl $no_long_mode_text, %esi
	movw $0x3f8, %dx
3:	lodsb
	testb %al, %al
	jz 4f
	outb %al, %dx
	jmp 3b
4:	hlt
	jmp 4b

	.code64
boot_low64:
	movq $boot_high64, %rax
	jmp *%rax

	.section .text.entry, "ax"
boot_high64:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs			/* GS base 0: CPU 0's per-CPU data is the section itself */
	movq $boot_stack_end, %rsp
	xorl %ebp, %ebp			/* the end of every backtrace */
	movl boot_magic, %edi
	movl boot_info_address, %esi
	movq boot_entry_tsc, %rdx
	call boot_start64
	ud2

	.section .boot.data, "aw"
	.balign 16
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* kernel code, 64-bit */
	.quad 0x00cf93000000ffff	/* kernel data */
	.quad 0x00cf9b000000ffff	/* 32-bit code, for the application processors' way up */
boot_gdt_end:
	.globl boot_gdt_pointer
boot_gdt_pointer:
	.short boot_gdt_end - boot_gdt - 1
	.quad boot_gdt
	.balign 8
boot_entry_tsc:
	.quad 0
boot_info_address:
	.long 0
boot_magic:
	.long 0
no_long_mode_text:
	.asciz "Exo-OS needs a 64-bit processor.\r\n"

	.section .boot.bss, "aw", @nobits
	.balign 4096
	.globl boot_pml4
boot_pml4:	.skip 4096
boot_pdpt:	.skip 4096
boot_pdpt_image: .skip 4096
boot_pd:	.skip 4 * 4096
boot_stack32:	.skip 256
boot_stack32_end:

	/* The boot thread's stack; the guard page below it is unmapped once the final page tables are in place. */
	.section .bss.boot_stack, "aw", @nobits
	.balign 4096
	.globl boot_stack_guard
boot_stack_guard: .skip 4096
	.globl boot_stack
boot_stack:	.skip 16384
	.globl boot_stack_end
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
