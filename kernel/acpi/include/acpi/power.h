/* Switching the machine off, and starting it anew. */
#pragma once

#include <lib/types.h>

/*
 * Maps the registers that lie in memory. Context: boot, after kernel_map_init; before it, only
 * ports are written.
 */
void power_init(void);
/*
 * Switches the machine off, or resets it where it cannot be switched off. Context: any; interrupts
 * are turned off.
 */
NORETURN void machine_power_off(void);
/* Starts the machine anew. Context: any. */
NORETURN void machine_reset(void);
