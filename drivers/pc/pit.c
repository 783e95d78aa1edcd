/*
 * The 8254 interval timer, as a counter: its channel 2 (the speaker's, silent) counts down at 1.193182 MHz and wraps at 16 bits.
 * Enough to measure a TSC by; too narrow to be a clock.
 */
#include "pc_impl.h"

#include <arch/cpu.h>
#include <x86/io.h>

#define PORT_CHANNEL2 0x42
#define PORT_COMMAND  0x43
#define PORT_SPEAKER  0x61

#define CHANNEL2_RATE  0xb4 /* channel 2, low then high byte, mode 2 */
#define CHANNEL2_LATCH 0x80
#define SPEAKER_GATE   0x01 /* lets channel 2 count */
#define SPEAKER_ON     0x02

bool pit_is_present;

/* Latching keeps the two bytes together; nobody may latch again in between. */
static uint64_t read_counter(void)
{
	irq_flags_t flags = irq_save();
	io_out8(PORT_COMMAND, CHANNEL2_LATCH);
	unsigned low = io_in8(PORT_CHANNEL2), high = io_in8(PORT_CHANNEL2);
	irq_restore(flags);
	return 0xffff - (high << 8 | low);
}

static const struct clock_counter counter = {
    .name = "pit", .hz = 1193182, .mask = 0xffff, .read = read_counter};

void pit_init(void)
{
	uint8_t speaker = io_in8(PORT_SPEAKER);
	io_out8(PORT_SPEAKER, (uint8_t)((speaker & ~SPEAKER_ON) | SPEAKER_GATE));
	io_out8(PORT_COMMAND, CHANNEL2_RATE);
	io_out8(PORT_CHANNEL2, 0); /* 0 stands for 65536 */
	io_out8(PORT_CHANNEL2, 0);
	pit_is_present = pc_counter_moves(&counter);
	if (pit_is_present)
		clock_add_counter(&counter);
}
