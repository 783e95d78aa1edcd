/* Private to lapic.c, lapic_timer.c and ipi.c: registers of the local APIC (Intel SDM vol. 3A table 10-1). */
#pragma once

#include <lib/types.h>
#include <x86/lapic.h>
#include <x86/msr.h>

#define LAPIC_ID            0x020
#define LAPIC_TPR           0x080
#define LAPIC_EOI           0x0b0
#define LAPIC_SVR           0x0f0
#define LAPIC_ESR           0x280
#define LAPIC_ICR           0x300
#define LAPIC_ICR_HIGH      0x310 /* xAPIC only */
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_LVT_LINT0     0x350
#define LAPIC_LVT_LINT1     0x360
#define LAPIC_LVT_ERROR     0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define LVT_MASKED (1u << 16)

extern bool lapic_uses_msrs;
extern volatile uint32_t *lapic_registers; /* when not */

static inline uint32_t lapic_read(unsigned offset)
{
	if (likely(lapic_uses_msrs))
		return (uint32_t)msr_read(MSR_X2APIC_FIRST + offset / 16);
	return lapic_registers[offset / sizeof(uint32_t)];
}

static inline void lapic_write(unsigned offset, uint32_t value)
{
	if (likely(lapic_uses_msrs))
		msr_write(MSR_X2APIC_FIRST + offset / 16, value);
	else
		lapic_registers[offset / sizeof(uint32_t)] = value;
}

/* From lapic_init. */
void lapic_timer_init(void);
/* Each CPU, from lapic_init_cpu. */
void lapic_timer_take_vector(void);
void lapic_timer_init_cpu(void);
void ipi_take_vectors(void);
