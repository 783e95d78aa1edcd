/* What firmware said, held against what the processors and devices say themselves. */
#include <acpi/machine.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <mm/kernel_map.h>
#include <test/selftest.h>
#include <x86/cpuid.h>

static uint32_t apic_ids[CPU_MAX]; /* each its CPU's, during a call */

static void read_apic_id(void *arg)
{
	(void)arg;
	bool has_wide_id = cpuid(0, 0).eax >= 0xb && cpuid(0xb, 0).ebx;
	apic_ids[this_cpu()] = has_wide_id ? cpuid(0xb, 0).edx : cpuid(1, 0).ebx >> 24;
}

SELFTEST(machine_cpus_are_those_that_run)
{
	cpumask_t online = atomic_load(&cpu_online_mask);
	smp_call(online, read_apic_id, NULL);
	CHECK_EQ(cpu_count, (unsigned)machine.cpu_count);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		if (online >> cpu & 1)
			CHECK_EQ(apic_ids[cpu], machine.cpus[cpu].apic_id);
		CHECK(machine.cpus[cpu].node < machine.node_count);
		for (unsigned other = 0; other < cpu; other++)
			CHECK(machine.cpus[other].apic_id != machine.cpus[cpu].apic_id);
	}
}

SELFTEST(machine_nodes_cover_the_memory)
{
	for (unsigned from = 0; from < machine.node_count; from++) {
		for (unsigned to = 0; to < machine.node_count; to++) {
			uint8_t distance = machine.distances[from][to];
			CHECK(from == to ? distance == 10 : distance > 10);
		}
	}
	if (!machine.memory_range_count)
		selftest_skip("the firmware tells nothing of memory nodes");
	for (size_t i = 0; i < boot_info.range_count; i++) {
		const struct boot_range *ram = &boot_info.ranges[i];
		paddr_t pa = ram->start;
		while (ram->kind == BOOT_MEMORY_RAM && pa < ram->end) {
			paddr_t next = pa;
			for (size_t j = 0; j < machine.memory_range_count; j++) {
				const struct machine_memory_range *range =
				    &machine.memory_ranges[j];
				if (range->start <= pa && pa < range->end)
					next = range->end;
			}
			CHECK(next > pa);
			pa = next;
		}
	}
}

/* The register windows answer as the devices that are said to be there. */
SELFTEST(machine_devices_answer)
{
	CHECK(machine.ioapic_count > 0);
	for (size_t i = 0; i < machine.ioapic_count; i++) {
		volatile uint32_t *window = device_map(machine.ioapics[i].address, 0x20);
		CHECK(window);
		CHECK(window[0] != UINT32_MAX);
		device_unmap((void *)(uintptr_t)window);
	}
	if (machine.hpet_address) {
		volatile uint64_t *hpet = device_map(machine.hpet_address, 0x400);
		CHECK(hpet);
		uint64_t period_fs = hpet[0] >> 32;
		CHECK(period_fs > 0 && period_fs <= 100000000);
		device_unmap((void *)(uintptr_t)hpet);
	}
	for (size_t i = 0; i < machine.ecam_count; i++) {
		volatile uint32_t *bus = device_map(machine.ecams[i].address, PAGE_SIZE);
		CHECK(bus);
		CHECK(
		    bus[0] != UINT32_MAX && (bus[0] & 0xffff) != 0); /* the host bridge's vendor */
		device_unmap((void *)(uintptr_t)bus);
	}
}
