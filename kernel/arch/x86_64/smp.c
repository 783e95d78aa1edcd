/*
 * Starting the other processors, one after another: INIT, SIPI, and a wait until it says that it is up. The newcomer takes its stack and
 * number from two variables, so only one may be on its way.
 */
#include <acpi/machine.h>
#include <arch/cpu.h>
#include <arch/entry.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <mm/page.h>
#include <mm/page_table.h>
#include <time/clock.h>
#include <x86/boot.h>
#include <x86/cpu_init.h>
#include <x86/gdt.h>
#include <x86/lapic.h>

#define STARTUP_RETRY_NS   (200 * NSEC_PER_USEC) /* before the second SIPI that old processors want */
#define STARTUP_TIMEOUT_NS NSEC_PER_SEC

extern const char trampoline_start[], trampoline_end[];

uintptr_t ap_boot_stack_top; /* these three are read by trampoline.S */
paddr_t ap_boot_root;
uint32_t ap_boot_cpu;
static bool ap_is_up;

/* First C code of an application processor. Its GS base is still zero, which is CPU 0's data: set that first. */
NORETURN void ap_start64(unsigned cpu)
{
	percpu_load(cpu);
	cpu_init_this(cpu);
	cpu_check_alike(cpu);
	kernel_main_cpu(&ap_is_up);
}

static bool wait_until_up(nsec_t timeout)
{
	nsec_t deadline = uptime_ns() + timeout;
	while (!atomic_load_acquire(&ap_is_up)) {
		if (uptime_ns() > deadline)
			return false;
		cpu_relax();
	}
	return true;
}

static bool start_cpu(unsigned cpu)
{
	uint32_t apic_id = machine.cpus[cpu].apic_id;
	void *stack = kernel_stack_alloc();
	if (!stack || !percpu_create(cpu) || !gdt_alloc_exception_stacks(cpu)) {
		log_err("smp", "no memory to start CPU %u", cpu);
		return false;
	}
	gdt_init_cpu(cpu);

	atomic_store(&ap_is_up, false);
	ap_boot_root = kernel_page_table.root;
	ap_boot_stack_top = (uintptr_t)stack + KERNEL_STACK_SIZE;
	ap_boot_cpu = cpu;
	lapic_send_init(apic_id);
	delay_ns(10 * NSEC_PER_USEC);
	lapic_send_startup(apic_id, TRAMPOLINE_PHYS >> PAGE_SHIFT);
	if (wait_until_up(STARTUP_RETRY_NS))
		return true;
	lapic_send_startup(apic_id, TRAMPOLINE_PHYS >> PAGE_SHIFT);
	return wait_until_up(STARTUP_TIMEOUT_NS);
}

void smp_start_all(void)
{
	if (machine.cpu_count == 1)
		return;
	memcpy(phys_to_virt(TRAMPOLINE_PHYS), trampoline_start,
	    (size_t)(trampoline_end - trampoline_start));

	for (unsigned cpu = 1; cpu < machine.cpu_count; cpu++) {
		if (!start_cpu(cpu)) {
			/* Numbers have no gaps, and a CPU that wakes up late must not find another's stack: stop here. */
			log_err("smp", "CPU %u (APIC %u) does not start; going on with %u", cpu,
			    machine.cpus[cpu].apic_id, cpu);
			break;
		}
		cpu_count = cpu + 1;
		atomic_fetch_or(&cpu_online_mask, cpumask_of(cpu));
	}
}
