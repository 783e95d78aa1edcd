/* The registers of configuration space (PCI Local Bus 3.0 §6, PCI Express Base §7), and what the files here share. */
#pragma once

#include <pci/pci.h>

#define PCI_VENDOR           0x00
#define PCI_DEVICE           0x02
#define PCI_COMMAND          0x04
#define PCI_STATUS           0x06
#define PCI_REVISION         0x08
#define PCI_INTERFACE        0x09
#define PCI_SUBCLASS         0x0a
#define PCI_CLASS            0x0b
#define PCI_HEADER_TYPE      0x0e
#define PCI_BAR(n)           (0x10 + 4 * (n))
#define PCI_SECONDARY_BUS    0x19 /* of a bridge */
#define PCI_SUBSYSTEM_VENDOR 0x2c
#define PCI_SUBSYSTEM        0x2e
#define PCI_CAPABILITIES     0x34

#define COMMAND_PORTS        (1 << 0)
#define COMMAND_MEMORY       (1 << 1)
#define COMMAND_BUS_MASTER   (1 << 2)
#define COMMAND_NO_INTX      (1 << 10)
#define STATUS_CAPABILITIES  (1 << 4)
#define HEADER_TYPE_MASK     0x7f
#define HEADER_MULTIFUNCTION 0x80
#define HEADER_DEVICE        0
#define HEADER_BRIDGE        1

#define CAPABILITY_MSI  0x05
#define CAPABILITY_MSIX 0x11

#define CONFIG_SIZE          256
#define CONFIG_SIZE_EXTENDED 4096

/* How configuration space is reached. `width` is 1, 2 or 4; `offset` is aligned to it and in range. */
struct pci_access {
	const char *name;
	unsigned size; /* of a function's space */
	uint32_t (*read)(struct pci_address at, unsigned offset, unsigned width);
	void (*write)(struct pci_address at, unsigned offset, unsigned width, uint32_t value);
};

extern const struct pci_access *pci_access;

/* Chooses the access, and maps what it needs. False: this machine has no PCI. */
MUST_USE bool pci_access_init(void);
/* Fills the list from one bus and the buses behind it. -ENOMEM: what was found so far is in the list. */
MUST_USE int pci_scan_bus(uint16_t segment, uint8_t bus);
/* Finds the size of each range by writing ones to it; the device does not answer meanwhile. */
void pci_probe_bars(struct pci_device *device);
