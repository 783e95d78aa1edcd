/* Private to drivers/pc: registers of the HPET (IA-PC HPET specification 1.0a §2.3). */
#pragma once

#include <lib/types.h>

#define HPET_CAPABILITIES         0x000
#define HPET_PERIOD               0x004 /* femtoseconds a count */
#define HPET_CONFIG               0x010
#define HPET_COUNTER              0x0f0
#define HPET_STATUS               0x020
#define HPET_TIMER_CONFIG(n)      (0x100 + 0x20 * (n))
#define HPET_TIMER_ROUTES(n)      (0x104 + 0x20 * (n)) /* bit i: I/O APIC pin i is possible */
#define HPET_TIMER_COMPARATOR(n)  (0x108 + 0x20 * (n))
#define HPET_TIMER_MSI_DATA(n)    (0x110 + 0x20 * (n))
#define HPET_TIMER_MSI_ADDRESS(n) (0x114 + 0x20 * (n))

#define HPET_CONFIG_ENABLE (1u << 0)

#define HPET_TIMER_LEVEL       (1u << 1)
#define HPET_TIMER_ENABLE      (1u << 2)
#define HPET_TIMER_32BIT       (1u << 8)
#define HPET_TIMER_ROUTE_SHIFT 9
#define HPET_TIMER_MSI_ENABLE  (1u << 14)
#define HPET_TIMER_MSI_CAPABLE (1u << 15)

/* NULL: there is none, or it does not work. */
extern volatile uint32_t *hpet_registers;

static inline uint32_t hpet_read(unsigned offset)
{
	return hpet_registers[offset / 4];
}

static inline void hpet_write(unsigned offset, uint32_t value)
{
	hpet_registers[offset / 4] = value;
}

static inline unsigned hpet_timer_count(void)
{
	return (hpet_read(HPET_CAPABILITIES) >> 8 & 0x1f) + 1;
}
