/*
 * The two ways to configuration space on a PC: memory (ECAM, told by ACPI's MCFG table), 4 KiB a function; and the ports
 * 0xcf8 and 0xcfc, an address and a data register, 256 bytes a function and the first segment only.
 */
#include "pci_impl.h"

#include <acpi/machine.h>
#include <arch/cpu.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <sync/spinlock.h>
#include <x86/io.h>

#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE 0x80000000u
#define BUS_SIZE       MiB

static volatile uint8_t *ecam_maps[MACHINE_ECAM_MAX]; /* of bus_first; immutable after init */
static struct spinlock port_lock = SPINLOCK_INIT("PCI ports", RANK_PCI_PORTS);

/* --- memory ------------------------------------------------------------------------------------------------------- */

static volatile uint8_t *ecam_register(struct pci_address at, unsigned offset)
{
	for (size_t i = 0; i < machine.ecam_count; i++) {
		const struct machine_ecam *ecam = &machine.ecams[i];
		if (!ecam_maps[i] || ecam->segment != at.segment || at.bus < ecam->bus_first ||
		    at.bus > ecam->bus_last)
			continue;
		return ecam_maps[i] + (size_t)(at.bus - ecam->bus_first) * BUS_SIZE +
		       ((unsigned)at.slot << 15 | (unsigned)at.function << 12 | offset);
	}
	return NULL;
}

static uint32_t ecam_read(struct pci_address at, unsigned offset, unsigned width)
{
	volatile uint8_t *reg = ecam_register(at, offset);
	if (!reg)
		return ~0u;
	return width == 1   ? *reg
	       : width == 2 ? *(volatile uint16_t *)reg
			    : *(volatile uint32_t *)reg;
}

static void ecam_write(struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
	volatile uint8_t *reg = ecam_register(at, offset);
	if (!reg)
		return;
	if (width == 1)
		*reg = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)reg = (uint16_t)value;
	else
		*(volatile uint32_t *)reg = value;
}

static const struct pci_access ecam_access = {"ECAM", CONFIG_SIZE_EXTENDED, ecam_read, ecam_write};

static bool ecam_init(void)
{
	bool has_any = false;
	for (size_t i = 0; i < machine.ecam_count; i++) {
		const struct machine_ecam *ecam = &machine.ecams[i];
		size_t len = (size_t)(ecam->bus_last - ecam->bus_first + 1) * BUS_SIZE;
		ecam_maps[i] = device_map(ecam->address + ecam->bus_first * BUS_SIZE, len);
		has_any |= ecam_maps[i] != NULL;
	}
	return has_any;
}

/* --- ports -------------------------------------------------------------------------------------------------------- */

static uint32_t port_address(struct pci_address at, unsigned offset)
{
	return ADDRESS_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.slot << 11 |
	       (uint32_t)at.function << 8 | (offset & ~3u);
}

static uint32_t port_read(struct pci_address at, unsigned offset, unsigned width)
{
	if (at.segment)
		return ~0u;
	irq_flags_t flags = spin_lock_irqsave(&port_lock);
	io_out32(PORT_ADDRESS, port_address(at, offset));
	uint32_t value = io_in32(PORT_DATA) >> 8 * (offset & 3);
	spin_unlock_irqrestore(&port_lock, flags);
	return width == 4 ? value : value & ((1u << 8 * width) - 1);
}

static void port_write(struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
	if (at.segment)
		return;
	uint16_t port = (uint16_t)(PORT_DATA + (offset & 3));
	irq_flags_t flags = spin_lock_irqsave(&port_lock);
	io_out32(PORT_ADDRESS, port_address(at, offset));
	if (width == 1)
		io_out8(port, (uint8_t)value);
	else if (width == 2)
		io_out16(port, (uint16_t)value);
	else
		io_out32(port, value);
	spin_unlock_irqrestore(&port_lock, flags);
}

static const struct pci_access port_access = {"ports", CONFIG_SIZE, port_read, port_write};

/* Where there is a host bridge, its address register keeps what was written. */
static bool port_init(void)
{
	io_out32(PORT_ADDRESS, ADDRESS_ENABLE);
	return io_in32(PORT_ADDRESS) == ADDRESS_ENABLE;
}

bool pci_access_init(void)
{
	if (ecam_init())
		pci_access = &ecam_access;
	else if (port_init())
		pci_access = &port_access;
	return pci_access;
}
