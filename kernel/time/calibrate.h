/* Private to kernel/time: measuring the TSC against a counter of known rate. */
#pragma once

#include <time/clock.h>

/* Both clocks at one moment, as nearly as possible. */
struct clock_sample {
	uint64_t tsc, count;
};

struct clock_sample clock_sample_take(const struct clock_counter *counter);

/*
 * The TSC's frequency from two samples. `estimate_hz` (0: none yet) says how often the counter wrapped in between; without it
 * the samples must be less than one wrap apart. 0 when the samples make no sense.
 */
uint64_t clock_frequency(const struct clock_counter *counter, const struct clock_sample *begin,
    const struct clock_sample *end, uint64_t estimate_hz);

/* Takes *begin, waits until the counter has moved on by the window, and takes *end. False when it does not count. */
MUST_USE bool clock_sample_window(
    const struct clock_counter *counter, struct clock_sample *begin, struct clock_sample *end);
