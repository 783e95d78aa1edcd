/*
 * Code that runs in user programs: the clock without a system call. Compiled as a shared object of its own, found by C libraries through
 * AT_SYSINFO_EHDR. The kernel's page lies one page below it (vdso.lds).
 */
#include <abi/linux/process.h>
#include <abi/linux/structs.h>
#include <lib/atomic.h>
#include <vdso/page.h>

#define NR_GETTIMEOFDAY  96
#define NR_TIME          201
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES  229
#define NR_GETCPU        309
#define CPU_BITS         12

extern const struct vdso_page vdso_page __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct linux_timespec *time);
int __vdso_clock_getres(int clock, struct linux_timespec *resolution);
int __vdso_gettimeofday(struct linux_timeval *time, void *zone);
int64_t __vdso_time(int64_t *time);
int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static long system_call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static ALWAYS_INLINE uint64_t read_count(void)
{
	uint64_t low, high;
	/* Later loads are not to be done before: a program that reads the clock after a flag must not see an earlier time. */
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (high << (32 + CLOCK_COUNT_SHIFT)) + (low << CLOCK_COUNT_SHIFT);
}

/* False: it is in another second than the kernel knows of, or cannot be computed here at all; a system call tells both. */
static ALWAYS_INLINE bool split(
    enum clock_scale scale, uint64_t ns, int64_t *seconds, uint64_t *nanoseconds)
{
	uint64_t second = atomic_load(&vdso_page.clock.seconds[scale]);
	uint64_t rest = ns - second * NSEC_PER_SEC;
	if (__builtin_expect(rest >= NSEC_PER_SEC, 0))
		return false;
	*seconds = (int64_t)second;
	*nanoseconds = rest;
	return true;
}

static ALWAYS_INLINE uint64_t on_scale(enum clock_scale scale, uint64_t uptime)
{
	return scale == CLOCK_SCALE_UNIX ? uptime + vdso_page.clock.unix_offset : uptime;
}

/* Once for each line, so that all addresses are constants. */
static ALWAYS_INLINE bool now(enum clock_scale scale, int64_t *seconds, uint64_t *nanoseconds)
{
	const struct clock_line *lines = vdso_page.clock.lines;
	uint64_t count = read_count();
	if (count >= lines[1].start)
		return split(
		    scale, on_scale(scale, clock_line_at(&lines[1], count)), seconds, nanoseconds);
	return split(scale, on_scale(scale, clock_line_at(&lines[0], count)), seconds, nanoseconds);
}

static ALWAYS_INLINE int get(enum clock_scale scale, int clock, struct linux_timespec *time)
{
	uint64_t nanoseconds;
	if (!now(scale, &time->seconds, &nanoseconds))
		return (int)system_call(NR_CLOCK_GETTIME, clock, (long)time, 0);
	time->nanoseconds = (int64_t)nanoseconds;
	return 0;
}

/* Some are other numbers of the same two clocks. */
static NOINLINE int get_other(int clock, struct linux_timespec *time)
{
	switch (clock) {
	case CLOCK_REALTIME_COARSE: return get(CLOCK_SCALE_UNIX, CLOCK_REALTIME, time);
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: return get(CLOCK_SCALE_UPTIME, CLOCK_MONOTONIC, time);
	default: return (int)system_call(NR_CLOCK_GETTIME, clock, (long)time, 0);
	}
}

int __vdso_clock_gettime(int clock, struct linux_timespec *time)
{
	if (clock == CLOCK_MONOTONIC)
		return get(CLOCK_SCALE_UPTIME, clock, time);
	if (clock == CLOCK_REALTIME)
		return get(CLOCK_SCALE_UNIX, clock, time);
	return get_other(clock, time);
}

int __vdso_clock_getres(int clock, struct linux_timespec *resolution)
{
	return (int)system_call(NR_CLOCK_GETRES, clock, (long)resolution, 0);
}

int __vdso_gettimeofday(struct linux_timeval *time, void *zone)
{
	uint64_t nanoseconds;
	if (!time || zone || !now(CLOCK_SCALE_UNIX, &time->seconds, &nanoseconds))
		return (int)system_call(NR_GETTIMEOFDAY, (long)time, (long)zone, 0);
	time->microseconds = (int64_t)(nanoseconds / NSEC_PER_USEC);
	return 0;
}

int64_t __vdso_time(int64_t *time)
{
	int64_t seconds;
	uint64_t nanoseconds;
	if (!now(CLOCK_SCALE_UNIX, &seconds, &nanoseconds))
		return system_call(NR_TIME, (long)time, 0, 0);
	if (time)
		*time = seconds;
	return seconds;
}

int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	(void)unused;
	if (!vdso_page.has_rdtscp)
		return (int)system_call(NR_GETCPU, (long)cpu, (long)node, 0);
	uint32_t low, high, aux;
	__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
	if (cpu)
		*cpu = aux & ((1u << CPU_BITS) - 1);
	if (node)
		*node = aux >> CPU_BITS;
	return 0;
}
