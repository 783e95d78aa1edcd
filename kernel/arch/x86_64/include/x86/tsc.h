/* What CPUID tells about clock rates; the kernel at large sees it through <arch/timer.h>. */
#pragma once

#include <lib/types.h>

/* The clock of the APIC timer, 0 when nobody tells. */
uint64_t tsc_told_bus_hz(void);

/* Whether this is QEMU with -icount, where the TSC advances by one (or 2^shift) for each instruction. */
bool tsc_counts_instructions(void);
