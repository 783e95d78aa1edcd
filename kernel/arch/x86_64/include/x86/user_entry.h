/* Entries from user mode (syscall_entry.S) and the work on the way back (user.c). */
#pragma once

#include <arch/user.h>

extern const char syscall_entry[];
NORETURN void user_enter_frame(const struct registers *regs);
/* Before returning to user code from a system call, exception or interrupt; comes back with interrupts off. */
void user_exit_work(struct registers *regs);
/* An exception of user code. */
void trap_from_user(struct registers *regs);

/* The saved vector state of a thread (not while it is in the registers). */
void *user_fpu_state(struct thread *thread);
