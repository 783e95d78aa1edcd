/*
 * Power-off and reset. Every way that the machine may know is tried in turn, the tables' own first;
 * the last, a triple fault, cannot fail. ACPI 6.5, 4.8.3.2 (PM1 control), 4.8.3.7 (sleep control),
 * 4.8.3.6 (reset register).
 */
#include <acpi/machine.h>
#include <acpi/power.h>
#include <arch/cpu.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <x86/io.h>

#define PM1_SCI_ENABLED   1u
#define PM1_TYPE_SHIFT    10
#define PM1_TYPE_MASK     (7u << PM1_TYPE_SHIFT)
#define PM1_SLEEP         (1u << 13)
#define SLEEP_TYPE_SHIFT  2
#define SLEEP_SLEEP       (1u << 5)
#define KEYBOARD_STATUS   0x64
#define KEYBOARD_BUSY     2
#define KEYBOARD_RESET    0xfe
#define RESET_CONTROL     0xcf9 /* of PCI chipsets */
#define RESET_CONTROL_ALL 0x06
#define PATIENCE          10000000 /* pauses: a fraction of a second */

/* Where registers that lie in memory are mapped; NULL for those in ports. */
static volatile uint8_t *sleep_control_va, *reset_va; /* immutable after power_init */

static volatile uint8_t *map_register(const struct machine_register *reg)
{
	if (!reg->address || reg->space != MACHINE_SPACE_MEMORY)
		return NULL;
	volatile uint8_t *va = device_map(reg->address, 1);
	if (!va)
		log_warn("power", "the register at %#lx cannot be mapped", reg->address);
	return va;
}

void power_init(void)
{
	sleep_control_va = map_register(&machine.fixed.sleep_control);
	reset_va = map_register(&machine.fixed.reset);
}

/* False when there is no such register. */
static bool write_register(const struct machine_register *reg, volatile uint8_t *va, uint8_t value)
{
	if (va)
		*va = value;
	else if (reg->address && reg->space == MACHINE_SPACE_PORT)
		io_out8((uint16_t)reg->address, value);
	else
		return false;
	return true;
}

/* PM1 control, of 16 bits: always in ports on a PC. */
static bool has_pm1(const struct machine_register *reg)
{
	return reg->address && reg->space == MACHINE_SPACE_PORT;
}

static uint16_t read_pm1(const struct machine_register *reg)
{
	return io_in16((uint16_t)reg->address);
}

static void wait_a_moment(void)
{
	for (unsigned i = 0; i < PATIENCE; i++)
		cpu_relax();
}

/* Until ACPI mode is on, the firmware owns PM1. */
static void enable_acpi_mode(const struct machine_fixed *fixed)
{
	if (!fixed->smi_command || !fixed->acpi_enable)
		return;
	if (read_pm1(&fixed->pm1a_control) & PM1_SCI_ENABLED)
		return;
	io_out8(fixed->smi_command, fixed->acpi_enable);
	for (unsigned i = 0; i < PATIENCE; i++) {
		if (read_pm1(&fixed->pm1a_control) & PM1_SCI_ENABLED)
			return;
		cpu_relax();
	}
}

/* The type first, then the order to sleep: some chipsets want two writes. */
static void write_pm1(const struct machine_register *reg, uint8_t type)
{
	if (!has_pm1(reg))
		return;
	uint16_t value = (uint16_t)((read_pm1(reg) & ~PM1_TYPE_MASK) | type << PM1_TYPE_SHIFT);
	io_out16((uint16_t)reg->address, value);
	io_out16((uint16_t)reg->address, value | PM1_SLEEP);
}

void machine_power_off(void)
{
	const struct machine_fixed *fixed = &machine.fixed;
	irq_disable();
	if (fixed->has_s5 && fixed->hardware_reduced) {
		uint8_t value = (uint8_t)(fixed->s5_type_a << SLEEP_TYPE_SHIFT | SLEEP_SLEEP);
		if (write_register(&fixed->sleep_control, sleep_control_va, value))
			wait_a_moment();
	} else if (fixed->has_s5 && has_pm1(&fixed->pm1a_control)) {
		enable_acpi_mode(fixed);
		write_pm1(&fixed->pm1a_control, fixed->s5_type_a);
		write_pm1(&fixed->pm1b_control, fixed->s5_type_b);
		wait_a_moment();
	}
	machine_reset();
}

/* Without a table of interrupts the next exception ends in a shutdown, which resets the machine. */
static NORETURN void triple_fault(void)
{
	static const struct PACKED {
		uint16_t limit;
		uint64_t base;
	} nothing;
	__asm__ volatile("lidt %0; int3" : : "m"(nothing));
	__builtin_unreachable();
}

void machine_reset(void)
{
	const struct machine_fixed *fixed = &machine.fixed;
	irq_disable();
	if (write_register(&fixed->reset, reset_va, fixed->reset_value))
		wait_a_moment();
	if (fixed->has_8042) {
		for (unsigned i = 0; i < 100000 && io_in8(KEYBOARD_STATUS) & KEYBOARD_BUSY; i++)
			cpu_relax();
		io_out8(KEYBOARD_STATUS, KEYBOARD_RESET);
	}
	io_out8(RESET_CONTROL, RESET_CONTROL_ALL);
	triple_fault();
}
