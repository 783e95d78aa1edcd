/*
 * Exceptions. What the kernel expects (a probe of an address that may not be mapped) is repaired by the table of fixups; anything else
 * in kernel code is a bug of ours and ends in a panic that shows the registers.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/percpu.h>
#include <arch/user.h>
#include <arch/user_copy.h>
#include <log/assert.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <x86/boot.h>
#include <x86/extable.h>
#include <x86/registers.h>
#include <x86/trap.h>
#include <x86/user_copy.h>
#include <x86/user_entry.h>

#define STUB_SIZE 16

enum gate_stack { GATE_CURRENT_STACK, GATE_DOUBLE_FAULT, GATE_NMI, GATE_MACHINE_CHECK };

/* Intel SDM vol. 3A §6.14.1. */
struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};
static_assert(sizeof(struct idt_gate) == 16, "hardware layout");

static struct idt_gate idt[256] ALIGNED(16);
static PER_CPU(uint64_t, nmi_received);

static const char *const exception_names[32] = {"divide error", "debug", "NMI", "breakpoint",
    "overflow", "bound range", "invalid opcode", "no coprocessor", "double fault",
    "coprocessor overrun", "invalid TSS", "segment not present", "stack fault",
    "general protection", "page fault", NULL, "x87 error", "alignment check", "machine check",
    "SIMD error", "virtualization", "control protection"};

static void set_gate(unsigned vector, enum gate_stack stack, unsigned privilege)
{
	uintptr_t stub = (uintptr_t)trap_stubs + (uintptr_t)vector * STUB_SIZE;
	idt[vector] = (struct idt_gate){
	    .offset_low = (uint16_t)stub,
	    .selector = SELECTOR_KERNEL_CODE,
	    .ist = (uint8_t)stack,
	    /* Present, an interrupt gate: entered with interrupts off. */
	    .type = (uint8_t)(0x8e | privilege << 5),
	    .offset_middle = (uint16_t)(stub >> 16),
	    .offset_high = (uint32_t)(stub >> 32),
	};
}

void trap_init(void)
{
	for (unsigned vector = 0; vector < 256; vector++)
		set_gate(vector, GATE_CURRENT_STACK, 0);
	set_gate(TRAP_DOUBLE_FAULT, GATE_DOUBLE_FAULT, 0);
	set_gate(TRAP_NMI, GATE_NMI, 0);
	set_gate(TRAP_MACHINE_CHECK, GATE_MACHINE_CHECK, 0);
	set_gate(TRAP_BREAKPOINT, GATE_CURRENT_STACK, 3); /* user programs may use INT3 and INTO */
	set_gate(TRAP_OVERFLOW, GATE_CURRENT_STACK, 3);
}

void trap_load_idt(void)
{
	struct PACKED {
		uint16_t limit;
		uint64_t base;
	} pointer = {sizeof(idt) - 1, (uintptr_t)idt};
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

uint64_t trap_nmi_count(unsigned cpu)
{
	return *per_cpu_ptr(nmi_received, cpu);
}

/* Sorted by nobody: the table is a dozen rows and is read only when something faults. */
static const struct extable_entry *find_fixup(const struct registers *regs)
{
	for (const struct extable_entry *entry = __extable_start; entry < __extable_end; entry++)
		if (extable_address(&entry->fault) == regs->rip)
			return entry;
	return NULL;
}

static uint64_t read_cr2(void)
{
	uint64_t value;
	__asm__ volatile("movq %%cr2, %0" : "=r"(value));
	return value;
}

static NORETURN void die_of_page_fault(const struct registers *regs)
{
	uint64_t va = read_cr2();
	const char *what = va < PAGE_SIZE              ? " (null pointer)"
			   : kernel_stack_is_guard(va) ? " (kernel stack overflow)"
						       : "";
	panic_with_registers(regs, "page fault: %s of %#018llx%s",
	    regs->error & 16  ? "execution"
	    : regs->error & 2 ? "write"
			      : "read",
	    (unsigned long long)va, what);
}

/* A double fault is nearly always a kernel stack that ran into its guard page: say so. */
static NORETURN void die_of_double_fault(const struct registers *regs)
{
	bool overflow = kernel_stack_is_guard(regs->rsp - 8) || kernel_stack_is_guard(read_cr2());
	panic_with_registers(regs, "double fault%s", overflow ? " (kernel stack overflow)" : "");
}

static unsigned fault_access(const struct registers *regs)
{
	return (regs->error & 1 ? FAULT_PRESENT : 0) | (regs->error & 2 ? FAULT_WRITE : 0) |
	       (regs->error & 4 ? FAULT_USER : 0) | (regs->error & 16 ? FAULT_EXEC : 0);
}

/* The kernel touched user memory through <arch/user_copy.h> and the page is not there (yet). */
static bool resolve_kernel_fault(const struct registers *regs)
{
	uintptr_t va = read_cr2();
	if (va >= USER_END || this_cpu_read(page_faults_disabled) || !current_thread()->task ||
	    !(regs->rflags & RFLAGS_IF))
		return false;
	struct user_exception ignored;
	irq_enable();
	bool resolved = page_fault_resolve(va, fault_access(regs), &ignored);
	irq_disable();
	return resolved;
}

void trap_exception(struct registers *regs)
{
	if (regs->vector == TRAP_NMI) {
		panic_catch_nmi(regs);
		this_cpu_inc(nmi_received);
		return;
	}
	const struct extable_entry *fixup = find_fixup(regs);
	if (fixup) {
		if (regs->vector != TRAP_PAGE_FAULT || !resolve_kernel_fault(regs))
			regs->rip = extable_address(&fixup->fixup);
		return;
	}
	if (regs->vector == TRAP_PAGE_FAULT)
		die_of_page_fault(regs);
	if (regs->vector == TRAP_DOUBLE_FAULT)
		die_of_double_fault(regs);
	const char *name =
	    regs->vector < ARRAY_LEN(exception_names) ? exception_names[regs->vector] : NULL;
	panic_with_registers(regs, "%s (exception %llu, error code %#llx)",
	    name ? name : "exception", (unsigned long long)regs->vector,
	    (unsigned long long)regs->error);
}

/* Which signal an exception of user code is, and its si_code. Linux's numbers. */
static const struct {
	uint8_t signal, code;
} exception_signals[32] = {
    [0] = {8, 1},     /* divide error: SIGFPE, FPE_INTDIV */
    [1] = {5, 2},     /* debug: SIGTRAP, TRAP_TRACE */
    [3] = {5, 0x80},  /* breakpoint: SIGTRAP, SI_KERNEL */
    [4] = {11, 0x80}, /* overflow: SIGSEGV */
    [5] = {11, 0x80}, /* bound range */
    [6] = {4, 2},     /* invalid opcode: SIGILL, ILL_ILLOPN */
    [7] = {11, 0x80},
    [10] = {11, 0x80},
    [11] = {7, 0x80}, /* segment not present: SIGBUS */
    [12] = {7, 0x80},
    [13] = {11, 0x80}, /* general protection: SIGSEGV */
    [16] = {8, 7},     /* x87: SIGFPE, FPE_FLTINV */
    [17] = {7, 1},     /* alignment: SIGBUS, BUS_ADRALN */
    [19] = {8, 7},     /* SIMD */
    [21] = {11, 0x80},
};

/* Instructions that report where they were, as Linux's si_addr: the others give no address. */
static bool has_instruction_address(uint64_t vector)
{
	return vector == 0 || vector == 6 || vector == 16 || vector == 19;
}

void trap_from_user(struct registers *regs)
{
	uintptr_t fault_address = read_cr2(); /* before anything else can fault */
	struct user_exception exception = {
	    .trap = (uint32_t)regs->vector, .error = (uint32_t)regs->error};
	irq_enable();

	if (regs->vector == TRAP_PAGE_FAULT) {
		if (page_fault_resolve(fault_address, fault_access(regs), &exception))
			goto out;
		exception.trap = TRAP_PAGE_FAULT;
		exception.error = (uint32_t)regs->error;
	} else {
		exception.signal = exception_signals[regs->vector].signal;
		exception.code = exception_signals[regs->vector].code;
		exception.address = has_instruction_address(regs->vector) ? regs->rip : 0;
	}
	if (!user_exception(&exception))
		log_debug("fault",
		    "thread %u (%s): exception %llu at %#llx, address %#lx, stack %#llx",
		    current_thread()->id, current_thread()->name, (unsigned long long)regs->vector,
		    (unsigned long long)regs->rip, fault_address, (unsigned long long)regs->rsp);
out:
	user_exit_work(regs);
}
