/*
 * The processor contract on a Unix process: per-CPU areas, output, and weak stand-ins for
 * the hooks that higher layers define.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <arch/cpu.h>
#include <arch/host.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <arch/timer.h>
#include <log/log.h>
#include <sync/preempt.h>

_Thread_local bool host_irqs_off;
_Thread_local uintptr_t host_percpu_offset;
uint64_t host_timer_deadline = UINT64_MAX;

PER_CPU(uintptr_t, percpu_offset);
PER_CPU(unsigned, cpu_number);
uintptr_t percpu_offsets[CPU_MAX];
unsigned cpu_count = 1;
cpumask_t cpu_online_mask = 1;

/* The bounds of the section that PER_CPU fills; CPU 0 uses it in place, so a simple test needs no preparation. */
extern char __start_percpu[], __stop_percpu[];

__attribute__((constructor)) static void percpu_create(void)
{
	size_t len = (size_t)(__stop_percpu - __start_percpu);
	size_t stride = ALIGN_UP(len, 4096ul);
	static char *copies; /* kept where the leak checker sees it */
	if (posix_memalign((void **)&copies, 4096, stride * CPU_MAX))
		abort();

	/* The section need not begin on a page: keep its offset, so that alignments hold in the copies too. */
	for (unsigned cpu = 1; cpu < CPU_MAX; cpu++) {
		char *copy = copies + stride * (cpu - 1) + ((uintptr_t)__start_percpu & 63);
		memcpy(copy, __start_percpu, len);
		percpu_offsets[cpu] = (uintptr_t)copy - (uintptr_t)__start_percpu;
		*per_cpu_ptr(percpu_offset, cpu) = percpu_offsets[cpu];
		*per_cpu_ptr(cpu_number, cpu) = cpu;
	}
}

void host_cpu_select(unsigned cpu)
{
	host_percpu_offset = percpu_offsets[cpu];
}

void host_cpus_set(unsigned count)
{
	cpu_count = count;
	cpu_online_mask = count == CPU_MAX ? ~0ull : (1ull << count) - 1;
}

void host_yield(void)
{
	/* Not sched_yield(): the kernel has a function of that name. */
	syscall(SYS_sched_yield);
}

void cpu_stop(void)
{
	abort();
}

static void console_to_stderr(const char *text, size_t len)
{
	while (len) {
		ssize_t written = write(STDERR_FILENO, text, len);
		if (written <= 0)
			return;
		text += written;
		len -= (size_t)written;
	}
}

/* The kernel's log and console are silent in tests, unless asked. */
__attribute__((constructor)) static void console_open(void)
{
	if (getenv("EXO_TEST_LOG"))
		console_add_output(console_to_stderr);
}

/* Hooks of other layers. */

WEAK void sched_preempt(void)
{
}

WEAK void sched_preempt_irq(void)
{
}

WEAK void smp_send_ipi(unsigned cpu, enum ipi ipi)
{
	(void)cpu, (void)ipi;
}

WEAK void smp_send_ipi_mask(cpumask_t mask, enum ipi ipi)
{
	for_each_cpu_in(cpu, mask)
		smp_send_ipi(cpu, ipi);
}

/* Only right while no other Unix thread plays one of these CPUs. */
WEAK void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg)
{
	unsigned self = this_cpu();
	for_each_cpu_in(cpu, mask) {
		host_cpu_select(cpu);
		fn(arg);
	}
	host_cpu_select(self);
}

WEAK void arch_timer_set(uint64_t tsc)
{
	host_timer_deadline = tsc;
}

WEAK bool mmu_has_1g_pages(void)
{
	return true;
}

WEAK bool mmu_is_canonical(uintptr_t va)
{
	return va < 0x00007ffffffff000 || va >= 0xffff800000000000;
}

WEAK void mmu_flush_page(uintptr_t va)
{
	(void)va;
}

WEAK void mmu_flush_all(void)
{
}

WEAK void mmu_flush_everything(void)
{
}
