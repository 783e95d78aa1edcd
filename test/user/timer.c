/* Clocks, sleeping, interval timers. */
#include "check.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t count;
static void note(int signal)
{
	(void)signal;
	count++;
}

static long ns_now(clockid_t clock)
{
	struct timespec now;
	CHECK(syscall(SYS_clock_gettime, clock, &now) == 0);
	CHECK(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
	return now.tv_sec * 1000000000l + now.tv_nsec;
}

TEST(clocks)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
	    CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
	    CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		long before = ns_now(clocks[i]), after = ns_now(clocks[i]);
		CHECK(after >= before);
		struct timespec res;
		CHECK(clock_getres(clocks[i], &res) == 0 && res.tv_sec == 0 && res.tv_nsec > 0);
	}
	struct timespec now;
	CHECK_ERR(syscall(SYS_clock_gettime, 77, &now), EINVAL);
	CHECK_ERR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
	CHECK_ERR(syscall(SYS_clock_getres, 77, &now), EINVAL);
	now.tv_nsec = 1000000000;
	CHECK_ERR(syscall(SYS_clock_settime, CLOCK_REALTIME, &now), EINVAL);
	now.tv_nsec = 0;
	CHECK_ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &now), EINVAL);
	struct timeval tv;
	CHECK(gettimeofday(&tv, NULL) == 0 && labs(tv.tv_sec - time(NULL)) <= 1);
	clockid_t own;
	CHECK(clock_getcpuclockid(getpid(), &own) == 0 && ns_now(own) >= 0);
}

static long ns_in_libc(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
	return now.tv_sec * 1000000000l + now.tv_nsec;
}

/* libc reads them without a system call where it can; both are one clock, also from one second to the next. */
TEST(libc_and_the_kernel_tell_the_same_time)
{
	static const clockid_t clocks[] = {
	    CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME};
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		long begin = ns_now(clocks[i]), last = begin;
		while (last / 1000000000 == begin / 1000000000) {
			long in_kernel = ns_now(clocks[i]), in_libc = ns_in_libc(clocks[i]);
			CHECK(last <= in_kernel && in_kernel <= in_libc);
			last = in_libc;
			CHECK(in_libc <= ns_now(clocks[i]));
			if (last % 1000000000 < 990000000)
				usleep(1000);
		}
	}
	struct timeval tv;
	time_t before = time(NULL);
	CHECK(gettimeofday(&tv, NULL) == 0 && tv.tv_usec >= 0 && tv.tv_usec < 1000000);
	CHECK(before <= tv.tv_sec && tv.tv_sec <= time(NULL));
}

TEST(sleeping_lasts)
{
	struct timespec time = {0, 30000000}, bad = {0, 1000000000}, negative = {-1, 0};
	long before = ns_now(CLOCK_MONOTONIC);
	CHECK(nanosleep(&time, NULL) == 0);
	CHECK(ns_now(CLOCK_MONOTONIC) - before >= 30000000);
	CHECK_ERR(nanosleep(&bad, NULL), EINVAL);
	CHECK_ERR(nanosleep(&negative, NULL), EINVAL);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec--;
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 20000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
	CHECK(ns_now(CLOCK_MONOTONIC) >= until.tv_sec * 1000000000l + until.tv_nsec);
	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL) == EINVAL);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL) == EINVAL);
}

TEST(real_timer)
{
	signal(SIGALRM, note);
	struct itimerval timer = {{0, 20000}, {0, 20000}}, old;
	alarm(0);
	CHECK(setitimer(ITIMER_REAL, &timer, &old) == 0 && old.it_value.tv_sec == 0 &&
	      old.it_value.tv_usec == 0);
	while (count < 3)
		pause();
	CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_interval.tv_usec == 20000 &&
	      old.it_value.tv_usec <= 20000);
	memset(&timer, 0, sizeof(timer));
	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
	CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_usec == 0);
	CHECK(alarm(100) == 0 && alarm(0) == 100);
	timer.it_value.tv_usec = 1000000;
	CHECK_ERR(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);
	timer.it_value.tv_usec = 0;
	CHECK_ERR(setitimer(77, &timer, NULL), EINVAL);
	CHECK_ERR(getitimer(77, &old), EINVAL);
	/* A child does not inherit it. */
	alarm(100);
	pid_t pid = fork();
	if (!pid)
		_exit((int)alarm(0));
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void measure(int which, int signal_number)
{
	signal(signal_number, note);
	count = 0;
	struct itimerval timer = {{0, 0}, {0, 50000}};
	long before = ns_now(CLOCK_PROCESS_CPUTIME_ID);
	CHECK(setitimer(which, &timer, NULL) == 0);
	usleep(100000); /* sleeping is not counted */
	CHECK(count == 0);
	while (!count)
		;
	/* Linux counts ticks, which on a busy machine may run ahead of the time. */
	CHECK(ns_now(CLOCK_PROCESS_CPUTIME_ID) - before >=
	      (getenv("OWN_MACHINE") ? 40000000 : 1000000));
}

TEST(cpu_timers)
{
	measure(ITIMER_VIRTUAL, SIGVTALRM);
	measure(ITIMER_PROF, SIGPROF);
}

/* The kernel's calls: libraries hide the numbers. */
static int create_timer(int clock, struct sigevent *event)
{
	int id = -1;
	CHECK(syscall(SYS_timer_create, clock, event, &id) == 0 && id >= 0);
	return id;
}

static void set_timer(int id, int flags, long first_ns, long every_ns)
{
	struct itimerspec value = {{every_ns / 1000000000, every_ns % 1000000000},
	    {first_ns / 1000000000, first_ns % 1000000000}};
	CHECK(syscall(SYS_timer_settime, id, flags, &value, NULL) == 0);
}

TEST(timers_send_their_signal_and_value)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
	    .sigev_signo = SIGRTMIN + 1,
	    .sigev_value.sival_int = 4711};
	struct timespec long_enough = {5, 0};
	sigset_t set;
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
	for (size_t i = 0; i < 3; i++) {
		int id = create_timer(clocks[i], &event);
		set_timer(id, 0, 2000000, 0);
		CHECK(sigtimedwait(&set, &info, &long_enough) == SIGRTMIN + 1);
		CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == 4711);
		CHECK(syscall(SYS_timer_delete, id) == 0);
		CHECK_ERR(syscall(SYS_timer_delete, id), EINVAL);
	}
}

TEST(what_a_timer_misses_is_its_overrun)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct timespec long_enough = {5, 0}, nap = {0, 50000000};
	sigset_t set;
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	int id = create_timer(CLOCK_MONOTONIC, &event);
	set_timer(id, 0, 1000000, 1000000);
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK(sigtimedwait(&set, &info, &long_enough) == SIGUSR1);
	CHECK(info.si_overrun >= 30 && syscall(SYS_timer_getoverrun, id) == info.si_overrun);
	CHECK(sigtimedwait(&set, &info, &long_enough) == SIGUSR1);
	/* One nanosecond apart: a number that does not fit, and no storm. */
	set_timer(id, 0, 1, 1);
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK(sigtimedwait(&set, &info, &long_enough) == SIGUSR1);
	set_timer(id, 0, 0, 0);
	CHECK_ERR(syscall(SYS_timer_getoverrun, id + 99), EINVAL);
}

TEST(timers_tell_what_is_left)
{
	struct itimerspec value = {{7, 0}, {100, 0}}, old;
	int id = create_timer(CLOCK_MONOTONIC, NULL);
	CHECK(syscall(SYS_timer_gettime, id, &old) == 0);
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
	CHECK(syscall(SYS_timer_settime, id, 0, &value, &old) == 0);
	CHECK(syscall(SYS_timer_gettime, id, &old) == 0);
	CHECK((old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100) &&
	      old.it_interval.tv_sec == 7);
	value.it_value.tv_nsec = 1000000000;
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, &value, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, (void *)8, NULL), EFAULT);
	/* A child has none of them. */
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(syscall(SYS_timer_gettime, id, &old) != -1 || errno != EINVAL);
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

TEST(odd_timers_are_refused)
{
	struct sigevent event = {.sigev_notify = 77, .sigev_signo = SIGUSR1};
	int id;
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
	event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, 99, NULL, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, (void *)8, &id), EFAULT);
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, (void *)8), EFAULT);
	/* A timer that ends with its process leaves nothing behind. */
	id = create_timer(CLOCK_MONOTONIC, NULL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	set_timer(id, 0, 1, 1000);
	struct timespec nap = {0, 5000000};
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK(syscall(SYS_timer_delete, id) == 0);
}

/* Their interval is shorter than what it takes to tell of its end: neither the process nor the machine may stand still over it. */
TEST(hasty_timers_let_programs_run)
{
	for (int way = 0; way < 3; way++) {
		pid_t pid = forked();
		if (pid == 0) {
			struct itimerval hasty = {{0, 1}, {0, 1}};
			sigset_t alarm;
			sigemptyset(&alarm);
			sigaddset(&alarm, SIGALRM);
			if (way == 0)
				signal(SIGALRM, SIG_IGN);
			else if (way == 1)
				sigprocmask(SIG_BLOCK, &alarm, NULL);
			CHECK_OK(setitimer(ITIMER_REAL, &hasty, NULL));
			if (way == 2)
				CHECK_EQ(pause(), -1); /* by the default: killed */
			for (int i = 0; i < 1000; i++)
				getppid();
			sleep_ms(20);
			_exit(0);
		}
		CHECK_EQ(ended(pid), way == 2 ? -1 - SIGALRM : 0);
	}
}

TEST(a_timer_may_continue_what_is_about_to_stop)
{
	sigset_t stop, pending;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigaddset(&stop, SIGTTIN);
	CHECK_OK(sigprocmask(SIG_BLOCK, &stop, NULL));
	CHECK_OK(kill(getpid(), SIGTSTP));
	CHECK_OK(kill(getpid(), SIGTTIN));
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
	struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	int id;
	CHECK_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
	CHECK_OK(syscall(SYS_timer_settime, id, 0, &soon, NULL));
	do
		CHECK_OK(sigpending(&pending));
	while (sigismember(&pending, SIGTSTP) || sigismember(&pending, SIGTTIN));
}
