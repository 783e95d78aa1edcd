/* devices: what the drivers run, and what is on the PCI bus. */
#include "command.h"

#include <driver/driver.h>
#include <log/log.h>
#include <pci/pci.h>

static void print_bar(unsigned n, const struct pci_bar *bar)
{
	const char *where = bar->address ? "" : ", not assigned";
	char size[SIZE_TEXT_MAX];

	if (bar->is_port)
		console_printf(
		    "    %u: ports %#lx, %lu of them%s\n", n, bar->address, bar->size, where);
	else
		console_printf("    %u: %#lx, %s%s%s\n", n, bar->address,
		    size_format(size, bar->size), bar->is_prefetchable ? ", prefetchable" : "",
		    where);
}

static void print_pci(const struct pci_device *device)
{
	struct pci_address at = device->at;
	console_printf("  %04x:%02x:%02x.%x  %04x:%04x  class %02x%02x  %-8s%s%s\n", at.segment,
	    at.bus, at.slot, at.function, device->vendor, device->device, device->class,
	    device->subclass, device->driver ? device->driver : "-", device->msi ? " MSI" : "",
	    device->msix ? " MSI-X" : "");
	for (unsigned n = 0; n < PCI_BARS_MAX; n++)
		if (device->bars[n].size)
			print_bar(n, &device->bars[n]);
}

void command_devices(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	struct device *device;
	for (unsigned id = 0; (device = device_by_id(id)); id++)
		console_printf("%u  %-12s %s%s\n", id, device->driver->name,
		    device_type_name(device->driver->type),
		    device_is_ready(device) ? "" : ", not ready");
	const struct pci_device *pci;
	list_for_each(pci, &pci_devices, link)
		print_pci(pci);
}
