/*
 * Message interrupts: the device writes a value to an address, and that is an interrupt. MSI keeps one address and value in
 * configuration space; MSI-X a table of them in the device's memory, each with a bit that masks it.
 */
#include "pci_impl.h"

#include <abi/errno.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>

/* MSI, from the capability's offset. */
#define MSI_CONTROL      2
#define MSI_ADDRESS      4
#define MSI_ADDRESS_HIGH 8
#define MSI_DATA         8 /* without a 64-bit address */
#define MSI_DATA_64      12
#define MSI_ENABLE       (1 << 0)
#define MSI_COUNT_MASK   (7 << 4) /* log2 of how many messages it may use */
#define MSI_IS_64        (1 << 7)

/* MSI-X. */
#define MSIX_CONTROL   2
#define MSIX_TABLE     4
#define MSIX_LAST_MASK 0x7ff
#define MSIX_MASK_ALL  (1 << 14)
#define MSIX_ENABLE    (1 << 15)
#define MSIX_BAR_MASK  7u

/* An entry of the table, in words. */
#define ENTRY_WORDS   4
#define ENTRY_LOW     0
#define ENTRY_HIGH    1
#define ENTRY_DATA    2
#define ENTRY_CONTROL 3
#define ENTRY_MASKED  1u

static void set_bits16(struct pci_address at, unsigned offset, uint16_t clear, uint16_t set)
{
	pci_write16(at, offset, (uint16_t)((pci_read16(at, offset) & ~clear) | set));
}

static volatile uint32_t *table_entry(const struct pci_device *device, unsigned index)
{
	return device->msix_table + (size_t)index * ENTRY_WORDS;
}

/* --- turning on --------------------------------------------------------------------------------------------------- */

static int alloc_vectors(struct pci_device *device, unsigned count)
{
	device->vectors = kmalloc_array(count, sizeof(*device->vectors));
	if (!device->vectors)
		return -ENOMEM;
	device->vector_count = count;
	return 0;
}

int pci_msi_enable(struct pci_device *device)
{
	if (!device->msi)
		return -ENODEV;
	if (device->vector_count)
		return -EBUSY;
	int err = alloc_vectors(device, 1);
	return err ? err : 1;
}

static int msix_enable(struct pci_device *device, unsigned count)
{
	unsigned entries =
	    (pci_read16(device->at, device->msix + MSIX_CONTROL) & MSIX_LAST_MASK) + 1u;
	uint32_t where = pci_read32(device->at, device->msix + MSIX_TABLE);
	unsigned n = where & MSIX_BAR_MASK;
	uint64_t offset = where & ~MSIX_BAR_MASK,
		 len = (uint64_t)entries * ENTRY_WORDS * sizeof(uint32_t);

	if (n >= PCI_BARS_MAX || !device->bars[n].address || device->bars[n].is_port ||
	    offset + len > device->bars[n].size)
		return -ENODEV;
	int err = alloc_vectors(device, min(count, entries));
	if (err)
		return err;
	device->msix_table = device_map(device->bars[n].address + offset, len);
	if (!device->msix_table) {
		kfree(device->vectors);
		device->vectors = NULL;
		device->vector_count = 0;
		return -ENOMEM;
	}

	/* Everything masked before anything is on: the table may hold what the firmware left. */
	set_bits16(device->at, device->msix + MSIX_CONTROL, 0, MSIX_ENABLE | MSIX_MASK_ALL);
	for (unsigned i = 0; i < entries; i++)
		table_entry(device, i)[ENTRY_CONTROL] |= ENTRY_MASKED;
	set_bits16(device->at, device->msix + MSIX_CONTROL, MSIX_MASK_ALL, 0);
	return (int)device->vector_count;
}

int pci_irq_enable(struct pci_device *device, unsigned count)
{
	assert(count);
	if (device->vector_count)
		return -EBUSY;
	int result = device->msix ? msix_enable(device, count) : -ENODEV;
	return result == -ENODEV ? pci_msi_enable(device) : result;
}

/* --- one interrupt ------------------------------------------------------------------------------------------------ */

static void msi_program(struct pci_device *device, const struct msi_message *message)
{
	struct pci_address at = device->at;
	unsigned msi = device->msi;

	pci_write32(at, msi + MSI_ADDRESS, (uint32_t)message->address);
	if (pci_read16(at, msi + MSI_CONTROL) & MSI_IS_64) {
		pci_write32(at, msi + MSI_ADDRESS_HIGH, (uint32_t)(message->address >> 32));
		pci_write16(at, msi + MSI_DATA_64, (uint16_t)message->data);
	} else {
		pci_write16(at, msi + MSI_DATA, (uint16_t)message->data);
	}
	set_bits16(at, msi + MSI_CONTROL, MSI_COUNT_MASK, MSI_ENABLE);
}

static void msix_program(
    struct pci_device *device, unsigned index, const struct msi_message *message)
{
	volatile uint32_t *entry = table_entry(device, index);

	entry[ENTRY_LOW] = (uint32_t)message->address;
	entry[ENTRY_HIGH] = (uint32_t)(message->address >> 32);
	entry[ENTRY_DATA] = message->data;
	entry[ENTRY_CONTROL] &= ~ENTRY_MASKED;
}

int pci_irq_request(struct pci_device *device, unsigned index, unsigned cpu, irq_handler_t handler,
    void *arg, const char *name)
{
	if (index >= device->vector_count)
		return -EINVAL;
	struct pci_vector *vector = &device->vectors[index];
	if (vector->is_used)
		return -EBUSY;

	int err = msi_request(cpu, handler, arg, name, &vector->message);
	if (err)
		return err;
	vector->is_used = true;
	if (device->msix_table)
		msix_program(device, index, &vector->message);
	else
		msi_program(device, &vector->message);
	return 0;
}

void pci_irq_release(struct pci_device *device, unsigned index)
{
	assert(index < device->vector_count);
	struct pci_vector *vector = &device->vectors[index];
	if (!vector->is_used)
		return;
	/* Read back: the write has arrived at the device when the vector is given away. */
	if (device->msix_table) {
		table_entry(device, index)[ENTRY_CONTROL] |= ENTRY_MASKED;
		(void)table_entry(device, index)[ENTRY_CONTROL];
	} else {
		set_bits16(device->at, device->msi + MSI_CONTROL, MSI_ENABLE, 0);
		(void)pci_read16(device->at, device->msi + MSI_CONTROL);
	}
	msi_release(&vector->message, 1);
	vector->is_used = false;
}

void pci_irq_disable(struct pci_device *device)
{
	for (unsigned i = 0; i < device->vector_count; i++)
		pci_irq_release(device, i);
	if (device->msix_table) {
		set_bits16(device->at, device->msix + MSIX_CONTROL, MSIX_ENABLE, 0);
		device_unmap((void *)(uintptr_t)device->msix_table);
		device->msix_table = NULL;
	}
	kfree(device->vectors);
	device->vectors = NULL;
	device->vector_count = 0;
}
