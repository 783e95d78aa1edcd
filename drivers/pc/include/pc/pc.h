/*
 * The devices that PCs have, real or virtual: the legacy interrupt controllers (PIC), I/O APICs, the
 * HPET, ACPI's timer and the interval timer (PIT). Each is looked for; what is absent is left alone.
 *
 * Boot order: the machine is described, device_map() works, irq_init(), pic_init(), lapic_init(), lapic_init_cpu(), pc_init(),
 * clock_init(), rtc_init(), timer_init_cpu(); interrupts on; smp_start_all(), clock_settle().
 */
#pragma once

#include <lib/types.h>

/* Before lapic_init(): an interrupt that the firmware's timer has raised is taken back only while the local APIC still lets
 * the PICs through. Else it stays pending, with no vector to its name. */
void pic_init(void);
void pc_init(void);
