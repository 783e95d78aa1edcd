/*
 * The high-precision event timer, as a counter of at least 10 MHz. Only the lower 32 bits are read: that is one access, on 32-bit
 * HPETs too, and the clock widens what wraps (after 40 seconds or more).
 */
#include "hpet.h"
#include "pc_impl.h"

#include <acpi/machine.h>
#include <log/log.h>
#include <mm/kernel_map.h>

#define REGISTERS_LEN 1024

#define FEMTOSECONDS_PER_SEC 1000000000000000ull
#define PERIOD_MAX           100000000 /* the specification's: 100 ns */

volatile uint32_t *hpet_registers;

static uint64_t read_counter(void)
{
	return hpet_read(HPET_COUNTER);
}

static struct clock_counter counter = {.name = "hpet", .mask = UINT32_MAX, .read = read_counter};

static bool start_counting(void)
{
	uint32_t period = hpet_read(HPET_PERIOD);
	if (!period || period > PERIOD_MAX)
		return false;
	counter.hz = FEMTOSECONDS_PER_SEC / period;

	hpet_write(HPET_CONFIG, 0);
	for (unsigned timer = 0; timer < hpet_timer_count(); timer++)
		hpet_write(HPET_TIMER_CONFIG(timer), 0);
	hpet_write(HPET_CONFIG, HPET_CONFIG_ENABLE);
	return pc_counter_moves(&counter);
}

void hpet_init(void)
{
	if (!machine.hpet_address)
		return;
	hpet_registers = device_map(machine.hpet_address, REGISTERS_LEN);
	if (!hpet_registers)
		return;
	if (start_counting()) {
		clock_add_counter(&counter);
		return;
	}
	log_warn(
	    "hpet", "the one at %#llx does not work", (unsigned long long)machine.hpet_address);
	device_unmap((void *)(uintptr_t)hpet_registers);
	hpet_registers = NULL;
}
