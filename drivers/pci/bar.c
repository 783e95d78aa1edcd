/* Base address registers: where a device's registers lie, and how large each range is. */
#include "pci_impl.h"

#include <mm/kernel_map.h>

#define BAR_PORT           (1u << 0)
#define BAR_64             (2u << 1)
#define BAR_TYPE           (3u << 1)
#define BAR_PREFETCHABLE   (1u << 3)
#define BAR_FLAGS_MEMORY   0xfull
#define BAR_FLAGS_PORT     0x3ull
#define CLASS_HOST_BRIDGE  0x06
#define PORT_ADDRESSES_END 0x10000ull

/* What the writable bits of a register are: the range's size is the lowest of them. */
static uint32_t writable_bits(struct pci_address at, unsigned reg, uint32_t old)
{
	pci_write32(at, reg, ~0u);
	uint32_t bits = pci_read32(at, reg);
	pci_write32(at, reg, old);
	return bits;
}

/* Returns how many registers the range takes: 1, or 2 with a 64-bit address. */
static unsigned probe(struct pci_device *device, unsigned n)
{
	struct pci_bar *bar = &device->bars[n];
	unsigned reg = PCI_BAR(n);
	uint32_t low = pci_read32(device->at, reg);
	uint64_t bits = writable_bits(device->at, reg, low), address = low;

	bar->is_port = low & BAR_PORT;
	bar->is_64 = !bar->is_port && (low & BAR_TYPE) == BAR_64 && n + 1 < PCI_BARS_MAX;
	bar->is_prefetchable = !bar->is_port && low & BAR_PREFETCHABLE;
	if (bar->is_64) {
		uint32_t high = pci_read32(device->at, reg + 4);
		bits |= (uint64_t)writable_bits(device->at, reg + 4, high) << 32;
		address |= (uint64_t)high << 32;
	} else if (bits) {
		bits |= 0xffffffff00000000ull;
	}

	uint64_t flags = bar->is_port ? BAR_FLAGS_PORT : BAR_FLAGS_MEMORY;
	bits &= ~flags;
	/* A port range need not decode the upper half. */
	if (bits)
		bar->size = bits & -bits;
	bar->address = bar->size ? address & ~flags : 0;
	if (bar->is_port && bar->address >= PORT_ADDRESSES_END)
		bar->address = 0;
	return bar->is_64 ? 2 : 1;
}

void pci_probe_bars(struct pci_device *device)
{
	/* The host bridge's ranges may be where memory is decoded: leave them alone. */
	if (device->class == CLASS_HOST_BRIDGE)
		return;

	uint16_t command = pci_read16(device->at, PCI_COMMAND);
	pci_write16(device->at, PCI_COMMAND, command & ~(COMMAND_PORTS | COMMAND_MEMORY));
	for (unsigned n = 0; n < PCI_BARS_MAX;)
		n += probe(device, n);
	pci_write16(device->at, PCI_COMMAND, command);
}

void pci_enable(struct pci_device *device)
{
	uint16_t command = pci_read16(device->at, PCI_COMMAND);
	pci_write16(device->at, PCI_COMMAND,
	    command | COMMAND_PORTS | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_INTX);
}

void pci_disable(struct pci_device *device)
{
	uint16_t command = pci_read16(device->at, PCI_COMMAND);
	pci_write16(device->at, PCI_COMMAND, command & ~COMMAND_BUS_MASTER);
}

volatile void *pci_map_bar(struct pci_device *device, unsigned n)
{
	if (n >= PCI_BARS_MAX)
		return NULL;
	const struct pci_bar *bar = &device->bars[n];
	return bar->address && !bar->is_port ? device_map(bar->address, bar->size) : NULL;
}
