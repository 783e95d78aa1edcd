/*
 * assert: a bug of ours, checked in every build, so keep it cheap. debug_assert: checked in debug builds only.
 * What the world can cause is a -errno, never an assertion.
 */
#pragma once

#include <lib/types.h>

/* Prints the message, registers, backtrace, CPU, thread and last log lines, stops the other CPUs and the machine. */
NORETURN void panic(const char *format, ...) PRINTF_LIKE(1, 2);

/* The same with the registers of the trap that was the end of it. kernel/debug defines all three. */
struct registers;
NORETURN void panic_with_registers(const struct registers *regs, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* For the NMI handler: does not return if another CPU is in a panic; notes where this one was. */
void panic_catch_nmi(const struct registers *regs);

#define assert(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed: %s, %s:%d", #cond, __FILE__, __LINE__);           \
	} while (0)

#define debug_assert(cond)                                                                         \
	do {                                                                                       \
		if (IS_ENABLED(CONFIG_DEBUG))                                                      \
			assert(cond);                                                              \
	} while (0)
