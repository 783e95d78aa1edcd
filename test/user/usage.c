/* What processes have used: time in user mode and in the kernel, faults, switches, memory; and the limit on time. */
#include "check.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

#define PAGE 4096L

static long us(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

static struct rusage used(int who)
{
	struct rusage usage;
	CHECK_OK(getrusage(who, &usage));
	return usage;
}

static long cpu_ms(void)
{
	struct timespec t;
	CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void compute(long ms)
{
	static volatile unsigned long sum;
	for (long end = cpu_ms() + ms; cpu_ms() < end;)
		for (int i = 0; i < 3000000; i++)
			sum += (unsigned long)i;
}

/* Nearly all of it in the kernel. */
static void call(long ms)
{
	static char buffer[1 << 20];
	int from = open("/dev/zero", O_RDONLY);
	CHECK(from >= 0);
	for (long end = cpu_ms() + ms; cpu_ms() < end;)
		for (int i = 0; i < 20; i++)
			CHECK(read(from, buffer, sizeof(buffer)) > 0);
	close(from);
}

TEST(user_and_system_time_are_told_apart)
{
	compute(400);
	struct rusage first = used(RUSAGE_SELF);
	CHECK(us(first.ru_utime) > 250000);
	CHECK(us(first.ru_stime) < us(first.ru_utime));
	call(600);
	struct rusage second = used(RUSAGE_SELF);
	long user = us(second.ru_utime) - us(first.ru_utime),
	     system = us(second.ru_stime) - us(first.ru_stime);
	CHECK(system > 200000);
	CHECK(system > user);
	struct tms times_now;
	CHECK(times(&times_now) != (clock_t)-1);
	CHECK(times_now.tms_utime >= 25 && times_now.tms_stime >= 20);
}

TEST(times_never_go_back)
{
	long user = 0, system = 0;
	for (int round = 0; round < 40; round++) {
		if (round & 1)
			compute(5);
		else
			call(5);
		struct rusage usage = used(RUSAGE_SELF);
		CHECK(us(usage.ru_utime) >= user);
		CHECK(us(usage.ru_stime) >= system);
		user = us(usage.ru_utime);
		system = us(usage.ru_stime);
	}
	CHECK(user + system >= 190000);
}

TEST(what_children_used_is_known_once_they_are_waited_for)
{
	pid_t pid = forked();
	if (pid == 0) {
		compute(200);
		_exit(0);
	}
	CHECK_EQ(us(used(RUSAGE_CHILDREN).ru_utime), 0);
	struct rusage of_child;
	int status;
	CHECK_EQ(wait4(pid, &status, 0, &of_child), pid);
	CHECK(us(of_child.ru_utime) + us(of_child.ru_stime) >= 190000);
	CHECK(us(used(RUSAGE_CHILDREN).ru_utime) + us(used(RUSAGE_CHILDREN).ru_stime) >= 190000);
	CHECK(us(used(RUSAGE_SELF).ru_utime) < 150000);
	struct tms now;
	times(&now);
	CHECK(now.tms_cutime + now.tms_cstime >= 18);
}

TEST(faults_and_memory_are_counted)
{
	char *area =
	    mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	struct rusage before = used(RUSAGE_SELF);
	for (long at = 0; at < 100 * PAGE; at += PAGE)
		area[at] = 1;
	struct rusage after = used(RUSAGE_SELF);
	CHECK(after.ru_minflt - before.ru_minflt >= 50);
	CHECK(after.ru_minflt - before.ru_minflt <= 200);

	long high = after.ru_maxrss;
	char *more =
	    mmap(NULL, 4000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(more != MAP_FAILED);
	memset(more, 1, 4000 * PAGE);
	CHECK_OK(munmap(more, 4000 * PAGE));
	CHECK(used(RUSAGE_SELF).ru_maxrss >= high + 15000);
	/* A child begins with what its memory is, and what it reaches is its parent's to know. */
	pid_t pid = forked();
	if (pid == 0) {
		more = mmap(
		    NULL, 9000 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(more, 1, 9000 * PAGE);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK(used(RUSAGE_CHILDREN).ru_maxrss >= 35000);
}

TEST(a_vfork_does_not_inherit_counts)
{
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	int status;
	struct rusage of_child;
	CHECK_EQ(wait4(pid, &status, 0, &of_child), pid);
	CHECK(of_child.ru_minflt < 20);
}

TEST(switches_are_counted)
{
	struct rusage before = used(RUSAGE_SELF);
	struct timespec nap = {.tv_nsec = 10000000};
	for (int i = 0; i < 20; i++)
		nanosleep(&nap, NULL);
	struct rusage after = used(RUSAGE_SELF);
	CHECK(after.ru_nvcsw - before.ru_nvcsw >= 15);
	CHECK(after.ru_nvcsw - before.ru_nvcsw <= 60);

	/* Two on one processor: each is sent away while it wants to go on. */
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
	pid_t pid = forked();
	if (pid == 0) {
		compute(300);
		_exit(0);
	}
	compute(300);
	CHECK_EQ(ended(pid), 0);
	CHECK(used(RUSAGE_SELF).ru_nivcsw > after.ru_nivcsw);
}

static volatile sig_atomic_t signals;

static void count(int signal)
{
	(void)signal;
	signals++;
}

/* Linux holds the limit against the ticks that it saw, which on a busy host may be far more than the time that it tells. */
static bool counts_ticks(void)
{
	return !getenv("OWN_MACHINE");
}

TEST(the_limit_on_time_warns_and_kills)
{
	pid_t pid = forked();
	if (pid == 0) {
		struct rlimit limit = {1, 2};
		struct sigaction action = {.sa_handler = count};
		sigaction(SIGXCPU, &action, NULL);
		CHECK_OK(setrlimit(RLIMIT_CPU, &limit));
		while (!signals)
			compute(10);
		long at = cpu_ms();
		if (at < (counts_ticks() ? 500 : 980) || at >= 1900)
			FAIL("the signal comes at %ld ms", at);
		for (;;)
			compute(100);
	}
	int status;
	struct rusage usage;
	CHECK_EQ(wait4(pid, &status, 0, &usage), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
	CHECK(us(usage.ru_utime) + us(usage.ru_stime) >= (counts_ticks() ? 1000000 : 1980000));

	pid = forked();
	if (pid == 0) {
		struct rlimit limit = {1, RLIM_INFINITY};
		CHECK_OK(setrlimit(RLIMIT_CPU, &limit));
		for (;;)
			compute(100);
	}
	CHECK_EQ(ended(pid), -1 - SIGXCPU);
}

TEST(virtual_and_profiling_timers_go_by_different_clocks)
{
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGVTALRM, &action, NULL));
	CHECK_OK(sigaction(SIGPROF, &action, NULL));
	struct itimerval timer = {.it_value = {.tv_usec = 100000}};
	compute(100);
	CHECK_OK(setitimer(ITIMER_VIRTUAL, &timer, NULL));
	for (int i = 0; i < 100 && !signals; i++)
		compute(10);
	CHECK_EQ(signals, 1);

	call(100);
	CHECK_OK(setitimer(ITIMER_PROF, &timer, NULL));
	for (int i = 0; i < 100 && signals == 1; i++)
		call(10);
	CHECK_EQ(signals, 2);
}
