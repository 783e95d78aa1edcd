/* The arithmetic of clocks: scaling, unwrapping narrow counters, and the frequency that comes out. */
#include "calibrate.h"
#include "scale.h"

#include <arch/cpu.h>
#include <lib/random.h>
#include <test/test.h>

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

TEST(scaling_there_and_back)
{
	uint64_t seed = 3;
	for (int i = 0; i < 100000; i++) {
		uint64_t hz = 100000000 + random_next(&seed) % 9900000000ull;
		uint64_t ns = random_next(&seed) >> (4 + random_next(&seed) % 50);
		uint64_t to_ns = scale_factor(hz, NSEC_PER_SEC),
			 to_tsc = scale_factor(NSEC_PER_SEC, hz) + 1;
		uint64_t ticks = scale_up(ns, to_tsc);
		if (ticks == UINT64_MAX)
			continue;
		/* Behind the point there are 48 bits. */
		uint64_t error = (ns >> 40) + 11;
		CHECK(distance(scale(ticks, to_ns), ns) <= error);
	}
}

TEST(factors_are_exact_where_they_can_be)
{
	CHECK_EQ(scale_factor(1000000000, 1000000000), 1ull << SCALE_SHIFT);
	CHECK_EQ(scale_factor(500000000, 1000000000), 2ull << SCALE_SHIFT);
	CHECK_EQ(scale_factor(1000000000, 2500000000), (5ull << SCALE_SHIFT) / 2);
	CHECK_EQ(
	    scale(86400ull * 2500000000, scale_factor(2500000000, 1000000000)), 86399999999999);
	CHECK_EQ(scale_up(UINT64_MAX, 2ull << SCALE_SHIFT), UINT64_MAX);
	CHECK_EQ(scale_up(1, 1), 1);
	CHECK_EQ(scale_up(0, 1), 0);
}

struct machine_clocks {
	struct clock_counter counter;
	uint64_t tsc_hz;
};

/* Both clocks after `ns`, exactly. */
static struct clock_sample at(const struct machine_clocks *clocks, uint64_t ns)
{
	return (struct clock_sample){
	    .tsc = (uint64_t)((unsigned __int128)ns * clocks->tsc_hz / NSEC_PER_SEC),
	    .count = (uint64_t)((unsigned __int128)ns * clocks->counter.hz / NSEC_PER_SEC) &
		     clocks->counter.mask,
	};
}

static void check_frequency(
    const struct machine_clocks *clocks, uint64_t begin_ns, uint64_t len_ns, uint64_t estimate)
{
	struct clock_sample begin = at(clocks, begin_ns), end = at(clocks, begin_ns + len_ns);
	uint64_t hz = clock_frequency(&clocks->counter, &begin, &end, estimate);
	/* The counter's steps: one at either end. */
	uint64_t counts = clocks->counter.hz * len_ns / NSEC_PER_SEC;
	CHECK(distance(hz, clocks->tsc_hz) <= clocks->tsc_hz / counts * 2 + 2);
}

TEST(frequency_of_any_tsc_by_any_counter)
{
	static const struct clock_counter counters[] = {
	    {.name = "pit", .hz = 1193182, .mask = 0xffff},
	    {.name = "pm", .hz = 3579545, .mask = 0xffffff},
	    {.name = "hpet32", .hz = 14318180, .mask = 0xffffffff},
	    {.name = "hpet64", .hz = 100000000, .mask = UINT64_MAX},
	};
	uint64_t seed = 9;
	for (int i = 0; i < 20000; i++) {
		struct machine_clocks clocks = {
		    .counter = counters[i % ARRAY_LEN(counters)],
		    .tsc_hz = 500000000 + random_next(&seed) % 5000000000ull,
		};
		uint64_t begin = random_next(&seed) % (1ull << 42);
		check_frequency(&clocks, begin, 1000000, 0);
		/* 0.2 s later, several turns of the PIT, known to a part in a thousand. */
		uint64_t off = clocks.tsc_hz / 1000;
		check_frequency(&clocks, begin, 200000000 + random_next(&seed) % 50000000,
		    clocks.tsc_hz - off + random_next(&seed) % (2 * off));
	}
}

TEST(nonsense_is_no_frequency)
{
	struct clock_counter counter = {.hz = 14318180, .mask = 0xffffffff};
	struct clock_sample begin = {1000, 500}, same = {2000, 500}, short_time = {2000, 501};
	CHECK_EQ(clock_frequency(&counter, &begin, &same, 0), 0);
	CHECK_EQ(clock_frequency(&counter, &begin, &short_time, 0), 0);
}

static uint64_t stuck(void)
{
	return 42;
}

TEST(a_counter_that_does_not_count_is_found_out)
{
	struct clock_counter counter = {.hz = 14318180, .mask = 0xffffffff, .read = stuck};
	struct clock_sample begin, end;
	CHECK(!clock_sample_window(&counter, &begin, &end));
}

/* Counts every 256th tick of the TSC, and the host takes the processor away for a while during the tenth reading. */
static uint64_t read_on_a_busy_host(void)
{
	static unsigned reads;
	uint64_t start = cpu_timestamp();
	while (reads == 10 && cpu_timestamp() - start < 1ull << 27)
		continue;
	reads++;
	return cpu_timestamp() / 256;
}

TEST(a_window_that_the_host_spoils_is_taken_again)
{
	struct clock_counter counter = {
	    .hz = 9000000, .mask = UINT64_MAX, .read = read_on_a_busy_host};
	struct clock_sample begin, end;
	CHECK(clock_sample_window(&counter, &begin, &end));
	CHECK(end.tsc - begin.tsc < 1ull << 27);
	CHECK(distance(clock_frequency(&counter, &begin, &end, 0), 256 * counter.hz) < counter.hz);
}
