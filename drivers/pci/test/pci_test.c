/* The bus on a simulated configuration space: what is found, how large it is, what MSI and MSI-X write where. */
#include "pci_impl.h"

#include <abi/errno.h>
#include <arch/host.h>
#include <mm/alloc_fail.h>
#include <mm/kernel_map.h>
#include <mm/slab.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

#define BUSES 8

struct function {
	uint8_t regs[256], writable[256]; /* a mask of the bits that can be written */
};

static struct function *space[BUSES][32][8];
static unsigned requests, releases, writes;
static uint32_t device_memory[1024];
static unsigned maps;

/* --- the machine below -------------------------------------------------------------------------------------------- */

static uint32_t fake_read(struct pci_address at, unsigned offset, unsigned width)
{
	uint32_t value = ~0u;
	const struct function *f = at.bus < BUSES ? space[at.bus][at.slot][at.function] : NULL;
	if (f)
		memcpy(&value, f->regs + offset, width);
	return width == 4 ? value : value & ((1u << 8 * width) - 1);
}

static void fake_write(struct pci_address at, unsigned offset, unsigned width, uint32_t value)
{
	struct function *f = at.bus < BUSES ? space[at.bus][at.slot][at.function] : NULL;
	writes++;
	for (unsigned i = 0; f && i < width; i++) {
		uint8_t mask = f->writable[offset + i];
		f->regs[offset + i] =
		    (uint8_t)((f->regs[offset + i] & ~mask) | (value >> 8 * i & mask));
	}
}

static const struct pci_access fake_access = {"fake", CONFIG_SIZE, fake_read, fake_write};

int msi_request(
    unsigned cpu, irq_handler_t handler, void *arg, const char *name, struct msi_message *message)
{
	(void)handler, (void)arg, (void)name;
	*message = (struct msi_message){
	    0xfee00000 + (cpu << 12), 0x4000 + 50 + requests, 50 + requests, cpu};
	requests++;
	return 0;
}

void msi_release(const struct msi_message *message, unsigned count)
{
	(void)message;
	releases += count;
}

void *device_map(paddr_t pa, size_t len)
{
	CHECK(len <= sizeof(device_memory));
	CHECK_EQ(pa, 0xfeb02000);
	maps++;
	return device_memory;
}

void device_unmap(void *va)
{
	CHECK(va == device_memory);
	maps--;
}

/* --- the machine above -------------------------------------------------------------------------------------------- */

static void set(struct function *f, unsigned offset, unsigned width, uint32_t value)
{
	memcpy(f->regs + offset, &value, width);
}

static struct function *add(
    unsigned bus, unsigned slot, unsigned function, uint16_t vendor, uint16_t device)
{
	struct function *f = calloc(1, sizeof(*f));
	space[bus][slot][function] = f;
	set(f, PCI_VENDOR, 2, vendor);
	set(f, PCI_DEVICE, 2, device);
	memset(f->writable + PCI_COMMAND, 0xff, 2);
	return f;
}

static void add_bridge(unsigned bus, unsigned slot, unsigned behind)
{
	struct function *f = add(bus, slot, 0, 0x8086, 0xb);
	f->regs[PCI_CLASS] = 6;
	f->regs[PCI_SUBCLASS] = 4;
	f->regs[PCI_HEADER_TYPE] = HEADER_BRIDGE;
	f->regs[PCI_SECONDARY_BUS] = (uint8_t)behind;
}

/* A range of `size` (a power of two) at `address`; `flags` are its lowest bits. */
static void add_bar(struct function *f, unsigned n, uint64_t address, uint64_t size, uint32_t flags)
{
	uint32_t low = (uint32_t) ~(size - 1), high = (uint32_t)(~(size - 1) >> 32);
	set(f, PCI_BAR(n), 4, (uint32_t)address | flags);
	memcpy(f->writable + PCI_BAR(n), &low, 4);
	if ((flags & 7) == 4) {
		set(f, PCI_BAR(n + 1), 4, (uint32_t)(address >> 32));
		memcpy(f->writable + PCI_BAR(n + 1), &high, 4);
	}
}

static void setup(void)
{
	host_mm_start(32 * MiB);
	pci_access = &fake_access;
	list_init(&pci_devices);
	requests = releases = writes = maps = 0;
}

static void forget_devices(void)
{
	struct list *node;
	while ((node = list_pop_front(&pci_devices)))
		kfree(list_entry(node, struct pci_device, link));
}

static void teardown(void)
{
	forget_devices();
	for (size_t i = 0; i < sizeof(space) / sizeof(void *); i++) {
		free((&space[0][0][0])[i]);
		(&space[0][0][0])[i] = NULL;
	}
	CHECK_EQ(maps, 0);
	CHECK_EQ(requests, releases);
	host_mm_finish();
}

static unsigned count_devices(void)
{
	unsigned count = 0;
	struct pci_device *device;
	list_for_each(device, &pci_devices, link)
		count++;
	return count;
}

/* --- scanning ----------------------------------------------------------------------------------------------------- */

TEST(pci_scan_follows_functions_and_bridges)
{
	setup();
	add(0, 0, 0, 1, 1);
	add(0, 3, 0, 1, 2)->regs[PCI_HEADER_TYPE] = HEADER_MULTIFUNCTION;
	add(0, 3, 5, 1, 3);
	add(0, 4, 0, 1, 4);
	add(0, 4, 1, 1, 99); /* its function 0 says that it is alone */
	add(0, 5, 2, 1, 99); /* without a function 0 */
	add_bridge(0, 6, 2);
	add(2, 31, 0, 1, 5);
	add_bridge(2, 1, 3);
	add(3, 0, 0, 1, 6);
	add(5, 0, 0, 1, 99); /* no bridge leads there */
	CHECK_EQ(pci_scan_bus(0, 0), 0);
	CHECK_EQ(count_devices(), 8);
	for (uint16_t id = 1; id <= 6; id++)
		CHECK(pci_find(1, id, NULL));
	CHECK(!pci_find(1, 99, NULL));
	CHECK(!pci_find(1, 1, pci_find(1, 1, NULL)));
	CHECK_EQ(pci_find(1, 3, NULL)->at.function, 5);
	CHECK_EQ(pci_find(1, 6, NULL)->at.bus, 3);
	teardown();
}

TEST(pci_scan_does_not_go_round_in_circles)
{
	setup();
	add_bridge(0, 1, 0);
	add_bridge(0, 2, 1);
	add_bridge(1, 0, 0);
	add_bridge(1, 1, 1);
	CHECK_EQ(pci_scan_bus(0, 0), 0);
	CHECK_EQ(count_devices(), 4);
	teardown();
}

TEST(pci_scan_survives_every_failed_allocation)
{
	setup();
	for (unsigned slot = 0; slot < 10; slot++)
		add(0, slot, 0, 1, (uint16_t)slot);
	for (uint64_t n = 1;; n++) {
		alloc_fail_after(n);
		int err = pci_scan_bus(0, 0);
		bool has_failed = alloc_fail_after(0);
		CHECK(err == 0 || (has_failed && err == -ENOMEM));
		CHECK(err ? count_devices() < 10 : count_devices() == 10);
		forget_devices();
		if (!has_failed)
			break;
	}
	teardown();
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

static struct pci_device *scan_one(void)
{
	CHECK_EQ(pci_scan_bus(0, 0), 0);
	CHECK_EQ(count_devices(), 1);
	return pci_find(PCI_ANY, PCI_ANY, NULL);
}

TEST(pci_ranges_have_their_sizes)
{
	setup();
	struct function *f = add(0, 1, 0, 1, 1);
	set(f, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_PORTS);
	add_bar(f, 0, 0xfeb00000, 128 * KiB, 0);
	add_bar(f, 1, 0xc040, 64, 1);
	add_bar(f, 2, 0x380000000000, 16 * GiB, 4 | 8);
	add_bar(f, 4, 0, 4096, 0); /* not assigned */
	struct function before = *f;

	const struct pci_bar *bars = scan_one()->bars;
	CHECK_EQ(memcmp(before.regs, f->regs, sizeof(before.regs)), 0);
	CHECK_EQ(bars[0].address, 0xfeb00000);
	CHECK_EQ(bars[0].size, 128 * KiB);
	CHECK(!bars[0].is_port && !bars[0].is_64 && !bars[0].is_prefetchable);
	CHECK_EQ(bars[1].address, 0xc040);
	CHECK_EQ(bars[1].size, 64);
	CHECK(bars[1].is_port);
	CHECK_EQ(bars[2].address, 0x380000000000);
	CHECK_EQ(bars[2].size, 16 * GiB);
	CHECK(bars[2].is_64 && bars[2].is_prefetchable);
	CHECK_EQ(bars[3].size, 0); /* the upper half of 2 */
	CHECK_EQ(bars[4].address, 0);
	CHECK_EQ(bars[4].size, 4096);
	CHECK_EQ(bars[5].size, 0);
	CHECK(!pci_map_bar(pci_find(1, 1, NULL), 1));
	CHECK(!pci_map_bar(pci_find(1, 1, NULL), 4));
	CHECK(!pci_map_bar(pci_find(1, 1, NULL), 6));
	teardown();
}

/* --- capabilities ------------------------------------------------------------------------------------------------- */

static void add_capability(struct function *f, unsigned offset, uint8_t id, uint8_t next)
{
	set(f, PCI_STATUS, 2, STATUS_CAPABILITIES);
	if (!f->regs[PCI_CAPABILITIES])
		f->regs[PCI_CAPABILITIES] = (uint8_t)offset;
	f->regs[offset] = id;
	f->regs[offset + 1] = next;
	memset(f->writable + offset + 2, 0xff, 14);
}

TEST(pci_capabilities_are_found_in_damaged_lists_too)
{
	setup();
	struct function *f = add(0, 1, 0, 1, 1);
	struct pci_address at = {0, 0, 1, 0};
	CHECK_EQ(pci_find_capability(at, CAPABILITY_MSI), 0);
	add_capability(f, 0x50, 9, 0x43); /* the lowest two bits mean nothing */
	add_capability(f, 0x40, CAPABILITY_MSI, 0x60);
	add_capability(f, 0x60, 1, 0x50); /* a circle */
	CHECK_EQ(pci_find_capability(at, CAPABILITY_MSI), 0x40);
	CHECK_EQ(pci_find_capability(at, CAPABILITY_MSIX), 0);
	f->regs[0x51] = 0x10; /* into the header */
	CHECK_EQ(pci_find_capability(at, CAPABILITY_MSI), 0);
	CHECK_EQ(pci_find_extended_capability(at, 1), 0);
	teardown();
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static uint32_t get(const struct function *f, unsigned offset, unsigned width)
{
	uint32_t value = 0;
	memcpy(&value, f->regs + offset, width);
	return value;
}

static void check_msi(bool is_64)
{
	setup();
	struct function *f = add(0, 1, 0, 1, 1);
	add_capability(f, 0x40, CAPABILITY_MSI, 0);
	set(f, 0x42, 2, (is_64 ? 0x80 : 0) | 3 << 1 | 3 << 4);
	struct pci_device *device = scan_one();

	CHECK_EQ(pci_irq_request(device, 0, 3, NULL, NULL, "x"), -EINVAL);
	CHECK_EQ(pci_irq_enable(device, 8), 1);
	CHECK_EQ(pci_irq_enable(device, 8), -EBUSY);
	CHECK_EQ(pci_irq_request(device, 0, 3, NULL, NULL, "x"), 0);
	CHECK_EQ(pci_irq_request(device, 0, 3, NULL, NULL, "x"), -EBUSY);
	CHECK_EQ(get(f, 0x44, 4), 0xfee03000);
	CHECK_EQ(get(f, is_64 ? 0x4c : 0x48, 2), 0x4032);
	CHECK_EQ(get(f, 0x42, 2) & 0x71, 1); /* on, one message */
	pci_irq_release(device, 0);
	CHECK_EQ(get(f, 0x42, 2) & 1, 0);
	CHECK_EQ(pci_irq_request(device, 0, 1, NULL, NULL, "x"), 0);
	pci_irq_disable(device);
	CHECK_EQ(get(f, 0x42, 2) & 1, 0);
	teardown();
}

TEST(pci_msi_with_a_32_bit_address)
{
	check_msi(false);
}

TEST(pci_msi_with_a_64_bit_address)
{
	check_msi(true);
}

static struct function *add_msix(unsigned entries, uint32_t offset)
{
	struct function *f = add(0, 1, 0, 1, 1);
	add_bar(f, 3, 0xfeb00000, 64 * KiB, 0);
	add_capability(f, 0x40, CAPABILITY_MSI, 0x60);
	add_capability(f, 0x60, CAPABILITY_MSIX, 0);
	set(f, 0x62, 2, entries - 1);
	set(f, 0x64, 4, offset | 3);
	return f;
}

TEST(pci_msix_masks_all_and_unmasks_one)
{
	setup();
	struct function *f = add_msix(8, 0x2000);
	struct pci_device *device = scan_one();
	memset(device_memory, 0, sizeof(device_memory));

	CHECK_EQ(pci_irq_enable(device, 3), 3);
	CHECK_EQ(get(f, 0x62, 2) & 0xc000, 0x8000); /* on, not all masked */
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(device_memory[i * 4 + 3], 1);
	CHECK_EQ(pci_irq_request(device, 2, 1, NULL, NULL, "x"), 0);
	CHECK_EQ(device_memory[8], 0xfee01000);
	CHECK_EQ(device_memory[9], 0);
	CHECK_EQ(device_memory[10], 0x4032);
	CHECK_EQ(device_memory[11], 0);
	CHECK_EQ(device_memory[3], 1);
	CHECK_EQ(pci_irq_request(device, 3, 1, NULL, NULL, "x"), -EINVAL);
	pci_irq_disable(device);
	CHECK_EQ(device_memory[11], 1);
	CHECK_EQ(get(f, 0x62, 2) & 0x8000, 0);
	CHECK_EQ(device->vector_count, 0);
	teardown();
}

TEST(pci_msix_with_a_table_outside_its_range_falls_back)
{
	setup();
	struct function *f = add_msix(2048, 0xf000);
	struct pci_device *device = scan_one();
	CHECK_EQ(pci_irq_enable(device, 3), 1);
	CHECK_EQ(get(f, 0x62, 2) & 0x8000, 0);
	CHECK(!device->msix_table);
	pci_irq_disable(device);
	teardown();
}

TEST(pci_without_messages_says_so)
{
	setup();
	add(0, 1, 0, 1, 1);
	CHECK_EQ(pci_irq_enable(scan_one(), 1), -ENODEV);
	CHECK_EQ(pci_msi_enable(pci_find(1, 1, NULL)), -ENODEV);
	teardown();
}

TEST(pci_irq_enable_survives_every_failed_allocation)
{
	setup();
	add_msix(8, 0x2000);
	struct pci_device *device = scan_one();
	for (uint64_t n = 1;; n++) {
		alloc_fail_after(n);
		int result = pci_irq_enable(device, 3);
		bool has_failed = alloc_fail_after(0);
		CHECK(result == 3 || (has_failed && result == -ENOMEM));
		if (result == 3)
			pci_irq_disable(device);
		CHECK_EQ(device->vector_count, 0);
		if (!has_failed)
			break;
	}
	teardown();
}
