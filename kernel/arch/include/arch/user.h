/*
 * User mode, seen from the kernel: the registers a thread has there, how it gets there, and what is switched besides the stack. x86_64's
 * registers are struct registers (<x86/registers.h>), saved at the top of the thread's kernel stack on every entry;
 * system calls save the callee-saved ones only when the table says so or there is work to do on the way out.
 */
#pragma once

#include <lib/atomic.h>
#include <lib/types.h>
#include <sched/thread.h>

/* In an interrupt handler: whether it came while user code ran. */
DECLARE_PER_CPU(bool, interrupted_user);

struct registers;

/* Machine state that only threads with a user side have. Allocated with the process's thread; NULL in kernel threads. */
struct user_state;

MUST_USE struct user_state *user_state_create(void);
/* A child's copy, vector registers included. */
MUST_USE struct user_state *user_state_clone(const struct user_state *parent);
void user_state_destroy(struct user_state *state);
/* The current thread's, which is about to end, is taken from it. */
struct user_state *user_state_detach(void);
/* execve: vector registers and segment bases as at program start. */
void user_state_reset(struct user_state *state);

/* Where this thread's user registers are saved. Complete only on entries that save everything: FULL_FRAME calls,
 * exceptions, interrupts, and inside user_exit_work. */
struct registers *user_registers(struct thread *thread);

/* Fresh registers for execve: everything zero but these. */
void user_registers_init(struct registers *regs, uaddr_t entry, uaddr_t stack);
/* Where a thread that has not been in user mode yet keeps the registers it will begin with. */
struct registers *user_start_registers(struct user_state *state);
/* Goes to user mode with them: what a new thread's entry function ends with. */
NORETURN void user_enter(void);
void user_registers_copy(struct registers *to, const struct registers *from);
/* After a full-frame call changed the registers (execve): they are all loaded on the way out. */
void user_registers_changed(void);
/* The way out at once, with the current thread's registers as they are: what a full-frame call ends with that has no result. */
NORETURN void user_leave(struct registers *regs);

void user_registers_set_result(struct registers *regs, int64_t value);
void user_registers_set_stack(struct registers *regs, uaddr_t stack);
/* Whether the entry was a system call, and what it returned; for restarting it. */
bool user_registers_in_syscall(const struct registers *regs);
int64_t user_registers_result(const struct registers *regs);
void user_registers_restart_syscall(struct registers *regs);      /* the same call again */
void user_registers_call_restart_syscall(struct registers *regs); /* restart_syscall(2) instead */

/* As Linux's user_regs_struct has them, of the current thread: for core dumps. */
#define USER_DUMP_REGISTERS 27
void user_registers_dump(const struct registers *regs, uint64_t *dump);

/* Segment bases of the current thread, and of one that has not run yet. */
void user_set_fs_base(uintptr_t base);
uintptr_t user_fs_base(void);
void user_set_gs_base(uintptr_t base);
uintptr_t user_gs_base(void);
void user_state_set_fs_base(struct user_state *state, uintptr_t base);

/* What the current thread may do in user mode, besides computing; children inherit it, and execve leaves it. Ports: ioperm(2) and iopl(2). */
#define USER_PORT_COUNT 65536u
MUST_USE int user_ports_allow(unsigned first, unsigned count, bool allow); /* 0 or -ENOMEM */
unsigned user_io_level(void);
void user_set_io_level(unsigned level);
bool user_may_read_timestamp(void);
void user_allow_timestamp(bool allow);

/*
 * Work on the way to user mode, seen by one test: bits in thread->user_work. Set from any context (an interrupt to
 * the CPU that runs the thread makes it look); cleared by user_exit_work, with all registers saved.
 */
enum user_work {
	USER_WORK_SIGNAL = 1 << 0,      /* look at the signal queues */
	USER_WORK_FULL_RETURN = 1 << 1, /* registers were changed: load them all */
};
static inline void user_work_set(struct thread *thread, unsigned work)
{
	atomic_fetch_or(&thread->user_work, work);
}

static inline void user_work_clear(struct thread *thread, unsigned work)
{
	atomic_fetch_and(&thread->user_work, ~work);
}
/* Hooks, defined above. regs are complete; interrupts on; may sleep; may not return (exit). */
void user_work_signal(struct registers *regs);

/*
 * Exceptions. A page fault of user code, or of the kernel inside <arch/user_copy.h>, is first given to page_fault_resolve (a hook of
 * the memory subsystem): true when the instruction can be tried again. Otherwise, and for all other exceptions of user code,
 * user_exception (a hook of the signal code) raises the signal; false: nobody handles it, and the process ends.
 */
struct user_exception {
	int signal, code; /* Linux's numbers */
	uintptr_t address;
	uint32_t trap, error; /* as the processor gave them; for the signal frame */
};
enum { FAULT_WRITE = 1, FAULT_EXEC = 2, FAULT_USER = 4, FAULT_PRESENT = 8 };
MUST_USE bool page_fault_resolve(uintptr_t va, unsigned access, struct user_exception *exception);
bool user_exception(const struct user_exception *exception);

/*
 * Signal frames. push builds the frame that Linux's ABI describes (siginfo, ucontext, vector state) on the user's stack or the
 * alternate one, and points the registers at the handler; -EFAULT when the stack cannot be written. pop (rt_sigreturn) takes registers,
 * mask and alternate stack back; -EFAULT when the frame is not sane. push is for the way to user mode, where all registers are loaded.
 */
struct user_alt_stack {
	uaddr_t base;
	size_t size;
	uint32_t flags; /* SS_ONSTACK, SS_DISABLE, SS_AUTODISARM */
};

#define USER_SIGINFO_WORDS 6 /* of siginfo's 16 that may be other than 0 */

struct user_signal {
	int number;
	bool use_alt_stack;
	const uint64_t *siginfo; /* as user space sees it: USER_SIGINFO_WORDS */
	uaddr_t handler, restorer;
	uint64_t mask; /* to come back to */
	const struct user_alt_stack *alt_stack;
	/* Trap number, error code and address, for the context. */
	const struct user_exception *exception;
};
MUST_USE int user_signal_push(struct registers *regs, const struct user_signal *signal);
MUST_USE int user_signal_pop(
    struct registers *regs, uint64_t *mask, struct user_alt_stack *alt_stack);
/* Whether the stack pointer lies on the alternate stack. */
bool user_on_alt_stack(const struct registers *regs, const struct user_alt_stack *alt_stack);

/* For AT_MINSIGSTKSZ, AT_HWCAP and AT_HWCAP2. */
size_t user_signal_frame_size(void);
void user_hardware_capabilities(uint32_t *first, uint32_t *second);

/* The vDSO's pages; maps them and returns the base for AT_SYSINFO_EHDR through <vm/...>. */
struct address_space;
MUST_USE int user_map_vdso(struct address_space *space, uaddr_t *base);

/*
 * Part of a thread switch, with interrupts off, when either thread has a user side: vector registers, segment bases, where entries
 * find their stack. The address space is the caller's affair.
 */
void user_switch(struct thread *from, struct thread *to);
typedef void (*syscall_handler_t)(void); /* each has its own signature: called from assembly only */
typedef const syscall_handler_t *syscall_table_t;
/* What a thread's system calls go through: each has a table, so far all this one. docs/decisions/0019 says what others are for. */
extern const syscall_handler_t linux_syscall_table[];

void user_init(void);     /* boot: sizes of the vector state */
void user_init_cpu(void); /* each CPU: entry point of system calls, vector units on */
