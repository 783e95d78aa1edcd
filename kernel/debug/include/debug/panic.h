/*
 * The end of the kernel: panic() and what the trap code calls are declared in <log/assert.h>.
 *
 * The first CPU to panic wins: it stops the others by NMI, takes the console from whoever has it, and prints the
 * message, the thread, the registers, a backtrace, the locks held, where the other CPUs were, and the last lines of
 * the log. A panic within the panic prints one line more and ends. docs/debugging.md explains the output.
 *
 * How it ends, by the command line: exit_port=PORT writes PANIC_EXIT_CODE there (QEMU's isa-debug-exit), panic=N
 * restarts the machine after N seconds, otherwise it halts.
 */
#pragma once

#include <lib/types.h>
#include <log/assert.h>
#include <x86/registers.h>

#define PANIC_EXIT_CODE 0x11

/* Ends QEMU with the code, if the command line says exit_port=PORT; else returns. */
void exit_to_host(uint8_t code);

/* Prints them to the console, with the control registers. */
void registers_print(const struct registers *regs);
/* Of a caller, of whom only RIP, RSP and RBP are known. */
void registers_print_call(const struct registers *regs);
