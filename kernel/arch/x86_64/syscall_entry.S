/*
 * System calls from user code. The straight path: switch stacks, save what the user expects to keep and the C calling convention does not, call
 * through the table that this thread uses, test once for work, return. There is no test on the way in: a thread that
 * is traced or restricted, or that uses the native calls, has another table.
 *
 * On the stack is a struct registers, always at the same place below the top of the kernel stack. The callee-saved six are in it only
 * after a full-frame entry or once there is exit work.
 */
#include <x86/boot.h>
#include <x86/registers.h>
#include <x86/user_asm.h>

	.section .text.entry, "ax"
	.globl syscall_entry
	.balign 64
syscall_entry:
	swapgs
	movq %rsp, %gs:user_stack_scratch
	movq %gs:user_frame, %rsp
	movq %rcx, REG_RIP(%rsp)
	movq %gs:user_stack_scratch, %rcx
	movq %r11, REG_RFLAGS(%rsp)
	movq %rax, REG_ORIG_RAX(%rsp)
	movq %rcx, REG_RSP(%rsp)
	movq %rdi, REG_RDI(%rsp)
	movq %rsi, REG_RSI(%rsp)
	movq %rdx, REG_RDX(%rsp)
	movq %r10, REG_R10(%rsp)
	movq %r8, REG_R8(%rsp)
	movq %r9, REG_R9(%rsp)
	sti
	movq %r10, %rcx
	cmpl $SYSCALL_TABLE_SIZE, %eax
	jae no_such_call
	movl %eax, %eax
	movq %gs:syscall_table_of_thread, %r11
	call *(%r11, %rax, 8)
syscall_return:
	movq %gs:current_thread_ptr, %rcx
	cli
	cmpl $0, THREAD_USER_WORK(%rcx)
	jne syscall_work
	movq REG_R9(%rsp), %r9
	movq REG_R8(%rsp), %r8
	movq REG_R10(%rsp), %r10
	movq REG_RDX(%rsp), %rdx
	movq REG_RSI(%rsp), %rsi
	movq REG_RDI(%rsp), %rdi
	movq REG_RFLAGS(%rsp), %r11
	movq REG_RIP(%rsp), %rcx
	movq REG_RSP(%rsp), %rsp
	swapgs
	sysretq

no_such_call:
	movq $-38, %rax			/* ENOSYS */
	jmp syscall_return

	/* Completes the frame, does the work, and leaves by IRET, which restores any registers whatever. */
syscall_work:
	testl $USER_WORK_FULL_RETURN_BIT, THREAD_USER_WORK(%rcx)
	jnz 1f				/* the call itself has written the frame */
	movq %rax, REG_RAX(%rsp)
	save_callee_saved 0
	complete_frame
1:	sti
	movq %rsp, %rdi
	call user_exit_work	/* comes back with interrupts off */
	jmp return_to_user

/*
 * Calls that need all registers (fork, execve, sigreturn, …) are entered through these. The frame is above the return address. A call that
 * changes the registers themselves sets USER_WORK_FULL_RETURN, so that nothing of the straight path overwrites them.
 */
	.macro full_frame_stub name
	.globl full_frame_sys_\name
full_frame_sys_\name:
	save_callee_saved 8
	complete_frame_at 8
	jmp sys_\name
	.endm

#define SYS(number, name, tier, promise, flags, arguments) SYS_##flags(name)
#define SYS_0(name)
#define SYS_FULL_FRAME(name) full_frame_stub name
#define NOT(number, name)
#include <abi/linux.tbl.h>

/* Leaves to user mode through the complete frame at the stack pointer. Interrupts are off. */
	.globl return_to_user
return_to_user:
	restore_registers
	swapgs
	iretq

/* NORETURN void user_leave(struct registers *regs): the frame is where entries put it, so what is below it on the stack is done with. */
	.globl user_leave
user_leave:
	movq %rdi, %rsp
	call user_exit_work
	jmp return_to_user

/* NORETURN void user_enter_frame(const struct registers *regs): a new thread's or program's first way out. Interrupts are off. */
	.globl user_enter_frame
user_enter_frame:
	movq %rdi, %rsi
	movq %gs:user_frame, %rdi
	movq %rdi, %rsp
	movl $REG_SIZE / 8, %ecx
	rep movsq
	jmp return_to_user

	.section .note.GNU-stack, "", @progbits
