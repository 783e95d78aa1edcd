/* Interrupts of real devices, through I/O APICs and as messages; the real-time clock. */
#include "hpet.h"
#include "pc_impl.h"

#include <abi/errno.h>
#include <arch/cpu.h>
#include <irq/irq.h>
#include <lib/atomic.h>
#include <mm/slab.h>
#include <pc/rtc.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <x86/io.h>
#include <x86/tsc.h>

#define WAIT_NS (10 * NSEC_PER_SEC)
/* Longer than an interrupt that was on its way when its line was masked. */
#define QUIET_NS (50 * NSEC_PER_MSEC)

static unsigned hits, hit_cpu; /* a */

static void hit(void *arg)
{
	(void)arg;
	atomic_store(&hit_cpu, this_cpu());
	atomic_fetch_add(&hits, 1);
}

static bool wait_for_hits(unsigned expected)
{
	nsec_t deadline = uptime_ns() + WAIT_NS;
	while (atomic_load(&hits) < expected && uptime_ns() < deadline)
		thread_sleep(NSEC_PER_MSEC);
	return atomic_load(&hits) >= expected;
}

static bool is_quiet(void)
{
	thread_sleep(QUIET_NS);
	unsigned before = atomic_load(&hits);
	thread_sleep(QUIET_NS);
	return atomic_load(&hits) == before;
}

/* Two devices can interrupt periodically on an ISA line: channel 0 of the interval timer, and the real-time clock. */

#define PIT_IRQ      0
#define PIT_CHANNEL0 0x40
#define PIT_COMMAND  0x43
#define PIT_PERIODIC 0x34
#define PIT_ONCE     0x30
#define PIT_1_KHZ    1193

#define RTC_IRQ        8
#define RTC_INDEX      0x70
#define RTC_DATA       0x71
#define RTC_A          0x0a
#define RTC_B          0x0b
#define RTC_C          0x0c /* reading it takes the interrupt back */
#define RTC_A_1_KHZ    0x26
#define RTC_B_PERIODIC (1 << 6)

static void pit_start(void)
{
	io_out8(PIT_COMMAND, PIT_PERIODIC);
	io_out8(PIT_CHANNEL0, PIT_1_KHZ & 0xff);
	io_out8(PIT_CHANNEL0, PIT_1_KHZ >> 8);
}

static void pit_stop(void)
{
	io_out8(PIT_COMMAND, PIT_ONCE);
}

static void pit_acknowledge(void)
{
}

static uint8_t rtc_get(uint8_t index)
{
	irq_flags_t flags = irq_save();
	io_out8(RTC_INDEX, index);
	uint8_t value = io_in8(RTC_DATA);
	irq_restore(flags);
	return value;
}

static void rtc_put(uint8_t index, uint8_t value)
{
	irq_flags_t flags = irq_save();
	io_out8(RTC_INDEX, index);
	io_out8(RTC_DATA, value);
	irq_restore(flags);
}

static void rtc_acknowledge(void)
{
	(void)rtc_get(RTC_C);
}

static void rtc_start(void)
{
	rtc_put(RTC_A, RTC_A_1_KHZ);
	rtc_put(RTC_B, rtc_get(RTC_B) | RTC_B_PERIODIC);
	rtc_acknowledge();
}

static void rtc_stop(void)
{
	rtc_put(RTC_B, (uint8_t)(rtc_get(RTC_B) & ~RTC_B_PERIODIC));
	rtc_acknowledge();
}

struct ticker {
	unsigned isa;
	void (*start)(void);
	void (*stop)(void);
	void (*acknowledge)(void); /* an edge comes only after this */
};

static const struct ticker pit = {PIT_IRQ, pit_start, pit_stop, pit_acknowledge};
static const struct ticker rtc = {RTC_IRQ, rtc_start, rtc_stop, rtc_acknowledge};

static const struct ticker *require_ticker(void)
{
	struct date date;
	/* QEMU's microvm has its interval timer at pin 2, as every PC, but its tables do not say so. */
	if (pit_is_present && irq_gsi_of_isa(PIT_IRQ) != PIT_IRQ)
		return &pit;
	if (rtc_read(&date))
		selftest_skip("no device that interrupts by itself");
	return &rtc;
}

static void tick(void *arg)
{
	const struct ticker *ticker = arg;
	ticker->acknowledge();
	hit(NULL);
}

static int request(const struct ticker *ticker)
{
	return irq_request_isa(ticker->isa, tick, (void *)(uintptr_t)ticker, "test");
}

static void release(const struct ticker *ticker)
{
	irq_release_isa(ticker->isa, tick, (void *)(uintptr_t)ticker);
}

SELFTEST(an_isa_interrupt_arrives_through_the_io_apic)
{
	const struct ticker *ticker = require_ticker();
	hits = 0;
	CHECK_EQ(request(ticker), 0);
	ticker->start();
	CHECK(wait_for_hits(20));
	CHECK_EQ(hit_cpu, 0);

	unsigned gsi = irq_gsi_of_isa(ticker->isa);
	irq_mask_gsi(gsi);
	irq_mask_gsi(gsi);
	CHECK(is_quiet());
	irq_unmask_gsi(gsi);
	CHECK(is_quiet());
	unsigned before = atomic_load(&hits);
	irq_unmask_gsi(gsi);
	ticker->acknowledge();
	CHECK(wait_for_hits(before + 20));

	/* An edge cannot be shared: its second owner would miss what the first has handled. */
	CHECK_EQ(irq_request_isa(ticker->isa, hit, NULL, "test"), -EBUSY);
	release(ticker);
	before = atomic_load(&hits);
	CHECK(is_quiet());
	CHECK_EQ(hits, before);
	ticker->stop();
}

SELFTEST(a_line_goes_to_the_cpu_that_it_was_requested_for)
{
	const struct ticker *ticker = require_ticker();
	void *arg = (void *)(uintptr_t)ticker;
	ticker->start();
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		hits = 0;
		unsigned gsi = irq_gsi_of_isa(ticker->isa);
		CHECK_EQ(irq_request_gsi(gsi, IRQ_DEFAULT, cpu, tick, arg, "test"), 0);
		ticker->acknowledge();
		CHECK(wait_for_hits(3));
		CHECK_EQ(hit_cpu, cpu);
		irq_release_gsi(gsi, tick, arg);
	}
	ticker->stop();
}

SELFTEST(a_request_without_memory_changes_nothing)
{
	if (!IS_ENABLED(CONFIG_DEBUG))
		selftest_skip("release build: allocations cannot be made to fail");
	const struct ticker *ticker = require_ticker();
	for (unsigned i = 0; i < 3; i++) {
		alloc_fail_after(1);
		CHECK_EQ(request(ticker), -ENOMEM);
		alloc_fail_after(0);
		CHECK_EQ(request(ticker), 0);
		release(ticker);
	}
}

/* Requesting and releasing while the device keeps interrupting. */
SELFTEST(a_line_comes_and_goes_under_fire)
{
	const struct ticker *ticker = require_ticker();
	uint64_t unclaimed = irq_unclaimed_count();
	ticker->start();
	for (unsigned i = 0; i < 200; i++) {
		CHECK_EQ(request(ticker), 0);
		ticker->acknowledge();
		delay_ns(100 * NSEC_PER_USEC);
		release(ticker);
	}
	ticker->stop();
	CHECK_EQ(irq_unclaimed_count(), unclaimed);
}

/* The HPET's timers can raise an I/O APIC's pin, also level-triggered, or send a message. */

#define HPET_TIMER    1
#define HPET_DELAY_NS (2 * NSEC_PER_MSEC)

static void hpet_fire_in(nsec_t ns)
{
	uint64_t counts = ns * 1000000 / hpet_read(HPET_PERIOD);
	hpet_write(HPET_TIMER_COMPARATOR(HPET_TIMER), hpet_read(HPET_COUNTER) + (uint32_t)counts);
}

static void require_hpet(void)
{
	if (!hpet_registers || hpet_timer_count() <= HPET_TIMER)
		selftest_skip("no HPET");
}

/* Until so many hits have come. A host that takes the processor away between the counter's reading and the comparator's
 * setting makes it miss its moment; then again, with more time. */
static bool hpet_fire_until(unsigned expected, uint32_t config)
{
	for (nsec_t ns = HPET_DELAY_NS; ns <= 64 * HPET_DELAY_NS; ns *= 4) {
		hpet_fire_in(ns);
		hpet_write(HPET_TIMER_CONFIG(HPET_TIMER), config);
		if (wait_for_hits(expected))
			return true;
	}
	return false;
}

/* The level stays raised until its status bit is cleared. */
static void hit_by_hpet(void *arg)
{
	hpet_write(HPET_STATUS, 1u << HPET_TIMER);
	hit(arg);
}

static void other_of_the_line(void *arg)
{
	atomic_fetch_add((unsigned *)arg, 1);
}

/* Every trigger is refused but the line's own, which may be shared. */
SELFTEST(a_level_line_is_shared_and_raised_until_the_device_is_quiet)
{
	require_hpet();
	uint32_t routes = hpet_read(HPET_TIMER_ROUTES(HPET_TIMER));
	if (pit_is_present)
		routes &= ~(1u << irq_gsi_of_isa(PIT_IRQ));
	if (!routes)
		selftest_skip("the HPET has only the interval timer's pin");
	unsigned gsi = log2_floor(routes);
	static unsigned others;
	atomic_store(&others, 0);
	hits = 0;
	CHECK_EQ(irq_request_gsi(gsi, IRQ_LEVEL_HIGH, 0, hit_by_hpet, NULL, "test"), 0);
	CHECK_EQ(irq_request_gsi(gsi, IRQ_LEVEL_LOW, 0, hit, NULL, "test"), -EBUSY);
	CHECK_EQ(irq_request_gsi(gsi, IRQ_EDGE_HIGH, 0, hit, NULL, "test"), -EBUSY);
	CHECK_EQ(irq_request_gsi(gsi, IRQ_LEVEL_HIGH, 0, other_of_the_line, &others, "test"), 0);

	uint64_t config =
	    HPET_TIMER_LEVEL | HPET_TIMER_ENABLE | HPET_TIMER_32BIT | gsi << HPET_TIMER_ROUTE_SHIFT;
	for (unsigned i = 1; i <= 5; i++) {
		CHECK(hpet_fire_until(i, config));
		CHECK(is_quiet());
		CHECK_EQ(hits, i);
	}
	CHECK(atomic_load(&others) >= 5);

	/* While the line is masked the device waits; it is heard as soon as it is not. */
	for (nsec_t ns = HPET_DELAY_NS; hits == 5 && ns <= 16 * HPET_DELAY_NS; ns *= 4) {
		irq_mask_gsi(gsi);
		hpet_fire_in(ns);
		CHECK(is_quiet());
		CHECK_EQ(hits, 5);
		irq_unmask_gsi(gsi);
		wait_for_hits(6);
	}
	CHECK_EQ(hits, 6);

	hpet_write(HPET_TIMER_CONFIG(HPET_TIMER), 0);
	irq_release_gsi(gsi, other_of_the_line, &others);
	irq_release_gsi(gsi, hit_by_hpet, NULL);
}

SELFTEST(a_device_s_message_arrives)
{
	require_hpet();
	if (!(hpet_read(HPET_TIMER_CONFIG(HPET_TIMER)) & HPET_TIMER_MSI_CAPABLE))
		selftest_skip("the HPET sends no messages");
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct msi_message message;
		hits = 0;
		CHECK_EQ(msi_request(cpu, hit, NULL, "test", &message), 0);
		hpet_write(HPET_TIMER_MSI_DATA(HPET_TIMER), message.data);
		hpet_write(HPET_TIMER_MSI_ADDRESS(HPET_TIMER), (uint32_t)message.address);
		CHECK(hpet_fire_until(
		    1, HPET_TIMER_ENABLE | HPET_TIMER_32BIT | HPET_TIMER_MSI_ENABLE));
		CHECK_EQ(hit_cpu, cpu);
		hpet_write(HPET_TIMER_CONFIG(HPET_TIMER), 0);
		msi_release(&message, 1);
	}
}

/* The uptime at which the real-time clock's second changes; *second is the new one. */
static nsec_t wait_for_second(int64_t *second)
{
	struct date date;
	nsec_t deadline = uptime_ns() + WAIT_NS;
	int64_t before = -1;
	while (uptime_ns() < deadline) {
		CHECK_EQ(rtc_read(&date), 0);
		*second = date_to_unix(&date);
		if (before >= 0 && *second != before)
			return uptime_ns();
		before = *second;
		thread_sleep(5 * NSEC_PER_MSEC);
	}
	CHECK(!"the real-time clock stands still");
	return 0;
}

SELFTEST(the_real_time_clock_keeps_step)
{
	struct date date;
	if (tsc_counts_instructions())
		selftest_skip("the real-time clock counts the host's seconds");
	if (rtc_read(&date))
		selftest_skip("no real-time clock");
	/* A host that is busy elsewhere when a second changes shows it late: one row of several must do. */
	bool keeps_step = false;
	for (unsigned tries = 0; tries < 5 && !keeps_step; tries++) {
		int64_t first, second;
		nsec_t begin = wait_for_second(&first), end = wait_for_second(&second);
		nsec_t expected = (nsec_t)(second - first) * NSEC_PER_SEC, took = end - begin;
		selftest_note(
		    "%lld s took %llu ms", (long long)(second - first), took / NSEC_PER_MSEC);
		keeps_step = took > expected / 2 && took < expected * 2;
	}
	CHECK(keeps_step);
}

SELFTEST(the_wall_clock_came_from_the_real_time_clock)
{
	struct date date;
	if (rtc_read(&date))
		selftest_skip("no real-time clock");
	int64_t difference = date_to_unix(&date) - unix_timestamp();
	CHECK(difference >= -2 && difference <= 2);
}
