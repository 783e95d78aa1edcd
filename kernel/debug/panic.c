/*
 * Panic. Everything here may be as broken as what it reports on, so: no lock is waited for, nothing is allocated, every
 * wait is bounded, and a panic inside the panic ends a part of the report, not the report: it goes on with the next one.
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
static cpumask_t stopped;    /* a: have seen the NMI */

/* The owner's. */
static unsigned panic_depth;
static const struct registers *reported; /* of the first panic, on its stack */
static bool is_call; /* somebody called panic(), and only RIP, RSP and RBP are known */
static cpumask_t others;
static unsigned next_part;

struct stop_place {
	uintptr_t ip, frame;
};
static struct stop_place
    stop_places[CPU_MAX]; /* each its own CPU's, before it sets its bit in `stopped` */

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

static void stop_others(void)
{
	others = atomic_load(&cpu_online_mask) & ~cpumask_of(this_cpu());
	if (!others)
		return;
	smp_send_ipi_mask(others, IPI_STOP);
	uint64_t start = cpu_timestamp();
	for (unsigned i = 0; i < STOP_WAIT_LOOPS && cpu_timestamp() - start < STOP_WAIT_TICKS;
	     i++) {
		if ((atomic_load(&stopped) & others) == others)
			break;
		cpu_relax();
	}
}

static void print_others(void)
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

static void print_log(void)
{
	console_printf("last lines of the log\n");
	log_replay(print_log_line, NULL, LOG_LINES);
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

static void print_registers(void)
{
	if (is_call)
		registers_print_call(reported);
	else
		registers_print(reported);
}

static void print_backtrace(void)
{
	console_printf("backtrace\n");
	backtrace_print(reported->rip, reported->rbp);
}

static void (*const parts[])(void) = {
    print_thread, print_registers, print_backtrace, locks_print_held, print_others, print_log};

/* Once for each part, once at the end; more is a circle. */
#define DEPTH_MAX (ARRAY_LEN(parts) + 2)

static NORETURN PRINTF_LIKE(3, 0) void die(
    const struct registers *regs, bool by_call, const char *format, va_list args)
{
	/* Not on the stack, of which little may be left, and less each time. */
	static char message[256], place[SYMBOL_TEXT_MAX];

	irq_disable();
	uint32_t self = this_cpu() + 1, owner = 0;
	if (!atomic_cas(&panic_owner, &owner, self) && owner != self)
		cpu_stop(); /* another was first; its report will show us where its NMI found us */

	locks_break();
	console_break_lock();
	unsigned depth = panic_depth++;
	if (depth > DEPTH_MAX)
		cpu_stop(); /* even ending fails */
	if (depth == DEPTH_MAX)
		finish();
	if (depth == 0) {
		reported = regs;
		is_call = by_call;
		stop_others();
	}
	vsnprintf(message, sizeof(message), format, args);
	if (depth == 0)
		console_printf("\n*** panic on CPU %u: %s\n", this_cpu(), message);
	else
		console_printf("\npanic inside the panic: %s\n  at %s\n", message,
		    symbol_format(place, regs->rip));
	while (next_part < ARRAY_LEN(parts))
		parts[next_part++]();
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
