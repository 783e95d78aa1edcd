/* The first thing a user sees. */
#include "command.h"

#include <acpi/machine.h>
#include <arch/percpu.h>
#include <boot/boot_info.h>
#include <lib/fmt.h>
#include <log/log.h>
#include <mm/page_alloc.h>
#include <monitor/monitor.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <time/date.h>
#include <x86/cpuid.h>
#include <x86/lapic.h>

#define VERSION "0.1"

const char *size_format(char buf[SIZE_TEXT_MAX], uint64_t bytes)
{
	uint64_t unit = bytes >= GiB ? GiB : bytes >= MiB ? MiB : KiB;
	const char *name = unit == GiB ? "GiB" : unit == MiB ? "MiB" : "KiB";
	uint64_t tenths = bytes % unit * 10 / unit;
	if (tenths > 0)
		snprintf(buf, SIZE_TEXT_MAX, "%lu.%lu %s", bytes / unit, tenths, name);
	else
		snprintf(buf, SIZE_TEXT_MAX, "%lu %s", bytes / unit, name);
	return buf;
}

void monitor_print_banner(void)
{
	struct page_stats pages;
	page_stats_total(&pages);
	char total[SIZE_TEXT_MAX], free[SIZE_TEXT_MAX];
	size_format(total, pages.total * PAGE_SIZE);
	size_format(free, pages.free * PAGE_SIZE);
	uint64_t mhz = (tsc_frequency_hz() + 500000) / 1000000;
	struct date now = date_from_unix(unix_timestamp());
	uint64_t boot_ms_tenths = bench_boot.first_thread_us / 100;

	console_printf("\n  Exo-OS %s for x86_64\n", VERSION);
	console_printf("  CPUs    %u x %s, %s\n", cpu_count,
	    cpu_features.model[0] ? cpu_features.model : cpu_features.vendor,
	    lapic_is_x2apic() ? "x2APIC" : "xAPIC");
	console_printf("  memory  %s in %u node%s, %s free\n", total, node_count,
	    node_count == 1 ? "" : "s", free);
	console_printf("  clock   %s at %lu MHz, measured by %s; %04d-%02d-%02d %02d:%02d UTC\n",
	    clock_source_name(), mhz, clock_calibration_name(), now.year, now.month, now.day,
	    now.hour, now.minute);
	console_printf("  booted  by %s, machine described by %s, in %lu.%lu ms\n\n",
	    boot_info.protocol, machine.source, boot_ms_tenths / 10, boot_ms_tenths % 10);
}
