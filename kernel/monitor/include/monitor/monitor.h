/*
 * The monitor: a prompt on the serial line, inside the kernel, for looking at a system that runs. docs/debugging.md lists the
 * commands; a command is a function and a row of the table in commands.c.
 */
#pragma once

#include <lib/types.h>

/* What the machine is and how it was booted, in a few lines. Context: thread. */
void monitor_print_banner(void);

/* Talks on the serial line for as long as the system runs; without a serial line, ends the thread. Context: thread. */
NORETURN void monitor_run(void);
