/*
 * The console on a VGA text screen, output only. Each store to the screen's memory may leave the virtual machine, so it is used where
 * it is wanted: with `console=vga` on the command line, or where there is no serial port.
 */
#pragma once

#include <lib/types.h>

/* Adds the screen to the console if it is wanted and there is one in text mode. Needs the direct map. Context: boot. */
void vga_init(void);
