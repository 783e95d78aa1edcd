/* Bringing up one processor, and the per-CPU areas. */
#pragma once

#include <lib/types.h>

/* On the CPU itself, with its GS base set: number, segments, interrupt table, control registers. */
void cpu_init_this(unsigned cpu);
/* Warns when this CPU has other features than the first. */
void cpu_check_alike(unsigned cpu);

/* Gives a CPU its copy of the per-CPU section, on its own node. False when out of memory. */
MUST_USE bool percpu_create(unsigned cpu);
void percpu_load(unsigned cpu); /* on that CPU: sets the GS base */
