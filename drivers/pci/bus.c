/* PCI as a device of its own: found, scanned, and its devices offered to the drivers of the table. */
#include "pci_impl.h"

#include <abi/errno.h>
#include <acpi/machine.h>
#include <driver/driver.h>
#include <log/log.h>

static bool matches(const struct pci_match *match, const struct pci_device *device)
{
	uint16_t class = (uint16_t)(device->class << 8 | device->subclass);
	return (match->vendor == PCI_ANY || match->vendor == device->vendor) &&
	       (match->device == PCI_ANY || match->device == device->device) &&
	       (match->class == PCI_ANY || match->class == class);
}

static void offer(const struct driver *driver, void *ctx)
{
	struct pci_device *device = ctx;
	if (!driver->pci || device->driver)
		return;
	for (const struct pci_match *match = driver->pci;
	     match->vendor || match->device || match->class; match++) {
		if (!matches(match, device))
			continue;
		if (device_start(driver, device) == 0)
			device->driver = driver->name;
		return;
	}
}

static int scan_all(void)
{
	if (!machine.ecam_count || pci_access->size == CONFIG_SIZE)
		return pci_scan_bus(0, 0);
	for (size_t i = 0; i < machine.ecam_count; i++) {
		int err = pci_scan_bus(machine.ecams[i].segment, machine.ecams[i].bus_first);
		if (err)
			return err;
	}
	return 0;
}

static int pci_init(struct device *device)
{
	(void)device;
	if (!pci_access_init())
		return -ENODEV;

	if (scan_all())
		log_err("pci", "out of memory: not all devices were found");
	unsigned count = 0;
	struct pci_device *found;
	list_for_each(found, &pci_devices, link) {
		count++;
		driver_for_each(offer, found);
	}
	log_info("pci", "%u devices, by %s", count, pci_access->name);
	return 0;
}

extern const struct driver pci_driver;
const struct driver pci_driver = {.name = "pci", .type = DEVICE_BUS, .init = pci_init};
