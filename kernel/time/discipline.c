/*
 * The clock discipline: <time/discipline.h>. After "A Kernel Model for Precision Timekeeping" (RFC 1589) and what Linux made of it. Amounts are
 * nanoseconds; the second's correction is dealt out in equal steps.
 */
#include <time/discipline.h>

#include <sync/spinlock.h>
#include <time/clock.h>
#include <time/timer.h>

#define STEPS         100
#define STEP_NS       (NSEC_PER_SEC / STEPS)
#define SECONDS_A_DAY 86400
#define TICK_USEC                                                                                  \
	10000 /* the clock's rate, in Linux's words: 100 ticks a second of so many microseconds */
#define PHASE_MAX_NS      (500 * (int64_t)NSEC_PER_MSEC)
#define FREQUENCY_MAX     (500ll << 16)
#define ERROR_MAX_US      16000000
#define ERROR_A_SECOND_US 500
#define ADJTIME_A_SECOND  500000 /* ns: adjtime(3)'s rate */
#define CONSTANT_MAX      10
#define PLL_SHIFT         2
#define FLL_SECONDS       256 /* longer since the last offset: its frequency counts, not its phase */
#define TAI_MAX           100000

static struct spinlock lock = SPINLOCK_INIT("clock discipline", RANK_NONE);
/* All under the lock. */
static unsigned status = STA_UNSYNC;
static enum clock_state state = TIME_OK;
static int64_t frequency, tick = TICK_USEC, time_constant = PLL_SHIFT;
static int64_t offset_ns;  /* what the phase-locked loop has yet to correct */
static int64_t adjtime_ns; /* and adjtime(3) */
static int64_t max_error = ERROR_MAX_US, estimated_error = ERROR_MAX_US;
static int64_t reference; /* second of the last offset */
static int64_t second;    /* the one that is dealt out */
static int64_t left_ns, steps_left;
static int tai;
static bool is_running;
static struct timer stepper;

static int64_t clamp(int64_t value, int64_t limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

static int64_t clamp_positive(int64_t value, int64_t limit)
{
	return value < 0 ? 0 : clamp(value, limit);
}

/* A leap second is due when the day ends: how many nanoseconds the clock moves by. */
static int64_t leap(int64_t now)
{
	switch (state) {
	case TIME_OK:
		state = status & STA_INS ? TIME_INS : status & STA_DEL ? TIME_DEL : TIME_OK;
		return 0;
	case TIME_INS:
		if (!(status & STA_INS)) {
			state = TIME_OK;
		} else if (now % SECONDS_A_DAY == 0) {
			state = TIME_OOP;
			return -(int64_t)NSEC_PER_SEC;
		}
		return 0;
	case TIME_DEL:
		if (!(status & STA_DEL)) {
			state = TIME_OK;
		} else if ((now + 1) % SECONDS_A_DAY == 0) {
			state = TIME_WAIT;
			return NSEC_PER_SEC;
		}
		return 0;
	case TIME_OOP: state = TIME_WAIT; return 0;
	case TIME_WAIT:
		if (!(status & (STA_INS | STA_DEL)))
			state = TIME_OK;
		return 0;
	case TIME_ERROR: break;
	}
	return 0;
}

static bool has_work(void)
{
	return frequency || tick != TICK_USEC || offset_ns || adjtime_ns || left_ns ||
	       state != TIME_OK || status & (STA_INS | STA_DEL);
}

/* A new second begins: what it is to be corrected by. */
static int64_t begin_second(int64_t now)
{
	int64_t leap_ns = leap(now);
	second = now + leap_ns / (int64_t)NSEC_PER_SEC;
	tai += leap_ns < 0 ? 1 : leap_ns > 0 ? -1 : 0;
	int64_t part = offset_ns >> (PLL_SHIFT + time_constant);
	if (part == 0 || part == -1)
		part = offset_ns;
	int64_t slew = clamp(adjtime_ns, ADJTIME_A_SECOND);
	offset_ns -= part;
	adjtime_ns -= slew;
	left_ns += part + slew + frequency * 1000 / 65536 + (tick - TICK_USEC) * 100 * 1000;
	steps_left = STEPS;
	max_error = clamp_positive(max_error + ERROR_A_SECOND_US, ERROR_MAX_US);
	if (max_error == ERROR_MAX_US)
		status |= STA_UNSYNC;
	return leap_ns;
}

static void step(struct timer *timer)
{
	int64_t move = 0;
	irq_flags_t flags = spin_lock_irqsave(&lock);
	int64_t now = unix_timestamp();
	if (now != second)
		move = begin_second(now);
	int64_t part = steps_left > 1 ? left_ns / steps_left : left_ns;
	left_ns -= part;
	steps_left -= steps_left > 1;
	is_running = has_work();
	bool goes_on = is_running;
	spin_unlock_irqrestore(&lock, flags);
	clock_move_unix_time(move + part);
	if (goes_on)
		timer_arm(timer, uptime_ns() + STEP_NS);
}

static void set_status(unsigned new)
{
	if (status & STA_PLL && !(new &STA_PLL)) {
		state = TIME_OK;
		status = (status & STA_READONLY) | STA_UNSYNC;
	}
	if (!(status & STA_PLL) && new &STA_PLL)
		reference = unix_timestamp();
	status = (status & STA_READONLY) | (new & ~STA_READONLY);
}

/* The loop learns the frequency from how the offset came about, and takes out the offset itself little by little. */
static void set_offset(int64_t offset)
{
	if (!(status & STA_PLL))
		return;
	if (!(status & STA_NANO))
		offset = clamp(offset, PHASE_MAX_NS / 1000) * 1000;
	offset = clamp(offset, PHASE_MAX_NS);
	int64_t now = unix_timestamp(), seconds = status & STA_FREQHOLD ? 0 : now - reference;
	reference = now;
	if (seconds > 0 && seconds < FLL_SECONDS && !(status & STA_FLL))
		frequency +=
		    (offset * seconds * 65536 / 1000) >> (2 * (PLL_SHIFT + 2 + time_constant));
	else if (seconds >= FLL_SECONDS || (seconds > 0 && status & STA_FLL))
		frequency += offset * 65536 / 1000 / seconds >> PLL_SHIFT;
	frequency = clamp(frequency, FREQUENCY_MAX);
	offset_ns = offset;
}

static void set_values(const struct discipline *values)
{
	unsigned modes = values->modes;
	if (modes & ADJ_STATUS)
		set_status(values->status);
	if (modes & ADJ_NANO)
		status |= STA_NANO;
	if (modes & ADJ_MICRO)
		status &= ~STA_NANO;
	if (modes & ADJ_FREQUENCY)
		frequency = clamp(values->frequency, FREQUENCY_MAX);
	if (modes & ADJ_MAXERROR)
		max_error = clamp_positive(values->max_error, ERROR_MAX_US);
	if (modes & ADJ_ESTERROR)
		estimated_error = clamp_positive(values->estimated_error, ERROR_MAX_US);
	if (modes & ADJ_TIMECONST) {
		time_constant = clamp_positive(values->time_constant, CONSTANT_MAX);
		if (!(status & STA_NANO))
			time_constant = clamp_positive(time_constant + 4, CONSTANT_MAX);
	}
	if (modes & ADJ_TAI && values->time_constant >= 0 && values->time_constant <= TAI_MAX)
		tai = (int)values->time_constant;
	if (modes & ADJ_OFFSET)
		set_offset(values->offset);
	if (modes & ADJ_TICK)
		tick = values->tick;
}

static void tell(struct discipline *values)
{
	values->frequency = frequency;
	values->max_error = max_error;
	values->estimated_error = estimated_error;
	values->status = status;
	values->time_constant = time_constant;
	values->precision = 1;
	values->tolerance = FREQUENCY_MAX;
	values->tick = tick;
	values->tai = tai;
}

int discipline_adjust(struct discipline *values)
{
	irq_flags_t flags = spin_lock_irqsave(&lock);
	if (values->modes & ADJ_ADJTIME) {
		int64_t before = adjtime_ns / 1000;
		if (!(values->modes & ADJ_OFFSET_READONLY))
			adjtime_ns = values->offset * 1000;
		values->offset = before;
	} else {
		set_values(values);
		values->offset = status & STA_NANO ? offset_ns : offset_ns / 1000;
	}
	tell(values);
	int result = status & STA_UNSYNC ? TIME_ERROR : (int)state;
	bool begins = has_work() && !is_running;
	if (begins) {
		is_running = true;
		second = unix_timestamp();
	}
	spin_unlock_irqrestore(&lock, flags);
	if (begins) {
		timer_init(&stepper, step);
		timer_arm(&stepper, uptime_ns() + STEP_NS);
	}
	return result;
}

void discipline_clear(void)
{
	irq_flags_t flags = spin_lock_irqsave(&lock);
	adjtime_ns = offset_ns = left_ns = 0;
	status |= STA_UNSYNC;
	max_error = estimated_error = ERROR_MAX_US;
	spin_unlock_irqrestore(&lock, flags);
}
