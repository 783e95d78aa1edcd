/*
 * The timer of the local APIC. Where the processor has it, TSC-deadline mode: the deadline is written as it is. Otherwise a 32-bit
 * counter counts down once with a clock of its own, whose rate is told (CPUID, or a hypervisor that is known to make it 1 GHz) or
 * measured against the TSC; deadlines beyond its range fire early and are set again.
 */
#include "lapic_impl.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/timer.h>
#include <irq/controller.h>
#include <log/assert.h>
#include <time/clock.h>
#include <time/timer.h>
#include <x86/cpuid.h>
#include <x86/tsc.h>

#define LVT_TSC_DEADLINE (2u << 17)
#define DIVIDE_BY_1      0xb
#define COUNT_MAX        UINT32_MAX

/* TSC ticks that a measurement takes at least: 100 us of the slowest TSC to be expected. */
#define MEASURE_TICKS_MIN 100000

static uint64_t bus_hz;          /* 0: to be measured */
static uint64_t counts_per_tick; /* of the TSC, << 32 */
static struct {
	uint64_t tsc;
	uint32_t count;
} measure_start;

const char *lapic_timer_mode(void)
{
	return cpu_features.tsc_deadline ? "TSC deadline" : "one-shot";
}

static uint32_t counts_until(uint64_t tsc)
{
	uint64_t now = cpu_timestamp();
	if (tsc <= now)
		return 1;
	/* Rounded up, so that it does not fire a tick too early, only to be set again. */
	unsigned __int128 counts = ((unsigned __int128)(tsc - now) * counts_per_tick >> 32) + 1;
	return counts > COUNT_MAX ? COUNT_MAX : (uint32_t)counts;
}

void arch_timer_set(uint64_t tsc)
{
	if (cpu_features.tsc_deadline)
		/* 0 means off, so a deadline of 0, long past, becomes 1. */
		msr_write(MSR_TSC_DEADLINE, tsc == UINT64_MAX ? 0 : tsc | !tsc);
	else
		lapic_write(LAPIC_TIMER_INITIAL, tsc == UINT64_MAX ? 0 : counts_until(tsc));
}

static void handle_timer(void *arg)
{
	(void)arg;
	timer_interrupt();
}

void lapic_timer_take_vector(void)
{
	irq_set_cpu_vector(VECTOR_TIMER, handle_timer, "timer");
}

void lapic_timer_init_cpu(void)
{
	if (cpu_features.tsc_deadline) {
		lapic_write(LAPIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
		/* The mode, a store to memory in xAPIC, must be set before the first deadline MSR is written. */
		__asm__ volatile("mfence" ::: "memory");
		return;
	}
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

/* The count and the TSC at the same moment, as nearly as one of a few tries gets. */
static void sample(uint64_t *tsc, uint32_t *count)
{
	uint64_t best = UINT64_MAX;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t before = cpu_timestamp();
		uint32_t value = lapic_read(LAPIC_TIMER_CURRENT);
		uint64_t took = cpu_timestamp() - before;
		if (took < best) {
			best = took;
			*tsc = before + took / 2;
			*count = value;
		}
	}
}

/* While measuring, the counter runs down from its maximum and raises nothing. */
void arch_timer_measure_begin(void)
{
	if (cpu_features.tsc_deadline)
		return;
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	lapic_write(LAPIC_TIMER_INITIAL, COUNT_MAX);
	sample(&measure_start.tsc, &measure_start.count);
}

static void measure_counts_per_tick(void)
{
	uint64_t tsc;
	uint32_t count;
	do {
		sample(&tsc, &count);
	} while (tsc - measure_start.tsc < MEASURE_TICKS_MIN);
	uint64_t counted = measure_start.count - count;
	if (!counted)
		panic("the APIC timer does not count");
	counts_per_tick = (counted << 32) / (tsc - measure_start.tsc);
}

void arch_timer_measure_end(void)
{
	if (cpu_features.tsc_deadline)
		return;
	if (!bus_hz)
		measure_counts_per_tick();
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

/* The APIC timer as a counter: what is left to measure the TSC by where there is no other device. */
static uint64_t read_counter(void)
{
	return COUNT_MAX - lapic_read(LAPIC_TIMER_CURRENT);
}

static struct clock_counter counter = {
    .name = "apic", .mask = COUNT_MAX, .read = read_counter, .is_boot_only = true};

void lapic_timer_init(void)
{
	bus_hz = tsc_told_bus_hz();
	if (cpu_features.tsc_deadline || !bus_hz)
		return;
	counter.hz = bus_hz;
	clock_add_counter(&counter);
}

void arch_timer_set_frequency(uint64_t timestamp_hz)
{
	if (bus_hz)
		counts_per_tick = (bus_hz << 32) / timestamp_hz;
}
