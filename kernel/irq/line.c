/*
 * Interrupt lines: a pin of a controller, its vector, and the drivers that share it.
 *
 * Life cycle of a line: idle (masked, no vector); connected when the first driver asks; idle again when the last one leaves.
 * A driver's action is unlinked under the lock and freed after irq_synchronize(), because dispatch walks the
 * actions without a lock.
 */
#include "irq_impl.h"

#include <abi/errno.h>
#include <log/assert.h>
#include <mm/slab.h>

#define ISA_IRQS 16

struct irq_action {
	irq_handler_t handler;   /* I */
	void *arg;               /* I */
	struct irq_action *next; /* a; written under irq_lock */
};

/* Everything: irq_lock, but for `actions`, which dispatch reads. */
struct irq_line {
	struct irq_action *actions; /* a */
	enum irq_trigger trigger;
	unsigned vector, cpu;
	unsigned mask_depth; /* irq_mask_gsi nests */
};

static struct irq_controller *controllers; /* irq_lock */

/* Written at boot. IRQ_DEFAULT: no override. */
static struct {
	unsigned gsi;
	enum irq_trigger trigger;
} isa_overrides[ISA_IRQS];

struct pin {
	struct irq_controller *controller;
	struct irq_line *line;
	unsigned number;
};

static struct pin pin_of_gsi(unsigned gsi)
{
	for (struct irq_controller *c = controllers; c; c = c->next)
		if (gsi - c->first_gsi < c->line_count)
			return (struct pin){c, &c->lines[gsi - c->first_gsi], gsi - c->first_gsi};
	return (struct pin){NULL, NULL, 0};
}

static void set_masked(struct pin pin, bool is_masked)
{
	pin.controller->ops->set_masked(pin.controller, pin.number, is_masked);
}

static enum irq_trigger resolve_trigger(unsigned gsi, enum irq_trigger trigger)
{
	if (trigger != IRQ_DEFAULT)
		return trigger;
	for (unsigned isa = 0; isa < ISA_IRQS; isa++)
		if (isa_overrides[isa].gsi == gsi && isa_overrides[isa].trigger != IRQ_DEFAULT)
			return isa_overrides[isa].trigger;
	return gsi < ISA_IRQS ? IRQ_EDGE_HIGH : IRQ_LEVEL_LOW;
}

static bool is_level(enum irq_trigger trigger)
{
	return trigger == IRQ_LEVEL_HIGH || trigger == IRQ_LEVEL_LOW;
}

/* A level line may be shared: whichever device is quiet, the other keeps it raised. */
static void handle_line(void *arg)
{
	struct irq_line *line = arg;
	for (struct irq_action *action = atomic_load_acquire(&line->actions); action;
	     action = atomic_load_acquire(&action->next))
		action->handler(action->arg);
}

static int connect_locked(struct pin pin, enum irq_trigger trigger, unsigned cpu, const char *name)
{
	void *arg = pin.line;
	int vector = irq_vectors_install_locked(cpu, 1, handle_line, &arg, name);
	if (vector < 0)
		return vector;

	struct irq_route route = {
	    .vector = (unsigned)vector,
	    .cpu = cpu,
	    .is_level = is_level(trigger),
	    .is_low = trigger == IRQ_EDGE_LOW || trigger == IRQ_LEVEL_LOW,
	};
	int err = pin.controller->ops->connect(pin.controller, pin.number, &route);
	if (err) {
		irq_vectors_undo_locked(cpu, route.vector, 1);
		return err;
	}
	pin.line->vector = route.vector;
	pin.line->cpu = cpu;
	pin.line->trigger = trigger;
	pin.line->mask_depth = 0;
	return 0;
}

static int add_action_locked(unsigned gsi, enum irq_trigger trigger, unsigned cpu,
    struct irq_action *action, const char *name)
{
	struct pin pin = pin_of_gsi(gsi);
	if (!pin.controller)
		return -ENODEV;

	trigger = resolve_trigger(gsi, trigger);
	struct irq_action **end = &pin.line->actions;
	if (*end) {
		if (!is_level(trigger) || pin.line->trigger != trigger)
			return -EBUSY;
		while (*end)
			end = &(*end)->next;
		atomic_store_release(end, action);
		return 0;
	}

	int err = connect_locked(pin, trigger, cpu, name);
	if (err)
		return err;
	atomic_store_release(end, action);
	set_masked(pin, false);
	return 0;
}

int irq_request_gsi(unsigned gsi, enum irq_trigger trigger, unsigned cpu, irq_handler_t handler,
    void *arg, const char *name)
{
	assert_no_interrupt();
	struct irq_action *action = kmalloc(sizeof(*action));
	if (!action)
		return -ENOMEM;
	*action = (struct irq_action){.handler = handler, .arg = arg};

	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	int err = add_action_locked(gsi, trigger, cpu, action, name);
	spin_unlock_irqrestore(&irq_lock, flags);
	if (err)
		kfree(action);
	return err;
}

int irq_request_isa(unsigned isa, irq_handler_t handler, void *arg, const char *name)
{
	if (isa >= ISA_IRQS)
		return -EINVAL;
	return irq_request_gsi(
	    isa_overrides[isa].gsi, isa_overrides[isa].trigger, 0, handler, arg, name);
}

/* The action, out of its line's list, or NULL. */
static struct irq_action *unlink_action_locked(
    struct irq_line *line, irq_handler_t handler, void *arg)
{
	for (struct irq_action **link = &line->actions; *link; link = &(*link)->next) {
		struct irq_action *action = *link;
		if (action->handler == handler && action->arg == arg) {
			atomic_store(link, action->next);
			return action;
		}
	}
	return NULL;
}

/* The vector keeps its handler, now without actions, until what was on its way has arrived. */
void irq_release_gsi(unsigned gsi, irq_handler_t handler, void *arg)
{
	assert_no_interrupt();
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	struct pin pin = pin_of_gsi(gsi);
	assert(pin.controller);
	struct irq_action *action = unlink_action_locked(pin.line, handler, arg);
	assert(action);
	unsigned cpu = pin.line->cpu, vector = pin.line->vector;
	bool was_last = !pin.line->actions;
	if (was_last)
		set_masked(pin, true);
	spin_unlock_irqrestore(&irq_lock, flags);

	irq_synchronize(cpu);
	kfree(action);
	if (was_last)
		irq_vectors_release(cpu, vector, 1);
}

void irq_release_isa(unsigned isa, irq_handler_t handler, void *arg)
{
	irq_release_gsi(irq_gsi_of_isa(isa), handler, arg);
}

void irq_mask_gsi(unsigned gsi)
{
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	struct pin pin = pin_of_gsi(gsi);
	assert(pin.controller && pin.line->actions);
	if (pin.line->mask_depth++ == 0)
		set_masked(pin, true);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void irq_unmask_gsi(unsigned gsi)
{
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	struct pin pin = pin_of_gsi(gsi);
	assert(pin.controller && pin.line->mask_depth > 0);
	if (--pin.line->mask_depth == 0)
		set_masked(pin, false);
	spin_unlock_irqrestore(&irq_lock, flags);
}

int irq_controller_register(struct irq_controller *controller)
{
	assert(controller->line_count > 0);
	controller->lines = kmalloc_array(controller->line_count, sizeof(struct irq_line));
	if (!controller->lines)
		return -ENOMEM;

	unsigned last = controller->first_gsi + controller->line_count - 1;
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	bool overlaps = false;
	for (const struct irq_controller *c = controllers; c; c = c->next)
		overlaps |=
		    controller->first_gsi < c->first_gsi + c->line_count && c->first_gsi <= last;
	if (!overlaps) {
		controller->next = controllers;
		controllers = controller;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	if (overlaps)
		kfree(controller->lines);
	return overlaps ? -EEXIST : 0;
}

void irq_set_isa_override(unsigned isa, unsigned gsi, enum irq_trigger trigger)
{
	assert(isa < ISA_IRQS);
	isa_overrides[isa].gsi = gsi;
	isa_overrides[isa].trigger = trigger;
}

unsigned irq_gsi_of_isa(unsigned isa)
{
	assert(isa < ISA_IRQS);
	return isa_overrides[isa].gsi;
}

void irq_init(void)
{
	for (unsigned isa = 0; isa < ISA_IRQS; isa++)
		irq_set_isa_override(isa, isa, IRQ_DEFAULT);
}

void irq_line_tell_locked(struct irq_stats *stats)
{
	stats->gsi = -1;
	for (const struct irq_controller *c = controllers; c; c = c->next)
		for (unsigned pin = 0; pin < c->line_count; pin++) {
			const struct irq_line *line = &c->lines[pin];
			if (!line->actions || line->vector != stats->vector ||
			    line->cpu != stats->cpu)
				continue;
			stats->gsi = (int)(c->first_gsi + pin);
			stats->is_level =
			    line->trigger == IRQ_LEVEL_HIGH || line->trigger == IRQ_LEVEL_LOW;
		}
}
