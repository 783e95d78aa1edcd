/*
 * The interrupt controller that each CPU has, as far as kernel/irq needs it. Vectors IRQ_VECTOR_FIRST..IRQ_VECTOR_LAST come to
 * irq_dispatch(); of these, IRQ_DEVICE_FIRST..IRQ_DEVICE_LAST can be given to devices, the rest is the architecture's
 * own (timer, inter-processor interrupts). The numbers are in <arch/irq_impl.h>.
 */
#pragma once

#include <lib/types.h>

#include <arch/irq_impl.h>

/* This CPU is done with the interrupt: the next one may come as soon as interrupts are on. */
void arch_irq_end(unsigned vector);

/* The address and value with which a device raises `vector` on `cpu`, and what an I/O APIC puts into its entry for the
 * same. -EINVAL when a device cannot reach that CPU. */
MUST_USE int arch_msi_compose(unsigned cpu, unsigned vector, uint64_t *address, uint32_t *data);
