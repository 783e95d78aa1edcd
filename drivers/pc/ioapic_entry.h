/* A redirection entry of an I/O APIC: where a pin's interrupt goes. Pure; layout of the 82093AA's data sheet §3.2.4. */
#pragma once

#include <arch/irq.h>
#include <irq/controller.h>
#include <lib/types.h>

#define IOAPIC_ENTRY_ACTIVE_LOW (1ull << 13)
#define IOAPIC_ENTRY_LEVEL      (1ull << 15)
#define IOAPIC_ENTRY_MASKED     (1ull << 16)
#define IOAPIC_ENTRY_DEST_SHIFT 56
#define IOAPIC_DEST_MAX         254 /* 8 bits; 255 means every CPU */

/* Fixed delivery to one CPU, masked. The destination must be at most IOAPIC_DEST_MAX. */
static inline uint64_t ioapic_entry(const struct irq_route *route, uint32_t apic_id)
{
	return route->vector | (route->is_low ? IOAPIC_ENTRY_ACTIVE_LOW : 0) |
	       (route->is_level ? IOAPIC_ENTRY_LEVEL : 0) | IOAPIC_ENTRY_MASKED |
	       (uint64_t)apic_id << IOAPIC_ENTRY_DEST_SHIFT;
}
