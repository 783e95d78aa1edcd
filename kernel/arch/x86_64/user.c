/*
 * The user side of a thread: where its registers are saved, what is switched with it, and how it gets to user mode.
 */
#include <arch/cpu.h>
#include <arch/user.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <x86/boot.h>
#include <x86/cpuid.h>
#include <x86/fpu.h>
#include <x86/gdt.h>
#include <x86/msr.h>
#include <x86/registers.h>
#include <x86/user_asm.h>
#include <x86/user_entry.h>
#include <x86/user_state.h>

#include <x86/thread_offsets.h>

static_assert(offsetof(struct thread, user_work) == THREAD_USER_WORK, "thread_offsets.h");
static_assert(USER_WORK_FULL_RETURN == USER_WORK_FULL_RETURN_BIT, "user_asm.h");
static_assert(offsetof(struct registers, rax) == REG_RAX, "user_asm.h");
static_assert(offsetof(struct registers, r10) == REG_R10, "user_asm.h");
static_assert(offsetof(struct registers, rbx) == REG_RBX, "user_asm.h");
static_assert(offsetof(struct registers, vector) == REG_VECTOR, "user_asm.h");
static_assert(offsetof(struct registers, error) == REG_ORIG_RAX, "user_asm.h");
static_assert(offsetof(struct registers, rip) == REG_RIP, "user_asm.h");
static_assert(offsetof(struct registers, ss) == REG_SS, "user_asm.h");
static_assert(sizeof(struct registers) == REG_SIZE, "user_asm.h");

#define RFLAGS_FIXED            0x2u
#define RFLAGS_DF               (1u << 10)
#define RFLAGS_TF               (1u << 8)
#define RFLAGS_AC               (1u << 18)
#define RFLAGS_NT               (1u << 14)
#define RFLAGS_IOPL             (3u << 12)
#define NR_RESTART_SYSCALL      219
#define SYSCALL_INSTRUCTION_LEN 2

PER_CPU(uintptr_t, user_stack_scratch);
PER_CPU(uintptr_t, user_frame);
PER_CPU(syscall_table_t, syscall_table_of_thread);
PER_CPU(unsigned, page_faults_disabled);
PER_CPU(bool, interrupted_user);
static struct slab_cache *state_cache;

void user_init(void)
{
	state_cache = slab_cache_create(
	    "user_state", sizeof(struct user_state) + fpu_state_size, FPU_STATE_ALIGN);
	assert(state_cache);
}

void user_init_cpu(void)
{
	fpu_init_cpu();
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
	/* SYSRET adds 8 and 16 to the upper selector for SS and CS. */
	msr_write(MSR_STAR,
	    (uint64_t)(SELECTOR_USER_CODE32 | 3) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
	msr_write(MSR_LSTAR, (uintptr_t)syscall_entry);
	msr_write(
	    MSR_SFMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_AC | RFLAGS_NT | RFLAGS_IOPL);
}

struct user_state *user_state_create(void)
{
	struct user_state *state = slab_alloc(state_cache, 0);
	if (!state)
		return NULL;
	state->special = (struct user_special){0};
	user_state_reset(state);
	return state;
}

struct user_state *user_state_clone(const struct user_state *parent)
{
	struct user_state *state = slab_alloc(state_cache, 0);
	if (!state)
		return NULL;
	irq_flags_t flags = irq_save();
	if (current_thread()->user == parent) {
		fpu_save(current_thread()->user->fpu);
		current_thread()->user->fs_base = user_fs_base();
		current_thread()->user->gs_base = user_gs_base();
	}
	memcpy(state, parent, sizeof(*state) + fpu_state_size);
	irq_restore(flags);
	if (likely(!state->special.any) || user_special_clone(&state->special))
		return state;
	slab_free(state_cache, state);
	return NULL;
}

void user_state_destroy(struct user_state *state)
{
	if (unlikely(state->special.any))
		user_special_free(&state->special);
	slab_free(state_cache, state);
}

struct user_state *user_state_detach(void)
{
	struct thread *thread = current_thread();
	irq_flags_t flags = irq_save();
	struct user_state *state = thread->user;
	if (state && state->special.any)
		user_special_leave();
	thread->user = NULL;
	irq_restore(flags);
	return state;
}

void user_state_reset(struct user_state *state)
{
	state->fs_base = state->gs_base = 0;
	state->table = linux_syscall_table;
	fpu_state_init(state->fpu);
	if (current_thread()->user != state)
		return;
	irq_flags_t flags = irq_save();
	fpu_restore(state->fpu);
	user_set_fs_base(0);
	user_set_gs_base(0);
	this_cpu_write(syscall_table_of_thread, state->table);
	irq_restore(flags);
}

void *user_fpu_state(struct thread *thread)
{
	return thread->user->fpu;
}

struct registers *user_registers(struct thread *thread)
{
	return (struct registers *)((uintptr_t)thread->stack + KERNEL_STACK_SIZE) - 1;
}

void user_registers_init(struct registers *regs, uaddr_t entry, uaddr_t stack)
{
	*regs = (struct registers){
	    .vector = VECTOR_SYSCALL,
	    .error = UINT64_MAX, /* no call to restart */
	    .rip = entry.va,
	    .cs = SELECTOR_USER_CODE | 3,
	    .rflags = RFLAGS_FIXED | RFLAGS_IF,
	    .rsp = stack.va,
	    .ss = SELECTOR_USER_DATA | 3,
	};
}

struct registers *user_start_registers(struct user_state *state)
{
	return &state->start;
}

void user_registers_copy(struct registers *to, const struct registers *from)
{
	*to = *from;
}

/* The frame goes to the top of the stack, where this function's caller has its own: assembly copies it. */
NORETURN void user_enter(void)
{
	struct thread *thread = current_thread();
	irq_disable();
	user_switch(NULL, thread);
	user_enter_frame(&thread->user->start);
}

void user_registers_changed(void)
{
	user_work_set(current_thread(), USER_WORK_FULL_RETURN);
}

void user_registers_set_result(struct registers *regs, int64_t value)
{
	regs->rax = (uint64_t)value;
}

void user_registers_set_stack(struct registers *regs, uaddr_t stack)
{
	regs->rsp = stack.va;
}

bool user_registers_in_syscall(const struct registers *regs)
{
	return regs->vector == VECTOR_SYSCALL && regs->error != UINT64_MAX;
}

int64_t user_registers_result(const struct registers *regs)
{
	return (int64_t)regs->rax;
}

void user_registers_restart_syscall(struct registers *regs)
{
	regs->rax = regs->error;
	regs->rip -= SYSCALL_INSTRUCTION_LEN;
}

void user_registers_call_restart_syscall(struct registers *regs)
{
	regs->rax = NR_RESTART_SYSCALL;
	regs->rip -= SYSCALL_INSTRUCTION_LEN;
}

/* With FSGSBASE the user may change its bases at any time, so they are read back at every switch. */
uintptr_t user_fs_base(void)
{
	if (!cpu_features.fsgsbase)
		return msr_read(MSR_FS_BASE);
	uintptr_t base;
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

void user_set_fs_base(uintptr_t base)
{
	if (cpu_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		msr_write(MSR_FS_BASE, base);
}

/* The user's GS base waits in the register that SWAPGS exchanges. */
uintptr_t user_gs_base(void)
{
	if (!cpu_features.fsgsbase)
		return msr_read(MSR_KERNEL_GS_BASE);
	uintptr_t base;
	irq_flags_t flags = irq_save();
	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base));
	irq_restore(flags);
	return base;
}

void user_set_gs_base(uintptr_t base)
{
	if (!cpu_features.fsgsbase) {
		msr_write(MSR_KERNEL_GS_BASE, base);
		return;
	}
	irq_flags_t flags = irq_save();
	__asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(base));
	irq_restore(flags);
}

void user_state_set_fs_base(struct user_state *state, uintptr_t base)
{
	state->fs_base = base;
}

void user_switch(struct thread *from, struct thread *to)
{
	if (from && from->user) {
		from->user->fs_base = user_fs_base();
		from->user->gs_base = user_gs_base();
		fpu_save(from->user->fpu);
		if (unlikely(from->user->special.any))
			user_special_leave();
	}
	if (!to->user)
		return;
	uintptr_t stack_top = (uintptr_t)to->stack + KERNEL_STACK_SIZE;
	this_cpu_write(user_frame, stack_top - sizeof(struct registers));
	this_cpu_write(syscall_table_of_thread, to->user->table);
	gdt_set_kernel_stack(stack_top);
	user_set_fs_base(to->user->fs_base);
	user_set_gs_base(to->user->gs_base);
	fpu_restore(to->user->fpu);
	if (unlikely(to->user->special.any))
		user_special_enter(&to->user->special);
}

/* Until nothing is left to do with interrupts off: what arrives later interrupts the user program. */
void user_exit_work(struct registers *regs)
{
	struct thread *thread = current_thread();
	for (;;) {
		irq_disable();
		if (this_cpu_read(need_resched)) {
			irq_enable();
			sched_preempt();
			continue;
		}
		uint32_t work = atomic_load(&thread->user_work);
		if (!work)
			return;
		irq_enable();
		if (work & USER_WORK_FULL_RETURN)
			user_work_clear(thread, USER_WORK_FULL_RETURN);
		if (work & USER_WORK_SIGNAL)
			user_work_signal(regs);
	}
}

/* CPUID's feature word, and that user code may use FSGSBASE. */
void user_hardware_capabilities(uint32_t *first, uint32_t *second)
{
	enum { HWCAP2_FSGSBASE = 2 };
	*first = cpuid(1, 0).edx;
	*second = cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0;
}

void user_registers_dump(const struct registers *regs, uint64_t *dump)
{
	const uint64_t values[USER_DUMP_REGISTERS] = {regs->r15, regs->r14, regs->r13, regs->r12,
	    regs->rbp, regs->rbx, regs->r11, regs->r10, regs->r9, regs->r8, regs->rax, regs->rcx,
	    regs->rdx, regs->rsi, regs->rdi, UINT64_MAX, regs->rip, regs->cs, regs->rflags,
	    regs->rsp, regs->ss, user_fs_base(), user_gs_base()};
	memcpy(dump, values, sizeof(values));
}
