/*
 * The first serial port (COM1, a 16550A at 0x3f8): the kernel's console. Output is polled, so that it works from the first
 * instruction to the last one of a panic; input comes by interrupt into a ring and wakes whoever reads.
 */
#pragma once

#include <lib/types.h>

/* Looks for the port, sets it to 115200 8N1 and makes it the console's output. False when there is none. Needs nothing
 * but the log; boot calls it first. */
bool serial_early_init(void);

/* Whether there is one; by a look at the device. */
bool serial_is_present(void);

/* Input from now on by interrupt, or by polling where the interrupt cannot be had. Context: thread, boot. */
void serial_init(void);

/* The next character typed. 0, or -ETIMEDOUT after `deadline` (uptime; NSEC_MAX: none), or -ENODEV without a port.
 * One reader at a time. Context: may sleep. */
MUST_USE int serial_read(char *c, nsec_t deadline);
