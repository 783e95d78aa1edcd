/*
 * Output to COM1. Each port access may leave the virtual machine, so the status is read once for every FIFO full of text
 * rather than once a byte.
 */
#include "uart.h"

#include <log/log.h>
#include <serial/serial.h>
#include <x86/io.h>

/* At 115200 baud a full FIFO drains in 1.4 ms, and a port read takes about a microsecond. */
#define PATIENCE 100000

static bool is_broken;

static bool wait_for_room(void)
{
	for (unsigned i = 0; i < PATIENCE; i++)
		if (io_in8(UART_COM1 + UART_LSR) & LSR_TRANSMIT_EMPTY)
			return true;
	return false;
}

/* The console's output. Context: any; the console lock is held, or broken by a panic. */
static void serial_write(const char *text, size_t len)
{
	unsigned room = 0;
	for (size_t i = 0; i < len && !is_broken; i++) {
		/* A newline needs two places. */
		if (room < 2) {
			is_broken = !wait_for_room();
			room = UART_FIFO_SIZE;
		}
		if (text[i] == '\n' && !console_is_raw()) {
			io_out8(UART_COM1 + UART_DATA, '\r');
			room--;
		}
		io_out8(UART_COM1 + UART_DATA, (uint8_t)text[i]);
		room--;
	}
}

/* A port where nothing is reads as ones; the scratch register remembers only if there is a UART. */
bool serial_is_present(void)
{
	io_out8(UART_COM1 + UART_SCRATCH, 0x5a);
	return io_in8(UART_COM1 + UART_SCRATCH) == 0x5a && io_in8(UART_COM1 + UART_LSR) != 0xff;
}

bool serial_early_init(void)
{
	if (!serial_is_present())
		return false;
	io_out8(UART_COM1 + UART_IER, 0);
	io_out8(UART_COM1 + UART_LCR, LCR_DIVISOR | LCR_8N1);
	io_out8(UART_COM1 + UART_DATA, 1); /* 115200 baud */
	io_out8(UART_COM1 + UART_IER, 0);
	io_out8(UART_COM1 + UART_LCR, LCR_8N1);
	serial_enable_fifo();
	io_out8(UART_COM1 + UART_MCR, MCR_DTR_RTS | MCR_OUT2);
	console_add_output(serial_write);
	return true;
}
