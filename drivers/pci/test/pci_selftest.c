/*
 * Message interrupts from real devices. QEMU's edu device (-device edu) raises an interrupt when its register says so, by MSI; the
 * e1000e network card (q35 has one unless told otherwise) by MSI-X, each of its causes to a vector of its own.
 */
#include <abi/errno.h>
#include <arch/percpu.h>
#include <driver/driver.h>
#include <lib/atomic.h>
#include <mm/kernel_map.h>
#include <pci/pci.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <wait/semaphore.h>

#define EDU_VENDOR   0x1234
#define EDU_DEVICE   0x11e8
#define EDU_IDENTITY (0x00 / 4)
#define EDU_RAISE    (0x60 / 4)
#define EDU_ACK      (0x64 / 4)

#define E1000E_VENDOR 0x8086
#define E1000E_DEVICE 0x10d3
#define E1000E_CTRL   (0x00 / 4)
#define E1000E_ICS    (0xc8 / 4)
#define E1000E_IMS    (0xd0 / 4)
#define E1000E_IMC    (0xd8 / 4)
#define E1000E_EIAC                                                                                \
	(0xdc / 4) /* causes that clear and mask themselves when their message goes out */
#define E1000E_IVAR (0xe4 / 4)
#define CTRL_RESET  (1u << 26)
#define CAUSE_RX0   (1u << 20) /* its vector: bits 0-2 of IVAR, bit 3: valid */
#define CAUSE_RX1   (1u << 21) /* bits 4-7 */
#define IVAR_RX0_0  0x08u
#define IVAR_RX1_1  0x90u

#define PATIENCE_NS (10 * NSEC_PER_SEC)
#define QUIET_NS    (20 * NSEC_PER_MSEC)
#define SETTLE_NS   (2 * NSEC_PER_MSEC)
#define TRIES       8 /* the rests double: half a second in the last */

struct arrivals {
	struct semaphore arrived;
	unsigned count; /* a */
	unsigned cpu;   /* a: where the last one was handled */
};

static void note_arrival(void *arg)
{
	struct arrivals *a = arg;
	atomic_store(&a->cpu, this_cpu());
	atomic_fetch_add(&a->count, 1);
	semaphore_up(&a->arrived);
}

static void arrivals_init(struct arrivals *a)
{
	semaphore_init(&a->arrived, 0);
	a->count = 0;
	a->cpu = CPU_MAX;
}

static void expect_on(struct arrivals *a, unsigned cpu)
{
	CHECK_EQ(semaphore_down_until(&a->arrived, uptime_ns() + PATIENCE_NS), 0);
	CHECK_EQ(atomic_load(&a->cpu), cpu);
}

static struct pci_device *find(uint16_t vendor, uint16_t id)
{
	struct pci_device *device = pci_find(vendor, id, NULL);
	if (!device)
		selftest_skip("the machine has no such device");
	if (device->driver)
		selftest_skip("a driver uses the device");
	pci_enable(device);
	return device;
}

SELFTEST(pci_finds_the_host_bridge)
{
	struct pci_device *device = pci_find(PCI_ANY, PCI_ANY, NULL);
	if (!device)
		selftest_skip("the machine has no PCI");
	unsigned count = 0, bridges = 0;
	for (; device; device = pci_find(PCI_ANY, PCI_ANY, device)) {
		count++;
		bridges += device->class == 6 && device->subclass == 0;
		CHECK(device->vendor != 0xffff);
		CHECK_EQ(pci_read16(device->at, 0), device->vendor);
		for (unsigned n = 0; n < PCI_BARS_MAX; n++) {
			const struct pci_bar *bar = &device->bars[n];
			CHECK(bar->size == 0 || IS_POW2(bar->size));
			CHECK(bar->size == 0 || bar->address % bar->size == 0);
		}
	}
	CHECK(count >= 2);
	CHECK(bridges >= 1);
	CHECK(device_next(DEVICE_BUS, 0));
	CHECK(device_is_ready(device_next(DEVICE_BUS, 0)));
}

SELFTEST(msi_reaches_each_cpu)
{
	struct pci_device *edu = find(EDU_VENDOR, EDU_DEVICE);
	static struct arrivals a;
	volatile uint32_t *regs = pci_map_bar(edu, 0);

	CHECK(regs);
	CHECK_EQ(regs[EDU_IDENTITY] & 0xff, 0xed);
	CHECK_EQ(edu->bars[0].size, MiB);
	CHECK_EQ(pci_irq_enable(edu, 4), 1);
	CHECK_EQ(pci_irq_enable(edu, 1), -EBUSY);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		arrivals_init(&a);
		CHECK_EQ(pci_irq_request(edu, 0, cpu, note_arrival, &a, "edu"), 0);
		CHECK_EQ(pci_irq_request(edu, 0, cpu, note_arrival, &a, "edu"), -EBUSY);
		CHECK_EQ(pci_irq_request(edu, 1, cpu, note_arrival, &a, "edu"), -EINVAL);
		for (unsigned i = 1; i <= 5; i++) {
			regs[EDU_RAISE] = 1;
			expect_on(&a, cpu);
			regs[EDU_ACK] = 1;
			CHECK_EQ(atomic_load(&a.count), i);
		}
		pci_irq_release(edu, 0);
	}
	/* Off is off. */
	regs[EDU_RAISE] = 1;
	CHECK_EQ(semaphore_down_until(&a.arrived, uptime_ns() + QUIET_NS), -ETIMEDOUT);
	regs[EDU_ACK] = 1;
	pci_irq_disable(edu);
	pci_disable(edu);
	device_unmap((void *)(uintptr_t)regs);
}

static void nic_raise(volatile uint32_t *regs, uint32_t cause)
{
	regs[E1000E_IMS] = cause;
	regs[E1000E_ICS] = cause;
}

static void forget_arrivals(struct arrivals *a)
{
	while (semaphore_try_down(&a->arrived))
		continue;
}

/*
 * QEMU's card sends some messages twice, the second when the host gets to it, so they are not counted: they must come, at the
 * right place, and nowhere else. A late one of before may come elsewhere meanwhile: then it is tried again, after
 * a longer rest. One that goes astray does so each time.
 */
static void expect_only(volatile uint32_t *regs, uint32_t cause, struct arrivals *expected,
    unsigned cpu, struct arrivals *other)
{
	nsec_t settle = SETTLE_NS;
	for (unsigned tries = 0; tries < TRIES; tries++, settle *= 2) {
		forget_arrivals(expected);
		forget_arrivals(other);
		unsigned count = atomic_load(&other->count);
		nic_raise(regs, cause);
		expect_on(expected, cpu);
		thread_sleep(settle);
		CHECK_EQ(atomic_load(&expected->cpu), cpu);
		if (atomic_load(&other->count) == count)
			return;
	}
	selftest_fail(__FILE__, __LINE__, "cause %#x also raises the other vector", cause);
}

/* Nothing comes for a while, but for what was under way. */
static void expect_nothing(volatile uint32_t *regs, uint32_t cause, struct arrivals *a)
{
	nsec_t quiet = QUIET_NS;
	for (unsigned tries = 0; tries < TRIES; tries++, quiet *= 2) {
		forget_arrivals(a);
		nic_raise(regs, cause);
		if (semaphore_down_until(&a->arrived, uptime_ns() + quiet) == -ETIMEDOUT)
			return;
	}
	selftest_fail(__FILE__, __LINE__, "cause %#x is not masked", cause);
}

SELFTEST(msix_reaches_each_vector)
{
	struct pci_device *nic = find(E1000E_VENDOR, E1000E_DEVICE);
	static struct arrivals first, second;
	volatile uint32_t *regs = pci_map_bar(nic, 0);
	unsigned last = cpu_count - 1;

	CHECK(regs);
	regs[E1000E_IMC] = ~0u;
	regs[E1000E_CTRL] |= CTRL_RESET;
	delay_ns(NSEC_PER_USEC);
	regs[E1000E_IMC] = ~0u;
	arrivals_init(&first);
	arrivals_init(&second);
	CHECK_EQ(pci_irq_enable(nic, 2), 2);
	CHECK(nic->msix_table);
	CHECK_EQ(pci_irq_request(nic, 0, 0, note_arrival, &first, "e1000e rx 0"), 0);
	CHECK_EQ(pci_irq_request(nic, 1, last, note_arrival, &second, "e1000e rx 1"), 0);
	regs[E1000E_IVAR] = IVAR_RX0_0 | IVAR_RX1_1;
	regs[E1000E_EIAC] = CAUSE_RX0 | CAUSE_RX1;

	for (unsigned i = 0; i < 5; i++) {
		expect_only(regs, CAUSE_RX0, &first, 0, &second);
		expect_only(regs, CAUSE_RX1, &second, last, &first);
	}

	/* One vector masked, the other is not. */
	pci_irq_release(nic, 0);
	expect_nothing(regs, CAUSE_RX0, &first);
	forget_arrivals(&second);
	nic_raise(regs, CAUSE_RX1);
	expect_on(&second, last);
	regs[E1000E_IMC] = ~0u;
	pci_irq_disable(nic);
	pci_disable(nic);
	device_unmap((void *)(uintptr_t)regs);
}
