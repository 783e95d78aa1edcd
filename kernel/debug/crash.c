/*
 * Ways to bring the kernel down on purpose, one row each: `crash=NAME` on the command line, `crash NAME` at the monitor. The tests boot each
 * and expect the whole report.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <boot/boot_info.h>
#include <debug/crash.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <log/assert.h>
#include <log/log.h>
#include <mm/page.h>
#include <sched/thread.h>
#include <time/clock.h>

static void crash_by_panic(void)
{
	panic("asked for");
}

/* Read through a volatile, or the compiler would see what comes. */
static volatile uintptr_t nowhere = 0x10;

static void crash_by_null(void)
{
	*(volatile uint32_t *)nowhere = 1;
}

static NOINLINE uintptr_t fall(uintptr_t depth)
{
	volatile uintptr_t buffer[16];
	buffer[0] = depth;
	uintptr_t below = nowhere ? fall(depth + 1) : 0;
	return below + buffer[0];
}

static void crash_by_stack(void)
{
	fall(0);
}

/* Neither the stack nor the frame pointer can be used. */
static void crash_by_registers(void)
{
	__asm__ volatile("movq $0xffff800000000003, %rbp; movq $0x77, %rsp; ud2");
}

/* All that was ever allocated is out of sight: threads, page tables, the other CPUs' own data. */
static void crash_without_direct_map(void)
{
	pte_t *top = phys_to_virt(mmu_root());
	irq_disable();
	top[pt_index(DIRECT_MAP_BASE, PT_LEVELS)] = 0;
	mmu_flush_everything();
	panic("the direct map is gone");
}

static void crash_without_thread(void)
{
	irq_disable();
	this_cpu_write(current_thread_ptr, (struct thread *)0x1234567);
	panic("the current thread is not one");
}

static void panic_with_the_others(void *arg)
{
	uint32_t *here = arg;
	atomic_fetch_add(here, 1);
	while (atomic_load(here) < cpu_count)
		cpu_relax();
	panic("all at once, CPU %u", this_cpu());
}

static void crash_on_all_cpus(void)
{
	static uint32_t here;
	smp_call(atomic_load(&cpu_online_mask), panic_with_the_others, &here);
}

/* An output device that hangs, and so the console's lock is never released: the panic comes from a timer's interrupt. */
static void panic_from_interrupt(struct timer *timer)
{
	(void)timer;
	panic("from an interrupt, while the console is held");
}

static void hang_on_question(const char *text, size_t len)
{
	(void)len;
	while (text[0] == '?')
		cpu_relax();
}

static void ask(void *arg)
{
	(void)arg;
	console_write("?\n", 2);
}

static void crash_with_console_held(void)
{
	static struct timer timer;
	unsigned other = this_cpu() ? 0 : cpu_count - 1;
	console_add_output(hang_on_question);
	struct thread *thread = thread_create("asker", ask, NULL);
	if (!thread || thread_set_affinity(thread, cpumask_of(other)) != 0)
		panic("cannot start the thread");
	timer_init(&timer, panic_from_interrupt);
	timer_arm(&timer, uptime_ns() + 300 * NSEC_PER_MSEC);
	thread_start(thread);
	for (;;)
		thread_sleep(NSEC_PER_SEC);
}

/* An output device that crashes in the middle of the report. */
static void crash_on_backtrace(const char *text, size_t len)
{
	if (len >= 9 && memcmp(text, "backtrace", 9) == 0)
		crash_by_null();
}

static void crash_in_the_panic(void)
{
	console_add_output(crash_on_backtrace);
	panic("and another will follow");
}

static const struct crash {
	const char *name;
	void (*run)(void);
} crashes[] = {
    {"panic", crash_by_panic},
    {"null", crash_by_null},
    {"stack", crash_by_stack},
    {"registers", crash_by_registers},
    {"thread", crash_without_thread},
    {"map", crash_without_direct_map},
    {"all", crash_on_all_cpus},
    {"console", crash_with_console_held},
    {"twice", crash_in_the_panic},
};

void crash(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
		if (strcmp(crashes[i].name, name) == 0)
			crashes[i].run();
	console_printf("crash: the ways are");
	for (size_t i = 0; i < ARRAY_LEN(crashes); i++)
		console_printf(" %s", crashes[i].name);
	console_printf("\n");
}

void crash_if_asked(void)
{
	char name[16];
	if (cmdline_get(boot_info.cmdline, "crash", name, sizeof(name)) == 1)
		crash(name);
	/* The bare word: panic=N means something else. */
	if (cmdline_get(boot_info.cmdline, "panic", name, sizeof(name)) == 1 && !name[0])
		crash_by_panic();
}
