/*
 * Input from COM1: the interrupt handler moves what came into a ring, the reader sleeps until there is some. Where no interrupt can
 * be had, the reader looks every few milliseconds itself, so that the console works all the same.
 *
 * A full ring is not emptied by losing what comes: the handler leaves it in the device, lets no more interrupts come, and takes RTS back, which
 * tells the other side to wait. The reader turns both on again once half of the ring is free.
 */
#include "uart.h"

#include <abi/errno.h>
#include <irq/irq.h>
#include <lib/atomic.h>
#include <log/log.h>
#include <serial/serial.h>
#include <time/clock.h>
#include <wait/wait_queue.h>
#include <x86/io.h>

#define RING_SIZE        4096u /* a power of two; as much as a terminal holds of one line */
#define POLL_INTERVAL_NS (10 * NSEC_PER_MSEC)

/* One producer (the handler, or without interrupt the reader itself), one consumer. */
static struct {
	uint32_t put;   /* a: the producer's */
	uint32_t taken; /* a: the consumer's */
	bool is_held;   /* a: set by the producer, cleared by the consumer */
	char chars[RING_SIZE];
} ring;

static struct wait_queue arrived = WAIT_QUEUE_INIT(arrived);
static bool is_open, has_interrupt;

static uint32_t used(void)
{
	return atomic_load_acquire(&ring.put) - atomic_load_acquire(&ring.taken);
}

static void hold(void)
{
	io_out8(UART_COM1 + UART_IER, 0);
	io_out8(UART_COM1 + UART_MCR, MCR_DTR | MCR_OUT2);
	atomic_store_release(&ring.is_held, true);
}

/* Whatever waits in the device gives an interrupt at once. */
static void release(void)
{
	atomic_store(&ring.is_held, false);
	io_out8(UART_COM1 + UART_MCR, MCR_DTR_RTS | MCR_OUT2);
	io_out8(UART_COM1 + UART_IER, has_interrupt ? IER_RECEIVED : 0);
}

/* What the device has, into the ring, as far as there is room. True when there was something. */
static bool receive(void)
{
	bool any = false;
	while (io_in8(UART_COM1 + UART_LSR) & LSR_RECEIVED) {
		if (used() == RING_SIZE) {
			hold();
			break;
		}
		uint32_t put = ring.put;
		ring.chars[put % RING_SIZE] = (char)io_in8(UART_COM1 + UART_DATA);
		atomic_store_release(&ring.put, put + 1);
		any = true;
	}
	return any;
}

void serial_enable_fifo(void)
{
	bool has_come = io_in8(UART_COM1 + UART_LSR) & LSR_RECEIVED;
	char c = has_come ? (char)io_in8(UART_COM1 + UART_DATA) : '\0';
	io_out8(UART_COM1 + UART_FCR, FCR_ENABLE_AND_CLEAR);
	if (has_come)
		ring.chars[ring.put++ % RING_SIZE] = c; /* before there are others who look at it */
}

static void serial_interrupt(void *arg)
{
	(void)arg;
	if (receive())
		wait_wake_all(&arrived);
}

static bool has_input(void)
{
	return atomic_load_acquire(&ring.put) != ring.taken;
}

static char take(void)
{
	char c = ring.chars[ring.taken % RING_SIZE];
	atomic_store_release(&ring.taken, ring.taken + 1);
	if (unlikely(atomic_load_acquire(&ring.is_held)) && used() <= RING_SIZE / 2)
		release();
	return c;
}

void serial_init(void)
{
	is_open = serial_is_present();
	if (!is_open)
		return;
	int err = irq_request_isa(UART_COM1_IRQ, serial_interrupt, NULL, "serial");
	if (err) {
		log_warn("serial", "no interrupt (error %d): input is polled", -err);
		return;
	}
	has_interrupt = true;
	io_out8(UART_COM1 + UART_IER, IER_RECEIVED);
}

static int poll_until_input(nsec_t deadline)
{
	while (!receive()) {
		if (uptime_ns() >= deadline)
			return -ETIMEDOUT;
		thread_sleep(POLL_INTERVAL_NS);
	}
	return 0;
}

int serial_read(char *c, nsec_t deadline)
{
	if (!is_open)
		return -ENODEV;
	if (!has_input()) {
		int err = has_interrupt ? wait_until(&arrived, has_input(), deadline)
					: poll_until_input(deadline);
		if (err)
			return err;
	}
	*c = take();
	return 0;
}
