/* ACPI's power-management timer: 3.579545 MHz, 24 bits. Some have 32, but then the lower 24 wrap all the same. */
#include "pc_impl.h"

#include <acpi/machine.h>
#include <x86/io.h>

static uint64_t read_counter(void)
{
	return io_in32((uint16_t)machine.fixed.pm_timer.address) & 0xffffff;
}

static const struct clock_counter counter = {
    .name = "pm timer", .hz = 3579545, .mask = 0xffffff, .read = read_counter};

void pm_timer_init(void)
{
	const struct machine_register *reg = &machine.fixed.pm_timer;
	if (!reg->address || reg->space != MACHINE_SPACE_PORT)
		return;
	if (pc_counter_moves(&counter))
		clock_add_counter(&counter);
}
