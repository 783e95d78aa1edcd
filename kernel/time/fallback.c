/*
 * The clock without the TSC: a counter of the machine, widened to 64 bits. All CPUs share the last value seen; a reader
 * that finds a smaller one (another CPU was faster) takes that one, so the clock does not go back.
 *
 * Somebody must read at least once in half a turn of the counter; a timer does.
 */
#include "clock_impl.h"
#include "scale.h"

#include <lib/atomic.h>
#include <log/log.h>
#include <time/timer.h>

/* A counter that wraps sooner (the PIT's, after 55 ms) cannot be kept up with. */
#define TURN_MIN_NS NSEC_PER_SEC

bool clock_is_fallback;

static const struct clock_counter *counter;
static uint64_t to_ns;
static nsec_t base;
static uint64_t first, last; /* a: widened counts; last only grows */
static struct timer keep_up_timer;

static uint64_t widened_count(void)
{
	uint64_t seen = atomic_load(&last);
	uint64_t ahead = (counter->read() - seen) & counter->mask;
	/* Less than the last one seen: it was read on another CPU after our reading of the counter. */
	if (ahead > counter->mask / 2)
		return seen;
	uint64_t count = seen + ahead;
	while (seen < count && !atomic_cas(&last, &seen, count))
		;
	return count;
}

nsec_t clock_fallback_read(void)
{
	return base + scale(widened_count() - first, to_ns);
}

const char *clock_fallback_name(void)
{
	return counter->name;
}

static nsec_t turn_ns(const struct clock_counter *c)
{
	return c->mask / c->hz >= NSEC_MAX / NSEC_PER_SEC ? NSEC_MAX
							  : c->mask / c->hz * NSEC_PER_SEC;
}

static void keep_up(struct timer *timer)
{
	timer_arm(timer, clock_fallback_read() + turn_ns(counter) / 4);
}

void clock_use_fallback(const char *why)
{
	const struct clock_counter *best = clock_best_counter();
	if (clock_is_fallback)
		return;
	if (!best || turn_ns(best) < TURN_MIN_NS) {
		log_warn("clock", "the TSC is doubtful (%s), but nothing can replace it", why);
		return;
	}

	counter = best;
	to_ns = scale_factor(best->hz, NSEC_PER_SEC);
	base = uptime_ns();
	first = last = best->read();
	atomic_store_release(&clock_is_fallback, true);
	log_warn("clock", "the TSC is no clock (%s): using %s", why, best->name);
	timer_init(&keep_up_timer, keep_up);
	keep_up(&keep_up_timer);
}
