/* The clock over a counter that wraps every few milliseconds of fake time, read by several CPUs in any order. */
#include "clock_impl.h"

#include <arch/cpu.h>
#include <arch/host.h>
#include <arch/timer.h>
#include <lib/random.h>
#include <test/test.h>
#include <time/timer.h>

static uint64_t now_ns, boot_ns = 5000;

/* 10 MHz, 24 bits: wraps after 1.7 s. */
static uint64_t read_counter(void)
{
	return now_ns / 100 & 0xffffff;
}

static const struct clock_counter narrow = {
    .name = "narrow", .hz = 10000000, .mask = 0xffffff, .read = read_counter};
static const struct clock_counter pit = {
    .name = "pit", .hz = 1193182, .mask = 0xffff, .read = read_counter};
static const struct clock_counter *best;

const struct clock_counter *clock_best_counter(void)
{
	return best;
}

nsec_t uptime_ns(void)
{
	return clock_is_fallback ? clock_fallback_read() : boot_ns;
}

uint64_t uptime_to_tsc(nsec_t when)
{
	return when;
}

/* The counter is read in time because of a timer, which this plays the hardware of. */
static void interrupt_if_due(void)
{
	if (host_timer_deadline <= uptime_ns()) {
		host_timer_deadline = UINT64_MAX;
		irq_flags_t flags = irq_save();
		timer_interrupt();
		irq_restore(flags);
	}
}

TEST(a_narrow_counter_counts_for_hours)
{
	best = &narrow;
	now_ns = 1600000000; /* shortly before a wrap */
	timer_init_cpu();
	clock_use_fallback("test");
	CHECK(clock_is_fallback);
	CHECK_STR(clock_fallback_name(), "narrow");

	uint64_t begin = now_ns, seed = 4;
	nsec_t last = 0;
	while (now_ns - begin < 7200 * NSEC_PER_SEC) {
		now_ns += random_next(&seed) % (20 * NSEC_PER_MSEC);
		interrupt_if_due();
		if (random_next(&seed) % 64)
			continue; /* nobody else reads for a while */
		nsec_t uptime = uptime_ns(), expected = boot_ns + (now_ns - begin);
		CHECK(uptime >= last);
		CHECK(uptime <= expected + 100 && uptime + 100 >= expected);
		last = uptime;
	}
}

/* A CPU that read the counter before another one did, but comes later, must not go back. */
TEST(a_late_reader_does_not_go_back)
{
	best = &narrow;
	now_ns = 1000000;
	timer_init_cpu();
	clock_use_fallback("test");
	uint64_t seed = 8;
	nsec_t last = 0;
	for (int i = 0; i < 100000; i++) {
		now_ns += random_next(&seed) % 10000;
		uint64_t true_now = now_ns;
		now_ns -= random_next(&seed) % 1000;
		nsec_t uptime = uptime_ns();
		now_ns = true_now;
		CHECK(uptime >= last);
		last = uptime;
	}
}

TEST(a_counter_that_wraps_too_soon_is_no_clock)
{
	best = &pit;
	clock_use_fallback("test");
	CHECK(!clock_is_fallback);
	best = NULL;
	clock_use_fallback("test");
	CHECK(!clock_is_fallback);
}
