/*
 * Reading a counter takes from a few nanoseconds (a hypervisor's page) to microseconds (a port, emulated), and on a virtual
 * machine the host may take the processor away in between. So each sample is the quickest of a few tries: the counter's value
 * belongs to some moment between the TSC readings before and after it, and the quickest try says best which.
 */
#include "calibrate.h"
#include "scale.h"

#include <arch/cpu.h>

#define SAMPLE_TRIES 5
#define WINDOW_NS    (500 * NSEC_PER_USEC)
/* A slow counter is watched for longer: its steps are the error. */
#define WINDOW_COUNTS_MIN 1000
/* More TSC ticks than any window takes: the counter stands still, or the host took the processor away, and what the counter shows may
 * have wrapped meanwhile. */
#define TOO_MANY_TICKS (1ull << 26)
#define WINDOW_TRIES   32

struct clock_sample clock_sample_take(const struct clock_counter *counter)
{
	struct clock_sample sample = {0, 0};
	uint64_t quickest = UINT64_MAX;
	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = cpu_timestamp_ordered();
		uint64_t count = counter->read();
		uint64_t took = cpu_timestamp_ordered() - before;
		if (took < quickest) {
			quickest = took;
			sample = (struct clock_sample){.tsc = before + took / 2, .count = count};
		}
	}
	return sample;
}

/* The number of counts that is what the counter shows, modulo its width, and nearest to what was expected. */
static uint64_t unwrap(uint64_t shown, uint64_t expected, uint64_t mask)
{
	uint64_t turn = mask + 1, counts = (expected & ~mask) | shown;
	if (counts > expected + turn / 2 && counts >= turn)
		return counts - turn;
	return counts + turn / 2 < expected ? counts + turn : counts;
}

uint64_t clock_frequency(const struct clock_counter *counter, const struct clock_sample *begin,
    const struct clock_sample *end, uint64_t estimate_hz)
{
	uint64_t ticks = end->tsc - begin->tsc;
	uint64_t counts = (end->count - begin->count) & counter->mask;
	if (estimate_hz && counter->mask != UINT64_MAX)
		counts = unwrap(
		    counts, scale(ticks, scale_factor(estimate_hz, counter->hz)), counter->mask);
	/* The factor has room for 2^16: samples closer together than 1 / 65536 s are no measurement anyway. */
	if (!counts || counter->hz / counts >= 1u << 16)
		return 0;
	return scale(ticks, scale_factor(counts, counter->hz));
}

static bool try_window(const struct clock_counter *counter, uint64_t window,
    struct clock_sample *begin, struct clock_sample *end)
{
	*begin = clock_sample_take(counter);
	do {
		*end = clock_sample_take(counter);
		if (end->tsc - begin->tsc > TOO_MANY_TICKS)
			return false;
	} while (((end->count - begin->count) & counter->mask) < window);
	return true;
}

bool clock_sample_window(
    const struct clock_counter *counter, struct clock_sample *begin, struct clock_sample *end)
{
	uint64_t window = max(counter->hz * WINDOW_NS / NSEC_PER_SEC, (uint64_t)WINDOW_COUNTS_MIN);
	for (unsigned tries = 0; tries < WINDOW_TRIES; tries++) {
		if (try_window(counter, window, begin, end))
			return true;
		if (end->count == begin->count)
			return false;
	}
	return false;
}
