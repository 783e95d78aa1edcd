/*
 * What kernel/irq asks of the hardware that turns interrupt lines into vectors (an I/O APIC), and of the architecture's
 * own vectors. Drivers that merely want an interrupt use <irq/irq.h>.
 */
#pragma once

#include <irq/irq.h>

struct irq_controller;

struct irq_route {
	unsigned vector, cpu;
	bool is_level, is_low;
};

struct irq_controller_ops {
	/* Both are called under the interrupt lock, interrupts off. Connecting leaves the line masked. -EINVAL: the line cannot
	 * reach that CPU. */
	int (*connect)(
	    struct irq_controller *controller, unsigned pin, const struct irq_route *route);
	void (*set_masked)(struct irq_controller *controller, unsigned pin, bool is_masked);
};

struct irq_controller {
	const char *name;
	unsigned first_gsi, line_count;
	const struct irq_controller_ops *ops;
	struct irq_line *lines;      /* kernel/irq's */
	struct irq_controller *next; /* kernel/irq's */
};

/* The controller is kept for good. -ENOMEM, or -EEXIST when another one has some of its lines. Boot. */
MUST_USE int irq_controller_register(struct irq_controller *controller);
/* ISA interrupt `isa` is this GSI, with this trigger. Without an override it is the GSI of its number, edge, high. */
void irq_set_isa_override(unsigned isa, unsigned gsi, enum irq_trigger trigger);

/* A vector of the architecture's own (timer, IPI), on this CPU, for good. Interrupts off. */
void irq_set_cpu_vector(unsigned vector, irq_handler_t handler, const char *name);
