/* adjtimex(2): what ntp daemons tell the clock. Every case puts back what it changed. */
#include "check.h"

#include <sys/timex.h>

/* Whether we may: most hosts of tests are somebody's who does not want his clock changed. */
static void need_own_machine(void)
{
	char release[64] = "";
	int fd = open("/proc/sys/kernel/osrelease", O_RDONLY);
	if (fd < 0 || read(fd, release, sizeof(release) - 1) <= 0 || !strstr(release, "exo"))
		_exit(CASE_SKIPPED);
}

static struct timex look(void)
{
	struct timex now = {0};
	NEEDS(adjtimex(&now));
	return now;
}

static int64_t wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How far the wall clock is before the uptime: read again where the machine stood still between the two. */
static int64_t lead_ms(void)
{
	for (;;) {
		int64_t up = now_ms(), wall = wall_ms();
		if (now_ms() - up <= 1)
			return wall - up;
	}
}

TEST(anybody_may_look)
{
	struct timex now = {0};
	if (geteuid() == 0)
		CHECK_OK(seteuid(65534));
	NEEDS(adjtimex(&now));
	CHECK(now.tick >= 9000 && now.tick <= 11000);
	CHECK(now.tolerance > 0);
	CHECK(now.time.tv_sec > 0);
	now.modes = ADJ_OFFSET_SS_READ;
	CHECK(syscall(SYS_adjtimex, &now) >= 0);
	CHECK(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &now) >= 0);
}

TEST(nobody_else_than_root_may_change)
{
	look();
	if (geteuid() == 0)
		CHECK_OK(seteuid(65534));
	struct timex now = {.modes = ADJ_STATUS};
	CHECK_ERR(adjtimex(&now), EPERM);
	now = (struct timex){.modes = 0x8001};
	CHECK_ERR(syscall(SYS_adjtimex, &now), EPERM);
}

TEST(nonsense_is_refused)
{
	look();
	struct timex now = {.modes = 0x8000};
	CHECK_ERR(adjtimex(&now), EINVAL);
	CHECK_ERR(syscall(SYS_adjtimex, (void *)1), EFAULT);
	now = (struct timex){0};
	CHECK_ERR(syscall(SYS_clock_adjtime, 99, &now), EINVAL);
	CHECK_ERR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &now), EOPNOTSUPP);
	if (geteuid())
		return;
	now = (struct timex){.modes = ADJ_TICK, .tick = 8999};
	errno = 0;
	CHECK(adjtimex(&now) == -1 && (errno == EINVAL || errno == EPERM));
}

TEST(values_are_kept)
{
	need_own_machine();
	struct timex before = look(), now = {.modes = ADJ_FREQUENCY | ADJ_ESTERROR | ADJ_MAXERROR,
					  .freq = 65536 * 3,
					  .esterror = 77,
					  .maxerror = 88};
	CHECK(adjtimex(&now) >= 0);
	now = look();
	CHECK_EQ(now.freq, 65536 * 3);
	CHECK_EQ(now.esterror, 77);
	CHECK(now.maxerror >= 88 && now.maxerror < 5000);
	now = (struct timex){.modes = ADJ_FREQUENCY, .freq = 1l << 36};
	CHECK(adjtimex(&now) >= 0);
	CHECK_EQ(now.freq, 500 << 16);
	now = (struct timex){.modes = ADJ_NANO};
	CHECK(adjtimex(&now) >= 0);
	CHECK(now.status & STA_NANO);
	now = (struct timex){.modes = ADJ_MICRO | ADJ_FREQUENCY, .freq = before.freq};
	CHECK(adjtimex(&now) >= 0);
	CHECK(!(now.status & STA_NANO));
}

TEST(the_clock_is_moved_at_once)
{
	need_own_machine();
	look();
	int64_t lead = lead_ms();
	struct timex now = {.modes = ADJ_SETOFFSET, .time = {.tv_sec = 1000, .tv_usec = 500000}};
	CHECK(adjtimex(&now) >= 0);
	int64_t moved = lead_ms() - lead;
	CHECK(moved >= 1000490 && moved <= 1000510);
	now = (struct timex){.modes = ADJ_SETOFFSET, .time = {.tv_sec = -1001, .tv_usec = 500000}};
	CHECK(adjtimex(&now) >= 0);
	moved = lead_ms() - lead;
	CHECK(moved >= -10 && moved <= 10);
	now.time.tv_usec = 1000000;
	CHECK_ERR(adjtimex(&now), EINVAL);
}

/* A tick that is 10 % longer: after a second of uptime the wall clock is a tenth ahead. */
TEST(the_clock_runs_at_another_rate)
{
	need_own_machine();
	look();
	int64_t lead = lead_ms(), up = now_ms();
	struct timex now = {.modes = ADJ_TICK, .tick = 11000};
	CHECK(adjtimex(&now) >= 0);
	sleep_ms(3500);
	now = (struct timex){.modes = ADJ_TICK, .tick = 10000};
	CHECK(adjtimex(&now) >= 0);
	int64_t took = now_ms() - up, ahead = lead_ms() - lead;
	CHECK(ahead >= took / 10 - 210 && ahead <= took / 10 + 110);
}

TEST(adjtime_tells_what_is_left)
{
	need_own_machine();
	look();
	struct timex now = {.modes = ADJ_OFFSET_SINGLESHOT, .offset = 100000};
	CHECK(adjtimex(&now) >= 0);
	now = (struct timex){.modes = ADJ_OFFSET_SS_READ};
	CHECK(adjtimex(&now) >= 0);
	CHECK(now.offset > 90000 && now.offset <= 100000);
	now = (struct timex){.modes = ADJ_OFFSET_SINGLESHOT};
	CHECK(adjtimex(&now) >= 0);
	CHECK(now.offset > 90000);
}

TEST(a_leap_second_is_inserted)
{
	need_own_machine();
	struct timex now = look();
	struct timespec then = {.tv_sec = (now.time.tv_sec / 86400 + 1) * 86400 - 2};
	int64_t before = now.time.tv_sec, up = now_ms();
	CHECK_OK(clock_settime(CLOCK_REALTIME, &then));
	int64_t lead = lead_ms();
	now = (struct timex){.modes = ADJ_STATUS, .status = STA_PLL};
	CHECK_EQ(adjtimex(&now), TIME_OK);
	now = (struct timex){.modes = ADJ_STATUS, .status = STA_INS};
	CHECK(adjtimex(&now) >= 0);
	sleep_ms(2500);
	int64_t lost = lead - lead_ms();
	now = look();
	then.tv_sec = before + (now_ms() - up) / 1000;
	CHECK_OK(clock_settime(CLOCK_REALTIME, &then));
	struct timex off = {.modes = ADJ_STATUS, .status = STA_PLL};
	CHECK(adjtimex(&off) >= 0);
	off = (struct timex){.modes = ADJ_STATUS};
	CHECK(adjtimex(&off) >= 0);
	CHECK(lost >= 990 && lost <= 1010);
	CHECK_EQ(now.tai, 1);
}
