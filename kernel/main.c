/*
 * The boot order, one line a step. Before it come the first instructions (kernel/arch/x86_64/entry.S, boot.c); after it there are threads.
 */
#include <acpi/machine.h>
#include <acpi/power.h>
#include <arch/cpu.h>
#include <arch/entry.h>
#include <arch/smp.h>
#include <arch/user.h>
#include <boot/boot_info.h>
#include <debug/crash.h>
#include <devfs/devfs.h>
#include <driver/driver.h>
#include <event/epoll.h>
#include <event/timerfd.h>
#include <futex/futex.h>
#include <initrd/initrd.h>
#include <irq/irq.h>
#include <keys/keys.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <log/assert.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/page_table.h>
#include <mm/slab.h>
#include <monitor/monitor.h>
#include <mqueue/mqueue.h>
#include <pc/pc.h>
#include <pc/rtc.h>
#include <posixx/posixx.h>
#include <procfs/procfs.h>
#include <random/random.h>
#include <sched/thread.h>
#include <serial/serial.h>
#include <sync/spinlock.h>
#include <sysfs/sysfs.h>
#include <sysv/sysv.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <time/timer.h>
#include <tmpfs/tmpfs.h>
#include <tty/tty.h>
#include <vdso/vdso.h>
#include <vfs/vfs.h>
#include <vga/vga.h>
#include <vm/address_space.h>
#include <wait/rcu.h>
#include <x86/cpuid.h>
#include <x86/gdt.h>
#include <x86/lapic.h>

struct boot_step {
	const char *name;
	void (*run)(void);
};

/* Firmware's tables are followed where the direct map shows them, and not into device registers or nowhere. */
static const void *map_firmware(paddr_t pa, size_t len)
{
	return direct_map_covers(pa, len) ? phys_to_virt(pa) : NULL;
}

static void find_machine(void)
{
	machine_describe(&boot_info, map_firmware);

	static struct node_range ranges[MACHINE_MEMORY_RANGES_MAX];
	for (size_t i = 0; i < machine.memory_range_count; i++) {
		const struct machine_memory_range *range = &machine.memory_ranges[i];
		ranges[i] = (struct node_range){range->start, range->end, range->node};
	}
	page_set_nodes(ranges, machine.memory_range_count);
	for (unsigned cpu = 0; cpu < machine.cpu_count; cpu++)
		node_set_cpu(cpu, machine.cpus[cpu].node);
	for (unsigned from = 0; from < machine.node_count; from++)
		for (unsigned to = 0; to < machine.node_count; to++)
			node_set_distance(from, to, machine.distances[from][to]);
}

static void find_memory(void)
{
	page_early_init(&boot_info);
}

static void build_page_tables(void)
{
	kernel_page_table_init(&boot_info);
}

/* The exception stacks of the boot CPU get guard pages, now that there is a kernel map. */
static void guard_exception_stacks(void)
{
	if (!gdt_alloc_exception_stacks(0))
		panic("no memory for exception stacks");
}

static void give_log_a_clock(void)
{
	log_set_clock(uptime_ns);
}

/* All of it but the initrd, which is not ours. */
static uint64_t ram_bytes(void)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < boot_info.range_count; i++)
		if (boot_info.ranges[i].kind == BOOT_MEMORY_RAM)
			sum += boot_info.ranges[i].end - boot_info.ranges[i].start;
	return sum - (boot_info.initrd_end - boot_info.initrd_start);
}

/* From here on the boot context is a thread: what `bench boot` tells. */
static void stamp_first_thread(void)
{
	struct page_stats stats;
	page_stats_total(&stats);
	bench_boot.first_thread_ticks = cpu_timestamp() - boot_info.entry_tsc;
	bench_boot.first_thread_us = tsc_to_ns(bench_boot.first_thread_ticks) / NSEC_PER_USEC;
	bench_boot.memory_kib = (ram_bytes() - stats.free * PAGE_SIZE) / KiB;
}

/* A hypervisor may stop a CPU in the middle of a queue for a lock. */
static void choose_spinlocks(void)
{
	spin_set_queueing(!cpu_features.hypervisor);
}

static const struct boot_step boot_steps[] = {
    {"spinlocks", choose_spinlocks},
    {"find memory", find_memory},
    {"page tables", build_page_tables},
    {"screen", vga_init},
    {"machine description", find_machine},
    {"page allocator", page_init},
    {"object caches", slab_init},
    {"vector units", user_init_cpu},
    {"user page tables", vm_init_cpu},
    {"user side of threads", user_init},
    {"address spaces", vm_init},
    {"futexes", futex_init},
    {"System V IPC", sysv_init},
    {"random numbers", random_init},
    {"kernel map", kernel_map_init},
    {"power registers", power_init},
    {"exception stacks", guard_exception_stacks},
    {"interrupts", irq_init},
    {"legacy interrupts", pic_init},
    {"local APIC", lapic_init},
    {"local APIC of this CPU", lapic_init_cpu},
    {"PC devices", pc_init},
    {"clocks", clock_init},
    {"log times", give_log_a_clock},
    {"real-time clock", rtc_init},
    {"timers of this CPU", timer_init_cpu},
    {"vDSO", vdso_init},
    {"interrupts on", irq_enable},
    {"scheduler", sched_init},
    {"first thread", stamp_first_thread},
    {"read-copy-update", rcu_init},
    {"other CPUs", smp_start_all},
    {"clocks of all CPUs", clock_settle},
    {"serial input", serial_init},
    {"drivers", drivers_init},
    {"initial ram disk", initrd_init},
    {"files in memory", tmpfs_register},
    {"terminals", tty_init},
    {"device files", devfs_register},
    {"process files", procfs_register},
    {"machine files", sysfs_register},
    {"epoll", epoll_init},
    {"timerfd", timerfd_init},
    {"root file system", vfs_init},
    {"message queues", mqueue_init},
    {"keys", keys_init},
};

/* What every further CPU does, in order, before it schedules. */
static const struct boot_step cpu_steps[] = {
    {"vector units", user_init_cpu},
    {"user page tables", vm_init_cpu},
    {"local APIC of this CPU", lapic_init_cpu},
    {"timers of this CPU", timer_init_cpu},
};

static void run_steps(const struct boot_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		log_debug("boot", "%s", steps[i].name);
		steps[i].run();
	}
}

NORETURN void kernel_main(int decode_error)
{
	serial_early_init();
	if (decode_error)
		panic(
		    "the loader's description of the machine is damaged (error %d)", -decode_error);
	run_steps(boot_steps, ARRAY_LEN(boot_steps));
	monitor_print_banner();
	crash_if_asked();
	selftest_run_from_cmdline();
	vfs_unpack_initramfs();
	mount_usual();
	/* With a program to run, the console is its; the monitor stays for those who ask, and for a kernel without a root file system. */
	if (!cmdline_has(boot_info.cmdline, "monitor") && posixx_start_init())
		thread_exit(0);
	monitor_run();
}

NORETURN void kernel_main_cpu(bool *is_up)
{
	run_steps(cpu_steps, ARRAY_LEN(cpu_steps));
	atomic_store_release(is_up, true);
	sched_start_cpu();
}
