/* Showing the processor's registers; the one file here that knows their names. */
#include <debug/panic.h>
#include <debug/symbol.h>
#include <log/log.h>

#define READ_CONTROL(name)                                                                         \
	({                                                                                         \
		uint64_t value_;                                                                   \
		__asm__ volatile("movq %%" name ", %0" : "=r"(value_));                            \
		value_;                                                                            \
	})

static void print_control_registers(void)
{
	console_printf("cr0 %016lx  cr2 %016lx  cr3 %016lx  cr4 %016lx\n", READ_CONTROL("cr0"),
	    READ_CONTROL("cr2"), READ_CONTROL("cr3"), READ_CONTROL("cr4"));
}

void registers_print(const struct registers *regs)
{
	char text[SYMBOL_TEXT_MAX];
	console_printf("rip %016lx  %s\n", regs->rip, symbol_format(text, regs->rip));
	console_printf("rsp %016lx  rbp %016lx  rflags %08lx  cs %02lx  ss %02lx\n", regs->rsp,
	    regs->rbp, regs->rflags, regs->cs, regs->ss);
	console_printf("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", regs->rax, regs->rbx,
	    regs->rcx, regs->rdx);
	console_printf("rsi %016lx  rdi %016lx  r8  %016lx  r9  %016lx\n", regs->rsi, regs->rdi,
	    regs->r8, regs->r9);
	console_printf("r10 %016lx  r11 %016lx  r12 %016lx  r13 %016lx\n", regs->r10, regs->r11,
	    regs->r12, regs->r13);
	console_printf("r14 %016lx  r15 %016lx  vector %lu  error %#lx\n", regs->r14, regs->r15,
	    regs->vector, regs->error);
	print_control_registers();
}

void registers_print_call(const struct registers *regs)
{
	char text[SYMBOL_TEXT_MAX];
	console_printf("rip %016lx  %s\n", regs->rip, symbol_format(text, regs->rip));
	console_printf("rsp %016lx  rbp %016lx\n", regs->rsp, regs->rbp);
	print_control_registers();
}
