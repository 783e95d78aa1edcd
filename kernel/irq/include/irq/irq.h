/*
 * Interrupts, from the vector up: exceptions go to the architecture's handlers, everything else comes to irq_dispatch.
 * A line is an interrupt of the machine (a GSI of an I/O APIC); a message (MSI, MSI-X) is a vector with an
 * address and a value that the device writes.
 *
 * Handlers run in interrupt context: interrupts off, no sleeping, no allocation. Keep them short: wake a thread.
 */
#pragma once

#include <arch/percpu.h>
#include <lib/types.h>

typedef void (*irq_handler_t)(void *arg);

/* Entry from the architecture, for any vector from 32 on: runs the handler, acknowledges, preempts on the way out. */
void irq_dispatch(unsigned vector);

enum irq_trigger {
	IRQ_DEFAULT, /* what the bus says: ISA edge high, PCI level low, ACPI overrides */
	IRQ_EDGE_HIGH,
	IRQ_EDGE_LOW,
	IRQ_LEVEL_HIGH,
	IRQ_LEVEL_LOW,
};

/* A legacy ISA interrupt (0-15), through ACPI's overrides, or a GSI. -EBUSY when taken with another trigger or not
 * shareable, -ENODEV when no I/O APIC has it, -ENOSPC when vectors ran out. Delivered to `cpu`. Starts unmasked. */
MUST_USE int irq_request_isa(unsigned isa, irq_handler_t handler, void *arg, const char *name);
MUST_USE int irq_request_gsi(unsigned gsi, enum irq_trigger trigger, unsigned cpu,
    irq_handler_t handler, void *arg, const char *name);
/* The handler does not run any more when these return. Context: thread, interrupts on, no spinlock held. */
void irq_release_gsi(unsigned gsi, irq_handler_t handler, void *arg);
void irq_release_isa(unsigned isa, irq_handler_t handler, void *arg);
unsigned irq_gsi_of_isa(unsigned isa);
/* These nest; the line must have been requested. Context: any. A handler that leaves the rest to a thread masks its level
 * line, and the thread unmasks it when the device is quiet. */
void irq_mask_gsi(unsigned gsi);
void irq_unmask_gsi(unsigned gsi);

/* What to put into a device's MSI capability or MSI-X table entry. */
struct msi_message {
	uint64_t address;
	uint32_t data;
	unsigned vector, cpu;
};
MUST_USE int msi_request(
    unsigned cpu, irq_handler_t handler, void *arg, const char *name, struct msi_message *message);
/* `count` (a power of two, up to 32) consecutive vectors for multi-message MSI; `arg` gets the array's elements. */
MUST_USE int msi_request_block(unsigned cpu, unsigned count, irq_handler_t handler,
    void *const *args, const char *name, struct msi_message *message);
void msi_release(const struct msi_message *message, unsigned count);

/* Statistics for the monitor: calls fn, without a lock held, for every vector in use. Vectors are per CPU. */
struct irq_stats {
	unsigned vector, cpu;
	const char *name;
	uint64_t count;
	int gsi;       /* of a line; -1: a message, or the processor's own */
	bool is_level; /* a line */
};
void irq_for_each_stats(void (*fn)(const struct irq_stats *stats, void *ctx), void *ctx);
/* Interrupts that came to a vector without a handler, on all CPUs; the first of each vector is logged. */
uint64_t irq_unclaimed_count(void);

/* Before the first request. Controllers are added by irq_controller_register(). */
void irq_init(void);
