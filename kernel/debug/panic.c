/*
 * Panic. Everything here may be as broken as what it reports on, so: no lock is waited for, nothing is allocated, every
 * wait is bounded, and a panic inside the panic ends the report where it stands.
 */
#include <acpi/power.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <boot/boot_info.h>
#include <debug/backtrace.h>
#include <debug/panic.h>
#include <debug/symbol.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <log/assert.h>
#include <log/log.h>
#include <sched/thread.h>
#include <sync/lock_debug.h>
#include <time/clock.h>
#include <x86/io.h>

#define LOG_LINES 40
/* The wait for the others to stop: both bounds, because nothing is known about this CPU's clock. */
#define STOP_WAIT_LOOPS 10000000u
#define STOP_WAIT_TICKS 300000000ull
#define TSC_HZ_GUESS    2000000000ull /* before the TSC was measured */

static uint32_t panic_owner; /* a: CPU number + 1 of the first to panic */
static unsigned panic_depth; /* of the owner */
static cpumask_t stopped;    /* a: have seen the NMI */

struct stop_place {
	uintptr_t ip, frame;
};
static struct stop_place
    stop_places[CPU_MAX]; /* each its own CPU's, before it sets its bit in `stopped` */

bool panic_in_progress(void)
{
	return atomic_load(&panic_owner) != 0;
}

void panic_catch_nmi(const struct registers *regs)
{
	uint32_t owner = atomic_load(&panic_owner);
	if (owner == 0 || owner == this_cpu() + 1)
		return;
	stop_places[this_cpu()] = (struct stop_place){regs->rip, regs->rbp};
	atomic_fetch_or(&stopped, cpumask_of(this_cpu()));
	cpu_stop();
}

void exit_to_host(uint8_t code)
{
	uint64_t port = cmdline_get_size(boot_info.cmdline, "exit_port", 0);
	if (port > 0 && port <= UINT16_MAX)
		io_out8((uint16_t)port, code);
}

static cpumask_t stop_others(void)
{
	cpumask_t others = atomic_load(&cpu_online_mask) & ~cpumask_of(this_cpu());
	if (!others)
		return 0;
	smp_send_ipi_mask(others, IPI_STOP);
	uint64_t start = cpu_timestamp();
	for (unsigned i = 0; i < STOP_WAIT_LOOPS && cpu_timestamp() - start < STOP_WAIT_TICKS;
	     i++) {
		if ((atomic_load(&stopped) & others) == others)
			break;
		cpu_relax();
	}
	return others;
}

static void print_others(cpumask_t others)
{
	for_each_cpu_in(cpu, others) {
		if (!(atomic_load(&stopped) & cpumask_of(cpu))) {
			console_printf("CPU %u did not stop\n", cpu);
			continue;
		}
		console_printf("CPU %u was at\n", cpu);
		backtrace_print(stop_places[cpu].ip, stop_places[cpu].frame);
	}
}

static void print_log_line(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	console_write(text, len);
}

/* By the TSC: interrupts are off, and nothing else is to be trusted now. */
static void wait_seconds(uint64_t seconds)
{
	uint64_t hz = tsc_frequency_hz();
	uint64_t ticks = seconds * (hz ? hz : TSC_HZ_GUESS);
	uint64_t start = cpu_timestamp();
	while (cpu_timestamp() - start < ticks)
		cpu_relax();
}

static NORETURN void finish(void)
{
	exit_to_host(PANIC_EXIT_CODE);
	uint64_t seconds = cmdline_get_size(boot_info.cmdline, "panic", 0);
	if (seconds > 0) {
		console_printf("restarting in %lu seconds\n", seconds);
		wait_seconds(seconds);
		machine_reset();
	}
	cpu_stop();
}

static void print_thread(void)
{
	const struct thread *thread = current_thread();
	if (!thread)
		return;
	if (address_is_readable((uintptr_t)thread))
		console_printf("thread %u \"%.*s\"%s\n", thread->id, THREAD_NAME_MAX, thread->name,
		    in_interrupt() ? ", in an interrupt" : "");
	else
		console_printf("thread at %p, which cannot be read\n", (const void *)thread);
}

static void report(const struct registers *regs, bool is_call)
{
	if (is_call)
		registers_print_call(regs);
	else
		registers_print(regs);
	console_printf("backtrace\n");
	backtrace_print(regs->rip, regs->rbp);
	locks_print_held();
}

/* is_call: somebody called panic(), and only RIP, RSP and RBP are known. */
static NORETURN PRINTF_LIKE(3, 0) void die(
    const struct registers *regs, bool is_call, const char *format, va_list args)
{
	irq_disable();
	uint32_t self = this_cpu() + 1, owner = 0;
	if (!atomic_cas(&panic_owner, &owner, self) && owner != self)
		cpu_stop(); /* another was first; its report will show us where its NMI found us */

	locks_break();
	console_break_lock();
	char message[256], place[SYMBOL_TEXT_MAX];
	switch (panic_depth++) {
	case 0: break;
	case 1:
		vsnprintf(message, sizeof(message), format, args);
		console_printf("\npanic inside the panic: %s\n  at %s\n", message,
		    symbol_format(place, regs->rip));
		finish();
	case 2: finish();
	default: cpu_stop(); /* even ending fails */
	}

	cpumask_t others = stop_others();
	vsnprintf(message, sizeof(message), format, args);
	console_printf("\n*** panic on CPU %u: %s\n", this_cpu(), message);
	print_thread();
	report(regs, is_call);
	print_others(others);
	console_printf("last lines of the log\n");
	log_replay(print_log_line, NULL, LOG_LINES);
	console_printf("*** end of panic\n");
	finish();
}

void panic(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	/* On the stack lie the caller's RBP, then the return address, then what the caller's RSP pointed to. */
	const uintptr_t *frame = __builtin_frame_address(0);
	struct registers caller = {
	    .rip = frame[1] - 1, .rsp = (uintptr_t)&frame[2], .rbp = frame[0]};
	die(&caller, true, format, args);
}

void panic_with_registers(const struct registers *regs, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	die(regs, false, format, args);
}
