/*
 * The two 8259 interrupt controllers of 1981. I/O APICs do their work; all that is left to do is to keep them quiet: every line
 * masked, and their vectors, which a spurious interrupt raises even so, away from the exceptions.
 */
#include <acpi/machine.h>
#include <arch/irq.h>
#include <pc/pc.h>
#include <x86/io.h>

#define COMMAND(pic) ((uint16_t)((pic) ? 0xa0 : 0x20))
#define DATA(pic)    ((uint16_t)(COMMAND(pic) + 1))

#define ICW1_INIT_CASCADED 0x11
#define ICW3_SLAVE_AT_2    0x04
#define ICW3_I_AM_2        0x02
#define ICW4_8086          0x01

void pic_init(void)
{
	if (!machine.has_pics)
		return;
	for (unsigned pic = 0; pic < 2; pic++) {
		io_out8(COMMAND(pic), ICW1_INIT_CASCADED);
		io_out8(DATA(pic), (uint8_t)(VECTOR_PIC + 8 * pic));
		io_out8(DATA(pic), pic ? ICW3_I_AM_2 : ICW3_SLAVE_AT_2);
		io_out8(DATA(pic), ICW4_8086);
		io_out8(DATA(pic), 0xff);
	}
}
