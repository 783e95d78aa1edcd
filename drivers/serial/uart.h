/* The registers of a 16550A UART, National Semiconductor PC16550D §8. */
#pragma once

#define UART_COM1     0x3f8
#define UART_COM1_IRQ 4

#define UART_DATA    0 /* receive and transmit; divisor, low, while LCR_DIVISOR */
#define UART_IER     1 /* interrupt enable; divisor, high, while LCR_DIVISOR */
#define UART_FCR     2 /* FIFO control, write only */
#define UART_LCR     3 /* line control */
#define UART_MCR     4 /* modem control */
#define UART_LSR     5 /* line status */
#define UART_SCRATCH 7

#define IER_RECEIVED 0x01
#define FCR_ENABLE_AND_CLEAR                                                                       \
	0xc7 /* interrupt at 14 bytes, or when for four characters' time no other came */
#define LCR_8N1            0x03
#define LCR_DIVISOR        0x80
#define MCR_DTR            0x01
#define MCR_DTR_RTS        0x03
#define MCR_OUT2           0x08 /* on a PC: lets the interrupt out */
#define LSR_RECEIVED       0x01
#define LSR_TRANSMIT_EMPTY 0x20 /* the whole FIFO is */

#define UART_FIFO_SIZE 16

/*
 * Turns the FIFO on, which clears what the device has: a byte that came already is kept, one that comes between the two accesses is lost.
 * Before there are interrupts and memory.
 */
void serial_enable_fifo(void);
