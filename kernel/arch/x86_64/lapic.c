/*
 * The local APIC, in both its forms. The registers are the same; xAPIC has them in a page of memory, x2APIC as MSRs 0x800 + offset /
 * 16 with two differences: the interrupt command is one 64-bit write, and APIC ids have 32 bits.
 *
 * The timer is in lapic_timer.c.
 */
#include "lapic_impl.h"

#include <abi/errno.h>
#include <acpi/machine.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <irq/controller.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <log/log.h>
#include <mm/kernel_map.h>
#include <x86/cpuid.h>
#include <x86/tsc.h>

#define BASE_ENABLED  (1ull << 11)
#define BASE_X2APIC   (1ull << 10)
#define BASE_ADDRESS  0x000ffffffffff000ull
#define REGISTERS_LEN 4096

#define SPURIOUS_ENABLE (1u << 8)

#define ICR_NMI     (4u << 8)
#define ICR_INIT    (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_PENDING (1u << 12) /* xAPIC only */
#define ICR_ASSERT  (1u << 14)

#define LVT_NMI        (4u << 8)
#define LVT_ACTIVE_LOW (1u << 13)
#define LVT_LEVEL      (1u << 15)

#define MSI_BASE 0xfee00000ull

bool lapic_uses_msrs;
volatile uint32_t *lapic_registers;

PER_CPU(uint32_t, lapic_cpu_id);
static uint64_t errors; /* a */

bool lapic_is_x2apic(void)
{
	return lapic_uses_msrs;
}

/* Of the calling CPU, from the hardware. */
static uint32_t read_id(void)
{
	uint32_t id = lapic_read(LAPIC_ID);
	return lapic_uses_msrs ? id : id >> 24;
}

void arch_irq_end(unsigned vector)
{
	if (likely(vector != VECTOR_SPURIOUS))
		lapic_write(LAPIC_EOI, 0);
}

int arch_msi_compose(unsigned cpu, unsigned vector, uint64_t *address, uint32_t *data)
{
	uint32_t id = *per_cpu_ptr(lapic_cpu_id, cpu);
	if (id > 254) /* messages have 8 bits for it, and 255 means everybody */
		return -EINVAL;
	*address = MSI_BASE | (uint64_t)id << 12;
	*data = vector;
	return 0;
}

/* The xAPIC's command is two writes, which an interrupt that sends one too must not part. */
static void xapic_command(uint32_t apic_id, uint32_t command)
{
	irq_flags_t flags = irq_save();
	while (lapic_read(LAPIC_ICR) & ICR_PENDING)
		cpu_relax();
	lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR, command);
	irq_restore(flags);
}

static void send(uint32_t apic_id, uint32_t command)
{
	command |= ICR_ASSERT;
	if (!lapic_uses_msrs) {
		xapic_command(apic_id, command);
		return;
	}
	/* This MSR write does not wait for earlier stores, but the receiver is to see them (SDM vol. 3A §10.12.3). */
	__asm__ volatile("mfence; lfence" ::: "memory");
	msr_write(MSR_X2APIC_FIRST + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | command);
}

void lapic_send_ipi(uint32_t apic_id, unsigned vector)
{
	send(apic_id, vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
	send(apic_id, ICR_NMI);
}

void lapic_send_init(uint32_t apic_id)
{
	send(apic_id, ICR_INIT);
}

void lapic_send_startup(uint32_t apic_id, unsigned page_number)
{
	send(apic_id, ICR_STARTUP | page_number);
}

/* Reading the status needs a write first, which latches it. */
static void handle_error(void *arg)
{
	(void)arg;
	lapic_write(LAPIC_ESR, 0);
	uint32_t status = lapic_read(LAPIC_ESR);
	if (atomic_fetch_add(&errors, 1) < 8)
		log_err("apic", "error %#x on CPU %u", status, this_cpu());
}

static void handle_spurious(void *arg)
{
	(void)arg; /* counted by dispatch; nothing was in service */
}

/* What firmware says is an NMI, mostly LINT1; the pins are masked otherwise, the legacy PIC's among them. */
static void set_local_pins(uint32_t id)
{
	uint32_t entries[2] = {LVT_MASKED, LVT_MASKED};
	for (size_t i = 0; i < machine.local_nmi_count; i++) {
		const struct machine_local_nmi *nmi = &machine.local_nmis[i];
		if (nmi->lint > 1 || (nmi->apic_id != MACHINE_ALL_CPUS && nmi->apic_id != id))
			continue;
		entries[nmi->lint] =
		    LVT_NMI | (nmi->active_low ? LVT_ACTIVE_LOW : 0) | (nmi->level ? LVT_LEVEL : 0);
	}
	lapic_write(LAPIC_LVT_LINT0, entries[0]);
	lapic_write(LAPIC_LVT_LINT1, entries[1]);
}

static void take_vectors(void)
{
	irq_set_cpu_vector(VECTOR_SPURIOUS, handle_spurious, "spurious");
	irq_set_cpu_vector(VECTOR_APIC_ERROR, handle_error, "APIC error");
	lapic_timer_take_vector();
	ipi_take_vectors();
}

/* Firmware may have left a CPU in either mode. The only way on is xAPIC to x2APIC. */
static void switch_on(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE) | BASE_ENABLED;
	msr_write(MSR_APIC_BASE, base);
	if (lapic_uses_msrs)
		msr_write(MSR_APIC_BASE, base | BASE_X2APIC);
}

void lapic_init_cpu(void)
{
	irq_flags_t flags = irq_save();
	switch_on();
	uint32_t id = read_id();
	this_cpu_write(lapic_cpu_id, id);
	take_vectors();

	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_SVR, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	set_local_pins(id);
	lapic_write(LAPIC_ESR, 0);
	lapic_write(LAPIC_LVT_ERROR, VECTOR_APIC_ERROR);
	lapic_timer_init_cpu();
	irq_restore(flags);
}

void lapic_init(void)
{
	uint64_t base = msr_read(MSR_APIC_BASE);
	/* QEMU stops ("Bad icount read") when an MSR write sets the APIC timer while it counts instructions. */
	lapic_uses_msrs = cpu_features.x2apic && !tsc_counts_instructions();
	if (!lapic_uses_msrs) {
		lapic_registers = device_map(base & BASE_ADDRESS, REGISTERS_LEN);
		if (!lapic_registers)
			panic("no memory to map the local APIC");
	}
	lapic_timer_init();
	log_info("apic", "%s, timer %s", lapic_uses_msrs ? "x2APIC" : "xAPIC", lapic_timer_mode());
}
