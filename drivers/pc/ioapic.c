/*
 * I/O APICs: the wires of devices become messages to CPUs. Two registers, an index and a window, give access to one 64-bit
 * redirection entry a pin.
 *
 * Locking: kernel/irq calls under its own lock, which also guards the index register.
 */
#include "ioapic_entry.h"
#include "pc_impl.h"

#include <abi/errno.h>
#include <acpi/machine.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <x86/lapic.h>

#define REGISTERS_LEN 0x20
#define INDEX         (0x00 / 4)
#define WINDOW        (0x10 / 4)

#define REG_VERSION    0x01
#define REG_ENTRY(pin) (0x10 + 2 * (pin))
#define PINS_MAX       240

struct ioapic {
	struct irq_controller controller;
	volatile uint32_t *registers;
};

static struct ioapic ioapics[MACHINE_IOAPICS_MAX];

static uint32_t read_register(const struct ioapic *ioapic, unsigned reg)
{
	ioapic->registers[INDEX] = reg;
	return ioapic->registers[WINDOW];
}

static void write_register(const struct ioapic *ioapic, unsigned reg, uint32_t value)
{
	ioapic->registers[INDEX] = reg;
	ioapic->registers[WINDOW] = value;
}

static struct ioapic *ioapic_of(struct irq_controller *controller)
{
	return container_of(controller, struct ioapic, controller);
}

/* Passing through a masked edge entry forgets a level interrupt whose end never came (its vector has changed). */
static int connect(struct irq_controller *controller, unsigned pin, const struct irq_route *route)
{
	uint32_t apic_id = *per_cpu_ptr(lapic_cpu_id, route->cpu);
	if (apic_id > IOAPIC_DEST_MAX)
		return -EINVAL;

	const struct ioapic *ioapic = ioapic_of(controller);
	uint64_t entry = ioapic_entry(route, apic_id);
	write_register(ioapic, REG_ENTRY(pin), IOAPIC_ENTRY_MASKED);
	write_register(ioapic, REG_ENTRY(pin) + 1, (uint32_t)(entry >> 32));
	write_register(ioapic, REG_ENTRY(pin), (uint32_t)entry);
	return 0;
}

static void set_masked(struct irq_controller *controller, unsigned pin, bool is_masked)
{
	const struct ioapic *ioapic = ioapic_of(controller);
	uint32_t low = read_register(ioapic, REG_ENTRY(pin));
	low = is_masked ? low | IOAPIC_ENTRY_MASKED : low & ~(uint32_t)IOAPIC_ENTRY_MASKED;
	write_register(ioapic, REG_ENTRY(pin), low);
}

static const struct irq_controller_ops ioapic_ops = {.connect = connect, .set_masked = set_masked};

static void init_one(struct ioapic *ioapic, const struct machine_ioapic *facts)
{
	ioapic->registers = device_map(facts->address, REGISTERS_LEN);
	if (!ioapic->registers) {
		log_err("ioapic", "no memory to map the one at %#llx",
		    (unsigned long long)facts->address);
		return;
	}
	unsigned pins = (read_register(ioapic, REG_VERSION) >> 16 & 0xff) + 1;
	if (pins > PINS_MAX) {
		log_err("ioapic", "nothing answers at %#llx", (unsigned long long)facts->address);
		return;
	}

	for (unsigned pin = 0; pin < pins; pin++)
		write_register(ioapic, REG_ENTRY(pin), IOAPIC_ENTRY_MASKED);
	ioapic->controller = (struct irq_controller){
	    .name = "I/O APIC",
	    .first_gsi = facts->gsi_base,
	    .line_count = pins,
	    .ops = &ioapic_ops,
	};
	int err = irq_controller_register(&ioapic->controller);
	if (err)
		log_err("ioapic", "the one at %#llx is left out (error %d)",
		    (unsigned long long)facts->address, -err);
	else
		log_info(
		    "ioapic", "interrupts %u to %u", facts->gsi_base, facts->gsi_base + pins - 1);
}

static enum irq_trigger trigger_of(const struct machine_irq *irq)
{
	if (irq->level)
		return irq->active_low ? IRQ_LEVEL_LOW : IRQ_LEVEL_HIGH;
	return irq->active_low ? IRQ_EDGE_LOW : IRQ_EDGE_HIGH;
}

void ioapic_init(void)
{
	for (unsigned isa = 0; isa < MACHINE_ISA_IRQS; isa++)
		irq_set_isa_override(
		    isa, machine.isa_irqs[isa].gsi, trigger_of(&machine.isa_irqs[isa]));
	for (size_t i = 0; i < machine.ioapic_count; i++)
		init_one(&ioapics[i], &machine.ioapics[i]);
}
