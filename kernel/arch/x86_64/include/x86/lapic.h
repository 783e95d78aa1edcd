/*
 * The local APIC: each CPU's interrupt controller and timer (Intel SDM vol. 3A chapter 10). Reached through MSRs where the
 * processor has the x2APIC, through a page of device registers otherwise.
 *
 * Order at boot, on the first CPU: lapic_init() once device_map() works, then lapic_init_cpu(), then clock_init() measures
 * the timer. On every other CPU: lapic_init_cpu() with its per-CPU data in place, then timer_init_cpu().
 */
#pragma once

#include <arch/percpu.h>
#include <lib/types.h>

/* The APIC id of each CPU that has run lapic_init_cpu(). */
DECLARE_PER_CPU(uint32_t, lapic_cpu_id);

/* Chooses the mode and finds the registers. Boot CPU, before any other call. */
void lapic_init(void);
/* Switches this CPU's APIC on and takes the vectors of the timer, of IPIs and of errors. Interrupts off. */
void lapic_init_cpu(void);
bool lapic_is_x2apic(void);

/* Interrupts for the CPU with this APIC id. Context: any. */
void lapic_send_ipi(uint32_t apic_id, unsigned vector);
void lapic_send_nmi(uint32_t apic_id);
/* Starting a CPU: INIT, then (twice) STARTUP with the page number, below 256, of its first instruction. */
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, unsigned page_number);

/* "TSC deadline" or "one-shot". */
const char *lapic_timer_mode(void);
