/* The real clock over this machine's TSC: measured against the system's clock, then refined. */
#include <time.h>

#include "scale.h"

#include <arch/cpu.h>
#include <arch/timer.h>
#include <boot/boot_info.h>
#include <test/test.h>
#include <time/clock.h>
#include <time/timer.h>

struct boot_info boot_info;

static struct timestamp_facts facts = {.is_virtual = true};
static struct timer *armed;

struct timestamp_facts arch_timestamp_facts(void)
{
	return facts;
}

void arch_timer_measure_begin(void)
{
}

void arch_timer_measure_end(void)
{
}

void arch_timer_set_frequency(uint64_t timestamp_hz)
{
	(void)timestamp_hz;
}

void timer_init(struct timer *timer, void (*handler)(struct timer *timer))
{
	timer->handler = handler;
}

void timer_arm(struct timer *timer, nsec_t deadline)
{
	(void)deadline;
	armed = timer;
}

static uint64_t system_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint64_t read_hpet(void)
{
	return system_ns() / 70 & UINT32_MAX;
}

static const struct clock_counter hpet = {
    .name = "fake", .hz = NSEC_PER_SEC / 70, .mask = UINT32_MAX, .read = read_hpet};

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void start_clock(void)
{
	CHECK_EQ(uptime_ns(), 0);
	boot_info.entry_tsc = cpu_timestamp();
	clock_add_counter(&hpet);
	clock_init();
	CHECK_STR(clock_calibration_name(), "fake");
	CHECK_STR(clock_source_name(), "tsc");
}

struct both {
	nsec_t uptime, system;
};

/* At the same moment: again when this machine was busy with something else in between. */
static struct both read_both(void)
{
	struct both both;
	nsec_t before;
	do {
		before = system_ns();
		both.uptime = uptime_ns();
		both.system = system_ns();
	} while (both.system - before > 100 * NSEC_PER_USEC);
	return both;
}

static void check_keeps_step(nsec_t ns)
{
	struct both begin = read_both(), end;
	do {
		cpu_relax();
		end = read_both();
	} while (end.system - begin.system < ns);
	nsec_t system = end.system - begin.system;
	CHECK(distance(end.uptime - begin.uptime, system) < system / 20);
}

TEST(the_clock_keeps_step_before_and_after_it_is_refined)
{
	start_clock();
	check_keeps_step(50 * NSEC_PER_MSEC);
	uint64_t first_hz = tsc_frequency_hz();
	clock_settle();
	CHECK(armed);
	armed->handler(armed);
	CHECK(distance(tsc_frequency_hz(), first_hz) < first_hz / 50);

	/* Across the point where the lines meet, which is a millisecond ahead. */
	nsec_t last = 0, end = uptime_ns() + 5 * NSEC_PER_MSEC;
	while (last < end) {
		nsec_t now = uptime_ns();
		CHECK(now >= last);
		CHECK(last == 0 || now - last < NSEC_PER_SEC);
		last = now;
	}
	check_keeps_step(50 * NSEC_PER_MSEC);
}

TEST(deadlines_are_not_early_on_either_line)
{
	start_clock();
	clock_settle();
	for (int line = 0; line < 2; line++) {
		for (nsec_t when = 0; when < 3600 * NSEC_PER_SEC; when = when * 2 + 1) {
			uint64_t tsc = uptime_to_tsc(when), ticks = tsc - boot_info.entry_tsc;
			/* What the clock will read at that TSC value, by a straight line. */
			nsec_t then = scale(ticks, scale_factor(tsc_frequency_hz(), NSEC_PER_SEC));
			CHECK(then + 1 + when / 20 >= when && then <= when + 10 + when / 20);
		}
		CHECK_EQ(uptime_to_tsc(NSEC_MAX), UINT64_MAX);
		armed->handler(armed);
	}
}

TEST(what_is_told_is_not_measured)
{
	facts = (struct timestamp_facts){
	    .frequency_hz = 2000000000, .told_by = "cpuid", .is_invariant = true};
	boot_info.entry_tsc = cpu_timestamp();
	clock_init();
	CHECK_STR(clock_calibration_name(), "cpuid");
	CHECK_EQ(tsc_frequency_hz(), 2000000000);
	CHECK_EQ(tsc_to_ns(2000), 1000);
	CHECK_EQ(ns_to_tsc(0), 0);
	CHECK(distance(ns_to_tsc(1000), 2000) <= 1);
	clock_settle();
	CHECK(!armed);
}

static void init_clock(void *arg)
{
	(void)arg;
	clock_init();
}

TEST(without_any_clock_the_kernel_says_so)
{
	CHECK_PANICS(init_clock, NULL);
}

TEST(the_wall_clock_is_the_uptime_plus_an_offset)
{
	start_clock();
	clock_set_unix_time(1700000000 * NSEC_PER_SEC);
	CHECK_EQ(unix_timestamp(), 1700000000);
	CHECK(unix_time_ns() - 1700000000 * NSEC_PER_SEC < 10 * NSEC_PER_SEC);
}

/* Only a physical processor without the promise loses its TSC. */
TEST(an_unsteady_tsc_is_given_up_on_real_hardware)
{
	facts = (struct timestamp_facts){.is_virtual = false};
	start_clock();
	nsec_t before = uptime_ns();
	clock_settle();
	CHECK_STR(clock_source_name(), "fake");
	nsec_t after = uptime_ns();
	CHECK(after + 1000 >= before && after - before < NSEC_PER_SEC);
	/* Programs cannot read that counter: they are never told which second it is, and ask. */
	CHECK_EQ(clock_begin_second(CLOCK_SCALE_UPTIME, after), after / NSEC_PER_SEC);
	CHECK_EQ(clock_published->seconds[CLOCK_SCALE_UPTIME], CLOCK_NO_SECOND);
	check_keeps_step(20 * NSEC_PER_MSEC);
}

/* What is published gives the same time as the kernel's own reading, on either line. */
TEST(the_published_clock_is_the_same)
{
	static struct clock_parameters page;
	start_clock();
	clock_publish(&page);
	clock_settle();
	for (int line = 0; line < 2; line++) {
		for (int i = 0; i < 1000; i++) {
			nsec_t before = uptime_ns();
			uint64_t count = cpu_timestamp() << CLOCK_COUNT_SHIFT;
			nsec_t now =
			    clock_line_at(&page.lines[count >= page.lines[1].start], count);
			CHECK(before <= now && now <= uptime_ns());
		}
		armed->handler(armed);
		delay_ns(2 * NSEC_PER_MSEC);
	}
	CHECK(page.lines[1].start != UINT64_MAX);
}

TEST(a_second_is_guessed_until_another_one_begins)
{
	uint64_t second;
	CHECK(!clock_guess_second(CLOCK_SCALE_UNIX, 0, &second));
	CHECK_EQ(clock_begin_second(CLOCK_SCALE_UNIX, 7 * NSEC_PER_SEC + 5), 7);
	CHECK(clock_guess_second(CLOCK_SCALE_UNIX, 7 * NSEC_PER_SEC, &second) && second == 7);
	CHECK(clock_guess_second(CLOCK_SCALE_UNIX, 8 * NSEC_PER_SEC - 1, &second) && second == 7);
	CHECK(!clock_guess_second(CLOCK_SCALE_UNIX, 8 * NSEC_PER_SEC, &second));
	CHECK(!clock_guess_second(CLOCK_SCALE_UNIX, 7 * NSEC_PER_SEC - 1, &second));
	CHECK(!clock_guess_second(CLOCK_SCALE_UPTIME, 7 * NSEC_PER_SEC, &second));
}
