/*
 * What time it is. The uptime clock counts nanoseconds since boot from the TSC (or from another counter of the machine where
 * the TSC is not to be trusted) and never goes back, on any CPU. The wall clock is the uptime plus an offset, which
 * the RTC gives at boot.
 *
 * Context: any, NMI included, unless said otherwise.
 */
#pragma once

#include <lib/types.h>

nsec_t uptime_ns(void);              /* 0 before clock_init */
int64_t unix_timestamp(void);        /* seconds since 1970 */
nsec_t unix_time_ns(void);           /* nanoseconds since 1970 */
void clock_set_unix_time(nsec_t ns); /* since 1970 */
void clock_move_unix_time(int64_t by);

/* Durations in TSC ticks and back. Multiplications, no division. */
uint64_t tsc_frequency_hz(void);
nsec_t tsc_to_ns(uint64_t ticks);
uint64_t ns_to_tsc(nsec_t ns); /* rounded up; saturates */
/* The TSC value of this CPU at which the uptime clock reads `when` or a little more. */
uint64_t uptime_to_tsc(nsec_t when);

const char *clock_source_name(void); /* "tsc", or the counter used instead */
const char *clock_calibration_name(
    void); /* who told the TSC's frequency ("cpuid", "kvm") or measured it ("hpet", "pit", ...) */

/* Spins. For device delays of microseconds at boot. */
void delay_ns(nsec_t ns);

/* A counter of the machine that runs at a known rate: what the TSC is measured against and what replaces it. */
struct clock_counter {
	const char *name;
	uint64_t hz;
	uint64_t mask;          /* its width: 2^n - 1 */
	uint64_t (*read)(void); /* counts up, wraps at the mask; any context */
	bool is_boot_only;      /* its owner has another use for it later */
};
/* Boot, before clock_init; the best first, and only what was seen to count. The structure is kept. */
void clock_add_counter(const struct clock_counter *counter);

/* Boot CPU, after its local interrupt controller: finds the TSC's frequency, in a millisecond or so. */
/*
 * The clock as numbers, for whoever computes it elsewhere (the vDSO): two straight lines over the count, the second in force from its start
 * on. A count is a TSC value times 8: so the product with `to_ns` has its whole nanoseconds in the upper half, and no shift is needed. Lines are
 * complete before their start, each word is one store.
 */
#define CLOCK_COUNT_SHIFT 3
struct clock_line {
	uint64_t start, to_ns, base; /* uptime = base + (count * to_ns >> 64) */
};

static inline uint64_t clock_line_at(const struct clock_line *line, uint64_t count)
{
	return line->base + (uint64_t)((unsigned __int128)count * line->to_ns >> 64);
}

enum clock_scale { CLOCK_SCALE_UPTIME, CLOCK_SCALE_UNIX, CLOCK_SCALE_COUNT };
struct clock_parameters {
	struct clock_line lines[2];
	uint64_t unix_offset;
	/* The second that it probably is. A reader compares the time with it and divides only when another one has begun. */
	uint64_t seconds[CLOCK_SCALE_COUNT];
};
#define CLOCK_NO_SECOND UINT64_MAX /* no time is ever in it: the vDSO asks the kernel */

/* What the kernel publishes. */
extern struct clock_parameters *clock_published;
/* The second that `now`, which has just been read, should be in; false: it is not. */
static inline bool clock_guess_second(enum clock_scale scale, nsec_t now, uint64_t *second)
{
	*second = __atomic_load_n(&clock_published->seconds[scale], __ATOMIC_RELAXED);
	return likely(now - *second * NSEC_PER_SEC < NSEC_PER_SEC);
}
/* The one that it is in, which is the guess from then on. */
uint64_t clock_begin_second(enum clock_scale scale, nsec_t now);
/* Boot: from now on it is kept up to date. */
void clock_publish(struct clock_parameters *parameters);

void clock_init(void);
/* When all CPUs run and timers work, interrupts on: sees whether the CPUs' TSCs agree, gives them up as a clock when not, and
 * arms a timer that measures the frequency again over a longer time. */
void clock_settle(void);
