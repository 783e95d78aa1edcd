/* adjtimex(2) and clock_adjtime(2). */
#include <abi/linux/process.h>
#include <credentials/credentials.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>
#include <time/discipline.h>

#define TICK_MIN      9000
#define TICK_MAX      11000
#define FREQUENCY_FAR (INT64_MAX / 65536000)

struct linux_timex {
	uint32_t modes, padding0;
	int64_t offset, frequency, max_error, estimated_error;
	int32_t status, padding1;
	int64_t time_constant, precision, tolerance;
	struct linux_timeval time;
	int64_t tick, pps[2];
	int32_t pps_shift, padding2;
	int64_t pps_more[5];
	int32_t tai, padding3[11];
};
static_assert(sizeof(struct linux_timex) == 208, "Linux's ABI");
static_assert(offsetof(struct linux_timex, tai) == 160, "Linux's ABI");

static int check(const struct linux_timex *in)
{
	if (in->modes & ADJ_ADJTIME) {
		if (!(in->modes & ADJ_OFFSET))
			return -EINVAL;
		return in->modes & ADJ_OFFSET_READONLY || has_power(POWER_SYS_TIME) ? 0 : -EPERM;
	}
	if (in->modes && !has_power(POWER_SYS_TIME))
		return -EPERM;
	if (in->modes & ADJ_TICK && (in->tick < TICK_MIN || in->tick > TICK_MAX))
		return -EINVAL;
	int64_t parts = in->modes & ADJ_NANO ? NSEC_PER_SEC : NSEC_PER_SEC / NSEC_PER_USEC;
	if (in->modes & ADJ_SETOFFSET &&
	    (in->time.microseconds < 0 || in->time.microseconds >= parts))
		return -EINVAL;
	if (in->modes & ADJ_FREQUENCY &&
	    (in->frequency > FREQUENCY_FAR || in->frequency < -FREQUENCY_FAR))
		return -EINVAL;
	return 0;
}

/* ADJ_SETOFFSET: at once, by that much; not to before the machine was started. */
static int move_clock(const struct linux_timex *in)
{
	int64_t by, after, part = in->time.microseconds;
	if (!(in->modes & ADJ_NANO))
		part *= NSEC_PER_USEC;
	if (mul_overflows(in->time.seconds, (int64_t)NSEC_PER_SEC, &by) ||
	    add_overflows(by, part, &by) || add_overflows((int64_t)unix_time_ns(), by, &after) ||
	    after < (int64_t)uptime_ns())
		return -EINVAL;
	clock_move_unix_time(by);
	wall_clock_was_set();
	return 0;
}

static int64_t adjust(uaddr_t at)
{
	struct linux_timex timex;
	if (copy_from_user(&timex, at, sizeof(timex)))
		return -EFAULT;
	int err = check(&timex);
	if (!err && !(timex.modes & ADJ_ADJTIME) && timex.modes & ADJ_SETOFFSET)
		err = move_clock(&timex);
	if (err)
		return err;
	struct discipline values = {.modes = timex.modes,
	    .offset = timex.offset,
	    .frequency = timex.frequency,
	    .max_error = timex.max_error,
	    .estimated_error = timex.estimated_error,
	    .status = (unsigned)timex.status,
	    .time_constant = timex.time_constant,
	    .tick = timex.tick};
	int state = discipline_adjust(&values);
	nsec_t now = unix_time_ns();
	timex = (struct linux_timex){.modes = timex.modes,
	    .offset = values.offset,
	    .frequency = values.frequency,
	    .max_error = values.max_error,
	    .estimated_error = values.estimated_error,
	    .status = (int32_t)values.status,
	    .time_constant = values.time_constant,
	    .precision = values.precision,
	    .tolerance = values.tolerance,
	    .tick = values.tick,
	    .tai = values.tai,
	    .time = timeval_of_ns(now)};
	if (values.status & STA_NANO)
		timex.time.microseconds = (int64_t)(now % NSEC_PER_SEC);
	return copy_to_user(at, &timex, sizeof(timex)) ? -EFAULT : state;
}

int64_t sys_adjtimex(uaddr_t values)
{
	return adjust(values);
}

/* Of the clocks there are, only one can be adjusted. */
int64_t sys_clock_adjtime(int clock, uaddr_t values)
{
	if (clock == CLOCK_REALTIME)
		return adjust(values);
	return clock >= 0 && clock <= CLOCK_TAI && clock != 10 ? -EOPNOTSUPP : -EINVAL;
}
