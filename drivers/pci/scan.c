/* Finding devices: every slot of a bus, and the buses behind its bridges. */
#include "pci_impl.h"

#include <abi/errno.h>
#include <log/log.h>
#include <mm/slab.h>

#define SLOTS     32
#define FUNCTIONS 8

struct list pci_devices = LIST_INIT(pci_devices);

static struct pci_device *describe(struct pci_address at, uint8_t header_type)
{
	struct pci_device *device = kzalloc(sizeof(*device));
	if (!device)
		return NULL;

	device->at = at;
	device->vendor = pci_read16(at, PCI_VENDOR);
	device->device = pci_read16(at, PCI_DEVICE);
	device->class = pci_read8(at, PCI_CLASS);
	device->subclass = pci_read8(at, PCI_SUBCLASS);
	device->interface = pci_read8(at, PCI_INTERFACE);
	device->revision = pci_read8(at, PCI_REVISION);
	device->is_bridge = header_type != HEADER_DEVICE;
	if (!device->is_bridge) {
		device->subsystem_vendor = pci_read16(at, PCI_SUBSYSTEM_VENDOR);
		device->subsystem = pci_read16(at, PCI_SUBSYSTEM);
		pci_probe_bars(device);
	}
	device->msi = (uint8_t)pci_find_capability(at, CAPABILITY_MSI);
	device->msix = (uint8_t)pci_find_capability(at, CAPABILITY_MSIX);
	log_debug("pci", "%04x:%02x:%02x.%u %04x:%04x class %02x%02x", at.segment, at.bus, at.slot,
	    at.function, device->vendor, device->device, device->class, device->subclass);
	return device;
}

static int scan_function(struct pci_address at, uint8_t *header)
{
	*header = pci_read8(at, PCI_HEADER_TYPE);
	struct pci_device *device = describe(at, *header & HEADER_TYPE_MASK);
	if (!device)
		return -ENOMEM;
	list_push_back(&pci_devices, &device->link);

	if ((*header & HEADER_TYPE_MASK) != HEADER_BRIDGE)
		return 0;
	/* Buses behind a bridge have higher numbers than it; anything else would lead round in circles. */
	uint8_t behind = pci_read8(at, PCI_SECONDARY_BUS);
	return behind > at.bus ? pci_scan_bus(at.segment, behind) : 0;
}

int pci_scan_bus(uint16_t segment, uint8_t bus)
{
	for (unsigned i = 0; i < SLOTS * FUNCTIONS; i++) {
		struct pci_address at = {
		    segment, bus, (uint8_t)(i / FUNCTIONS), (uint8_t)(i % FUNCTIONS)};
		uint8_t header = HEADER_MULTIFUNCTION;

		if (pci_read16(at, PCI_VENDOR) != 0xffff) {
			int err = scan_function(at, &header);
			if (err)
				return err;
		} else if (at.function == 0) {
			header = 0;
		}
		/* Without a function 0, or when that says it is alone, the slot has no others. */
		if (at.function == 0 && !(header & HEADER_MULTIFUNCTION))
			i += FUNCTIONS - 1;
	}
	return 0;
}

struct pci_device *pci_find(uint16_t vendor, uint16_t device, struct pci_device *after)
{
	struct list *node = after ? after->link.next : pci_devices.next;
	for (; node != &pci_devices; node = node->next) {
		struct pci_device *found = list_entry(node, struct pci_device, link);
		if ((vendor == PCI_ANY || found->vendor == vendor) &&
		    (device == PCI_ANY || found->device == device))
			return found;
	}
	return NULL;
}
