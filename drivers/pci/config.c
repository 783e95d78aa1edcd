/* Configuration space as registers: reads and writes through whichever access there is, and the two lists of capabilities. */
#include "pci_impl.h"

#include <log/assert.h>

const struct pci_access *pci_access;

static uint32_t read(struct pci_address at, unsigned offset, unsigned width)
{
	debug_assert(offset % width == 0);
	if (offset >= pci_access->size)
		return ~0u;
	return pci_access->read(at, offset, width);
}

static void write(struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
	debug_assert(offset % width == 0);
	if (offset < pci_access->size)
		pci_access->write(at, offset, width, value);
}

uint8_t pci_read8(struct pci_address at, unsigned offset)
{
	return (uint8_t)read(at, offset, 1);
}

uint16_t pci_read16(struct pci_address at, unsigned offset)
{
	return (uint16_t)read(at, offset, 2);
}

uint32_t pci_read32(struct pci_address at, unsigned offset)
{
	return read(at, offset, 4);
}

void pci_write16(struct pci_address at, unsigned offset, uint16_t value)
{
	write(at, offset, 2, value);
}

void pci_write32(struct pci_address at, unsigned offset, uint32_t value)
{
	write(at, offset, 4, value);
}

/* A damaged list may go round in circles: no list is longer than the space has places. */

unsigned pci_find_capability(struct pci_address at, uint8_t id)
{
	if (!(pci_read16(at, PCI_STATUS) & STATUS_CAPABILITIES))
		return 0;
	unsigned offset = pci_read8(at, PCI_CAPABILITIES) & ~3u;
	for (unsigned left = CONFIG_SIZE / 4; offset >= 0x40 && left; left--) {
		if (pci_read8(at, offset) == id)
			return offset;
		offset = pci_read8(at, offset + 1) & ~3u;
	}
	return 0;
}

unsigned pci_find_extended_capability(struct pci_address at, uint16_t id)
{
	unsigned offset = CONFIG_SIZE;
	for (unsigned left = CONFIG_SIZE_EXTENDED / 4; offset >= CONFIG_SIZE && left; left--) {
		uint32_t header = pci_read32(at, offset);
		if (header == 0 || header == ~0u)
			return 0;
		if ((header & 0xffff) == id)
			return offset;
		offset = header >> 20 & ~3u;
	}
	return 0;
}
