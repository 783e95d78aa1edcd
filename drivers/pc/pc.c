/* The devices of a PC, in the order in which they are looked for. */
#include <pc/pc.h>

#include "pc_impl.h"

#include <arch/cpu.h>

/* More than 20 us of any TSC: long enough for the slowest counter to move many times. */
#define PROBE_TICKS 100000

bool pc_counter_moves(const struct clock_counter *counter)
{
	uint64_t since = cpu_timestamp(), first = counter->read();
	do {
		if (counter->read() != first)
			return true;
	} while (cpu_timestamp() - since < PROBE_TICKS);
	return false;
}

/* Counters best first: the clock takes them in this order. */
void pc_init(void)
{
	ioapic_init();
	hpet_init();
	pm_timer_init();
	pit_init();
}
