/*
 * PCI: the devices that were found, their configuration space, address ranges (BARs), capabilities and interrupts (MSI and
 * MSI-X only: a PCI line's number is known only to the firmware's byte code, which this kernel does not run).
 *
 * The bus is scanned once, at boot; the list never changes afterwards. A device belongs to the one driver whose match accepted it.
 *
 * Addresses are as the firmware left them: a range that it did not assign cannot be mapped.
 *
 * Context: thread, unless it says otherwise. A device's functions are for its driver, which excludes itself.
 */
#pragma once

#include <irq/irq.h>
#include <lib/list.h>

#define PCI_BARS_MAX 6
#define PCI_ANY      0xffff

struct pci_address {
	uint16_t segment;
	uint8_t bus, slot, function;
};

struct pci_bar {
	uint64_t address; /* 0: not there, or not assigned */
	uint64_t size;
	bool is_port, is_prefetchable, is_64;
};

struct pci_vector {
	bool is_used;
	struct msi_message message;
};

/* I: immutable after the scan; d: its driver's */
struct pci_device {
	struct list link; /* I: in pci_devices */
	struct pci_address at;
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint8_t class, subclass, interface, revision;
	bool is_bridge;                    /* to another bus: its ranges are not probed */
	struct pci_bar bars[PCI_BARS_MAX]; /* I */
	uint8_t msi, msix;                 /* I: offsets of the capabilities; 0: none */
	const char *driver;                /* its name; NULL: nobody's */
	volatile uint32_t *msix_table;     /* d: mapped while MSI-X is on */
	unsigned vector_count;      /* d: of the array below; 0: message interrupts are off */
	struct pci_vector *vectors; /* d */
};

extern struct list pci_devices;

/* A row of a driver's match: PCI_ANY in a field accepts all; class is class << 8 | subclass. Ends with a row of zeroes. */
struct pci_match {
	uint16_t vendor, device, class;
};

/* For tests and the monitor: the next device after `after` (NULL: from the start) that matches, or NULL. */
struct pci_device *pci_find(uint16_t vendor, uint16_t device, struct pci_device *after);

/* Configuration space; offsets are multiples of the width. Absent registers read as ones. Context: any. */
uint8_t pci_read8(struct pci_address at, unsigned offset);
uint16_t pci_read16(struct pci_address at, unsigned offset);
uint32_t pci_read32(struct pci_address at, unsigned offset);
void pci_write16(struct pci_address at, unsigned offset, uint16_t value);
void pci_write32(struct pci_address at, unsigned offset, uint32_t value);

/* The offset of a capability (from the standard list, or from the extended one above 256), or 0. */
unsigned pci_find_capability(struct pci_address at, uint8_t id);
unsigned pci_find_extended_capability(struct pci_address at, uint16_t id);

/* Answers to memory and port accesses, may write to memory by itself, interrupts only by message. */
void pci_enable(struct pci_device *device);
/* Also no longer writes to memory. */
void pci_disable(struct pci_device *device);

/* The whole range, uncached; unmap with device_unmap. NULL when it is none of memory, not assigned, or out of memory. */
MUST_USE volatile void *pci_map_bar(struct pci_device *device, unsigned bar);

/*
 * Message interrupts. pci_irq_enable turns on MSI-X, else MSI, with room for up to `count` interrupts (MSI: one) and returns how
 * many there are, or -ENODEV (the device can do neither), -ENOMEM, -EBUSY (on already). pci_irq_request routes one of them.
 * pci_irq_disable releases what is still routed.
 */
MUST_USE int pci_irq_enable(struct pci_device *device, unsigned count);
MUST_USE int pci_irq_request(struct pci_device *device, unsigned index, unsigned cpu,
    irq_handler_t handler, void *arg, const char *name);
void pci_irq_release(struct pci_device *device, unsigned index);
void pci_irq_disable(struct pci_device *device);
/* Only MSI, although the device may do MSI-X: for tests, and for devices whose MSI-X is broken. */
MUST_USE int pci_msi_enable(struct pci_device *device);
