/*
 * Switching stacks. The compiler has already saved what a call may destroy; the six registers that it may not are pushed,
 * the stack pointers exchanged, and the other thread's six popped. RIP is the return address. System V ABI, §3.2.1.
 */

	.text

	/* struct context *context_switch(struct context *from, const struct context *to) */
	.globl context_switch
	.type context_switch, @function
	.balign 16
context_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq (%rsi), %rsp
	movq %rdi, %rax			/* whom the other comes from */
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size context_switch, . - context_switch

	/* Where context_init makes the first switch to a thread return to: entry in r12, its argument in rbx. */
	.globl context_first
	.type context_first, @function
	.balign 16
context_first:
	movq %rbx, %rdi
	movq %rax, %rsi
	xorl %ebp, %ebp			/* the end of every backtrace */
	pushq $0			/* no return address: entry never returns */
	jmp *%r12
	.size context_first, . - context_first

	.section .note.GNU-stack, "", @progbits
