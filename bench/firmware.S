/*
 * A kernel that says how many instructions the machine had done before the first one of a kernel: its time stamp counter, in decimal on
 * the serial line. Loaded by its PVH note, as Exo-OS is; 32-bit code without a stack.
 */
	.section .note, "a", @note
	.long 4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start

	.text
	.code32
	.globl _start
_start:
	rdtsc
	movl $text_end, %esi	/* digits are stored from the last to the first */
	movl $10, %ebx
	movl %edx, %ecx
	movl %eax, %ebp
1:	xorl %edx, %edx		/* ecx:ebp divided by ten, the remainder is a digit */
	movl %ecx, %eax
	divl %ebx
	movl %eax, %ecx
	movl %ebp, %eax
	divl %ebx
	movl %eax, %ebp
	addb $'0', %dl
	decl %esi
	movb %dl, (%esi)
	orl %ecx, %eax
	jnz 1b
	movl $word, %edi
	movl $0x3f8, %edx
2:	movb (%edi), %al
	testb %al, %al
	jz 3f
	outb %al, %dx
	incl %edi
	jmp 2b
3:	cmpl $text_end, %esi
	jae 4f
	movb (%esi), %al
	outb %al, %dx
	incl %esi
	jmp 3b
4:	movb $'\n', %al
	outb %al, %dx
	movl $0xcf9, %edx	/* reset; QEMU ends with -no-reboot */
	movb $6, %al
	outb %al, %dx
5:	hlt
	jmp 5b
	.data
word:	.asciz "\nfirmware "

	.data
text:	.skip 24
text_end:
