/*
 * Copies between kernel and user memory that survive a fault. STAC and CLAC are replaced by NOPs at boot on processors without SMAP
 * (user_copy.c), so each site is listed in .smap_sites.
 */
#include <x86/extable.h>

	.macro smap_site instruction
	.pushsection .smap_sites, "a"
	.quad .Lsmap\@
	.popsection
.Lsmap\@:
	\instruction
	.endm

	.text
/*
 * size_t copy_from_user_part(void *dst, uaddr_t src, size_t len), and the other way round: how many bytes were not copied. By quadwords, then
 * by bytes; when a quadword faults, what is left goes by bytes, so that the count is exact up to the bad page. On processors that make one
 * REP MOVSB fast, user_copy.c writes into the comparison from which length on: until then no range is that long.
 */
	.pushsection .rodata
	.globl user_copy_fast_from
	.balign 8
user_copy_fast_from:
	.quad .Lcompared - 4
	.popsection
	.globl copy_from_user_part, copy_to_user_part
	.balign 16
copy_from_user_part:
copy_to_user_part:
	smap_site stac
	movq %rdx, %rcx
	cmpq $0x7fffffff, %rdx
.Lcompared:
	jae 6f
	shrq $3, %rcx
	andl $7, %edx
1:	rep movsq
	movl %edx, %ecx
2:	rep movsb
	xorl %eax, %eax
	smap_site clac
	ret
3:	leaq (%rdx, %rcx, 8), %rcx
4:	rep movsb
5:	movq %rcx, %rax
	smap_site clac
	ret
6:	rep movsb
	jmp 5b
	extable 1b, 3b
	extable 2b, 5b
	extable 4b, 5b
	extable 6b, 5b

/* size_t clear_user_part(uaddr_t dst, size_t len): how many bytes were not cleared. */
	.globl clear_user_part
	.balign 16
clear_user_part:
	smap_site stac
	movq %rsi, %rcx
	movl %esi, %edx
	shrq $3, %rcx
	andl $7, %edx
	xorl %eax, %eax
1:	rep stosq
	movl %edx, %ecx
2:	rep stosb
	smap_site clac
	ret
3:	leaq (%rdx, %rcx, 8), %rcx
4:	rep stosb
5:	movq %rcx, %rax
	smap_site clac
	ret
	extable 1b, 3b
	extable 2b, 5b
	extable 4b, 5b

/*
 * int64_t user_strncpy_raw(char *dst, const char *src, size_t size): length without the NUL, `size` when there is none in size bytes,
 * -EFAULT. By quadwords, as long as one fits into dst: w has a zero byte exactly when (w - 01…01) & ~w & 80…80 is not 0, and its lowest set bit
 * lies in the first such byte. A quadword that faults may reach beyond the string into a page that is not there: on by bytes.
 */
	.globl user_strncpy_raw
	.balign 16
user_strncpy_raw:
	xorl %eax, %eax
	movabsq $-0x0101010101010101, %r8
	movabsq $0x8080808080808080, %r9
	smap_site stac
	leaq -8(%rdx), %r11
	cmpq $8, %rdx
	jb 3f
1:	movq (%rsi, %rax), %rcx
	leaq (%rcx, %r8), %r10
	movq %rcx, (%rdi, %rax)
	notq %rcx
	andq %r9, %r10
	andq %rcx, %r10
	jnz 2f
	addq $8, %rax
	cmpq %r11, %rax
	jbe 1b
	jmp 3f
2:	bsfq %r10, %r10
	shrl $3, %r10d
	addq %r10, %rax
	jmp 5f

3:	cmpq %rdx, %rax
	je 5f
4:	movb (%rsi, %rax), %cl
	movb %cl, (%rdi, %rax)
	testb %cl, %cl
	jz 5f
	incq %rax
	jmp 3b
5:	smap_site clac
	ret
6:	movq $-14, %rax
	jmp 5b
	extable 1b, 3b
	extable 4b, 6b

/* int user_cas_4(uint32_t *addr, uint32_t expected, uint32_t desired, uint32_t *old) */
	.globl user_cas_4
	.balign 16
user_cas_4:
	movl %esi, %eax
	smap_site stac
1:	lock cmpxchgl %edx, (%rdi)
	smap_site clac
	movl %eax, (%rcx)
	xorl %eax, %eax
	ret
	extable 1b, user_access_failed

user_access_failed:
	smap_site clac
	movl $-14, %eax
	ret

	.section .note.GNU-stack, "", @progbits
