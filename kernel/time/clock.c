/*
 * The uptime clock is a pure function of the TSC: a straight line, and a second one that takes over at a TSC value in the
 * future when the frequency is known better. Both meet at that value. Whatever CPU reads, and however late, equal TSC
 * values give equal times and larger ones give later times, so the clock cannot go back and readers need no lock.
 *
 * Where TSCs are not to be trusted, the clock counts a clock_counter instead (fallback.c).
 *
 * Locking: everything is written at boot, before other CPUs run; but the second line, once, by the refinement (a timer on the boot
 * CPU), which publishes its start last.
 */
#include "calibrate.h"
#include "clock_impl.h"
#include "scale.h"

#include <arch/cpu.h>
#include <arch/timer.h>
#include <boot/boot_info.h>
#include <lib/atomic.h>
#include <lib/cmdline.h>
#include <log/assert.h>
#include <log/log.h>
#include <time/timer.h>

#define COUNTERS_MAX 4

#define REFINE_AFTER_NS (200 * NSEC_PER_MSEC)
/* The second line begins this much later than it is published: far longer than a processor reads out of order. */
#define REFINE_LEAD_NS NSEC_PER_MSEC
/* A refinement that differs by more than 1/50 is no refinement: something was wrong with one of the two. */
#define REFINE_DOUBT 50

/* Slower than this, and the factor of a line does not fit; later than this, and counts end in a matter of years. */
#define TSC_HZ_MIN (NSEC_PER_SEC >> CLOCK_COUNT_SHIFT)
#define COUNT_MAX  (1ull << 63)

/* A line read the other way: a deadline must not be early. */
struct inverse {
	uint64_t start_tsc; /* a nanosecond late, for what reading the line rounds down */
	nsec_t start_ns;
	uint64_t to_tsc; /* scale.h's factor */
};

/* The start is atomic. */
static struct clock_line lines[2] = {{.start = 0}, {.start = UINT64_MAX}};
static struct inverse inverses[2];
static uint64_t tsc_hz;
static const char *calibration_name = "none";
static nsec_t unix_offset; /* a: unix time at uptime 0 */
/* Until there is a vDSO. */
static struct clock_parameters unpublished = {.seconds = {CLOCK_NO_SECOND, CLOCK_NO_SECOND}};
struct clock_parameters *clock_published = &unpublished;

static const struct clock_counter *counters[COUNTERS_MAX], *last_resort;
static struct clock_sample first_sample;
static struct timer refine_timer;

static uint64_t count_of(uint64_t tsc)
{
	return tsc << CLOCK_COUNT_SHIFT;
}

/* The one in force from now on. */
static unsigned newest_line(void)
{
	return atomic_load_acquire(&lines[1].start) != UINT64_MAX;
}

static ALWAYS_INLINE nsec_t read_uptime(void)
{
	if (unlikely(clock_is_fallback))
		return clock_fallback_read();
	uint64_t count = count_of(cpu_timestamp());
	/* The TSC first: a reader who still sees no second line has then read a TSC before its start, however late it goes on. */
	compiler_barrier();
	if (likely(count >= atomic_load_acquire(&lines[1].start)))
		return clock_line_at(&lines[1], count);
	return clock_line_at(&lines[0], count);
}

nsec_t uptime_ns(void)
{
	return read_uptime();
}

uint64_t tsc_frequency_hz(void)
{
	return atomic_load(&tsc_hz);
}

nsec_t tsc_to_ns(uint64_t ticks)
{
	return clock_line_at(
	    &(struct clock_line){.to_ns = lines[newest_line()].to_ns}, count_of(ticks));
}

uint64_t ns_to_tsc(nsec_t ns)
{
	return scale_up(ns, inverses[newest_line()].to_tsc);
}

uint64_t uptime_to_tsc(nsec_t when)
{
	uint64_t start, ticks, tsc;
	if (unlikely(clock_is_fallback)) {
		nsec_t now = uptime_ns();
		start = cpu_timestamp();
		ticks = ns_to_tsc(when > now ? when - now : 0);
	} else {
		const struct inverse *line = &inverses[newest_line()];
		if (when < line->start_ns)
			line = &inverses[0];
		start = line->start_tsc;
		ticks = scale_up(when - line->start_ns, line->to_tsc);
	}
	return add_overflows(start, ticks, &tsc) ? UINT64_MAX : tsc;
}

nsec_t unix_time_ns(void)
{
	return read_uptime() + atomic_load(&unix_offset);
}

int64_t unix_timestamp(void)
{
	return (int64_t)(unix_time_ns() / NSEC_PER_SEC);
}

/* The start last: a line counts from the moment its start is seen. */
static void publish_line(unsigned i)
{
	struct clock_line *to = &clock_published->lines[i];
	atomic_store(&to->base, lines[i].base);
	atomic_store(&to->to_ns, lines[i].to_ns);
	atomic_store_release(&to->start, atomic_load(&lines[i].start));
}

/* Several may change it at once: whoever has written an old one sees that and writes again. */
static void publish_offset(void)
{
	nsec_t offset;
	do {
		offset = atomic_load(&unix_offset);
		atomic_swap(&clock_published->unix_offset, offset);
	} while (offset != atomic_load(&unix_offset));
}

void clock_publish(struct clock_parameters *parameters)
{
	*parameters = *clock_published;
	clock_published = parameters;
	publish_line(0);
	publish_line(1);
	publish_offset();
}

NOINLINE uint64_t clock_begin_second(enum clock_scale scale, nsec_t now)
{
	uint64_t second = now / NSEC_PER_SEC;
	/* Where the clock is not the TSC, programs cannot compute it. */
	if (!clock_is_fallback && second != atomic_load(&clock_published->seconds[scale]))
		atomic_store(&clock_published->seconds[scale], second);
	return second;
}

void clock_set_unix_time(nsec_t ns)
{
	atomic_store(&unix_offset, ns - uptime_ns());
	publish_offset();
}

void clock_move_unix_time(int64_t by)
{
	if (!by)
		return;
	atomic_fetch_add(&unix_offset, (nsec_t)by);
	publish_offset();
}

const char *clock_calibration_name(void)
{
	return calibration_name;
}

const char *clock_source_name(void)
{
	return clock_is_fallback ? clock_fallback_name() : "tsc";
}

void delay_ns(nsec_t ns)
{
	uint64_t start = cpu_timestamp(), ticks = ns_to_tsc(ns);
	while (cpu_timestamp() - start < ticks)
		cpu_relax();
}

void clock_add_counter(const struct clock_counter *counter)
{
	if (counter->is_boot_only) {
		last_resort = counter;
		return;
	}
	for (unsigned i = 0; i < COUNTERS_MAX; i++) {
		if (!counters[i]) {
			counters[i] = counter;
			return;
		}
	}
	panic("more than %d counters", COUNTERS_MAX);
}

const struct clock_counter *clock_best_counter(void)
{
	return counters[0];
}

static void set_line(unsigned i, uint64_t start_tsc, nsec_t start_ns, uint64_t hz)
{
	struct clock_line *line = &lines[i];
	uint64_t start = count_of(start_tsc);
	uint64_t to_tsc = scale_factor(NSEC_PER_SEC, hz) + 1;
	inverses[i] = (struct inverse){start_tsc + scale_up(1, to_tsc), start_ns, to_tsc};
	line->to_ns = hz > TSC_HZ_MIN ? scale_factor_bits(hz, NSEC_PER_SEC, 64 - CLOCK_COUNT_SHIFT)
				      : UINT64_MAX;
	line->base = 0;
	line->base = start_ns - clock_line_at(line, start);
	atomic_store_release(&line->start, i ? start : 0);
	atomic_store(&tsc_hz, hz);
	arch_timer_set_frequency(hz);
}

/* 0.2 s later the same two clocks give the frequency some hundred times better. */
static void refine(struct timer *timer)
{
	(void)timer;
	struct clock_sample sample = clock_sample_take(counters[0]);
	uint64_t hz = clock_frequency(counters[0], &first_sample, &sample, tsc_hz);
	uint64_t difference = hz > tsc_hz ? hz - tsc_hz : tsc_hz - hz;
	if (difference > tsc_hz / REFINE_DOUBT) {
		log_warn("clock", "the TSC measures %llu Hz now, %llu at boot: keeping the latter",
		    (unsigned long long)hz, (unsigned long long)tsc_hz);
		return;
	}

	uint64_t start = cpu_timestamp() + ns_to_tsc(REFINE_LEAD_NS);
	set_line(1, start, clock_line_at(&lines[0], count_of(start)), hz);
	publish_line(1);
	log_debug("clock", "TSC refined to %llu Hz", (unsigned long long)hz);
}

/* 0: it does not count. */
static uint64_t measure_by(const struct clock_counter *counter)
{
	struct clock_sample end;
	if (!clock_sample_window(counter, &first_sample, &end)) {
		log_err("clock", "%s does not count", counter->name);
		return 0;
	}
	calibration_name = counter->name;
	return clock_frequency(counter, &first_sample, &end, 0);
}

static uint64_t measure(void)
{
	if (counters[0])
		return measure_by(counters[0]);
	return last_resort ? measure_by(last_resort) : 0;
}

void clock_init(void)
{
	struct timestamp_facts facts = arch_timestamp_facts();
	uint64_t hz = facts.frequency_hz;
	arch_timer_measure_begin();
	if (hz)
		calibration_name = facts.told_by;
	else
		hz = measure();
	arch_timer_measure_end();
	if (!hz)
		panic("nothing here tells or measures the frequency of the TSC");

	set_line(0, boot_info.entry_tsc, 0, hz);
	log_info("clock", "TSC %llu.%03llu MHz by %s%s", (unsigned long long)hz / 1000000,
	    (unsigned long long)hz / 1000 % 1000, calibration_name,
	    facts.is_invariant ? ", invariant" : "");
}

void clock_settle(void)
{
	struct timestamp_facts facts = arch_timestamp_facts();
	if (cmdline_has(boot_info.cmdline, "notsc"))
		clock_use_fallback("the command line says so");
	else if (tsc_hz <= TSC_HZ_MIN || count_of(boot_info.entry_tsc) > COUNT_MAX)
		clock_use_fallback("it is too slow or counts too high");
	else if (!facts.is_invariant && !facts.is_virtual)
		clock_use_fallback("its rate may change");
	else if (!clock_cpus_agree())
		clock_use_fallback("the CPUs' differ");
	if (!facts.frequency_hz && counters[0]) {
		timer_init(&refine_timer, refine);
		timer_arm(&refine_timer, uptime_ns() + REFINE_AFTER_NS);
	}
}
