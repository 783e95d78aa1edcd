/* Timers as descriptors: timerfd_create(2). Times are lower bounds: a loaded machine may be late. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#define MS 1000000l

static struct itimerspec spec_ms(long value, long interval)
{
	return (struct itimerspec){.it_value = {value / 1000, value % 1000 * MS},
	    .it_interval = {interval / 1000, interval % 1000 * MS}};
}

static long ms_of(struct timespec time)
{
	return time.tv_sec * 1000 + time.tv_nsec / MS;
}

static int timer(int clock, int flags)
{
	int fd = timerfd_create(clock, flags);
	NEEDS(fd);
	return fd;
}

static void set(int fd, long value, long interval)
{
	struct itimerspec new = spec_ms(value, interval);
	CHECK_OK(timerfd_settime(fd, 0, &new, NULL));
}

static uint64_t count_of(int fd)
{
	uint64_t count = 0;
	CHECK_EQ(read(fd, &count, 8), 8);
	return count;
}

static bool is_ready(int fd, int timeout_ms)
{
	struct pollfd in = {fd, POLLIN | POLLOUT, 0};
	int n = poll(&in, 1, timeout_ms);
	CHECK(n == 0 || (n == 1 && in.revents == POLLIN));
	return n == 1;
}

TEST(expires_once)
{
	uint64_t count;
	int fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	CHECK_ERR(read(fd, &count, 8), EAGAIN);
	int64_t start = now_ms();
	set(fd, 50, 0);
	struct itimerspec now;
	CHECK_OK(timerfd_gettime(fd, &now));
	CHECK(ms_of(now.it_value) <= 50);
	CHECK_EQ(ms_of(now.it_interval), 0);
	CHECK(is_ready(fd, 20000));
	CHECK(now_ms() - start >= 49);
	CHECK_EQ(count_of(fd), 1);
	CHECK_ERR(read(fd, &count, 8), EAGAIN);
	CHECK(!is_ready(fd, 0));
	CHECK_OK(timerfd_gettime(fd, &now));
	CHECK_EQ(ms_of(now.it_value), 0);
}

TEST(counts_what_was_missed)
{
	int fd = timer(CLOCK_MONOTONIC, 0);
	int64_t start = now_ms();
	set(fd, 10, 10);
	sleep_ms(105);
	uint64_t count = count_of(fd);
	int64_t passed = now_ms() - start;
	CHECK(count >= 10);
	CHECK((int64_t)count <= passed / 10 + 1);
	count += count_of(fd); /* waits for the next */
	CHECK(now_ms() - start >= (int64_t)count * 10 - 1);
	struct itimerspec now;
	sleep_ms(25);
	CHECK_OK(timerfd_gettime(fd, &now)); /* counts as well, and takes nothing away */
	CHECK_EQ(ms_of(now.it_interval), 10);
	CHECK(ms_of(now.it_value) <= 10);
	CHECK(is_ready(fd, 0));
	CHECK(count_of(fd) >= 2);
}

TEST(setting_tells_what_was)
{
	int fd = timer(CLOCK_BOOTTIME, TFD_NONBLOCK);
	struct itimerspec new = spec_ms(100000, 7000), old, off = {0};
	uint64_t count;
	CHECK_OK(timerfd_settime(fd, 0, &new, &old));
	CHECK_EQ(ms_of(old.it_value), 0);
	CHECK_OK(timerfd_settime(fd, 0, &off, &old));
	CHECK_EQ(ms_of(old.it_interval), 7000);
	CHECK(ms_of(old.it_value) > 50000 && ms_of(old.it_value) <= 100000);
	set(fd, 1, 0);
	CHECK(is_ready(fd, 20000));
	set(fd, 100000, 0); /* what has been counted is forgotten */
	CHECK_ERR(read(fd, &count, 8), EAGAIN);
}

static void expires_at(int clock)
{
	struct itimerspec new = {0};
	int fd = timer(clock, TFD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_OK(clock_gettime(clock, &new.it_value));
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &new, NULL)); /* is past */
	CHECK_EQ(count_of(fd), 1);
	new.it_value.tv_nsec += 30 * MS;
	if (new.it_value.tv_nsec >= 1000 * MS) {
		new.it_value.tv_nsec -= 1000 * MS;
		new.it_value.tv_sec++;
	}
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &new, NULL));
	CHECK_EQ(count_of(fd), 1);
	struct timespec now;
	CHECK_OK(clock_gettime(clock, &now));
	CHECK(ms_of(now) >= ms_of(new.it_value));
	close(fd);
}

TEST(absolute_times)
{
	expires_at(CLOCK_MONOTONIC);
	expires_at(CLOCK_REALTIME);
}

static void nothing(int signal)
{
	(void)signal;
}

TEST(reading_may_be_interrupted)
{
	uint64_t count;
	int fd = timer(CLOCK_MONOTONIC, 0);
	struct sigaction action = {.sa_handler = nothing};
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	struct itimerval often = {{0, 20000}, {0, 20000}};
	set(fd, 100000, 0);
	CHECK_OK(setitimer(ITIMER_REAL, &often, NULL));
	CHECK_ERR(read(fd, &count, 8), EINTR);
}

TEST(timers_in_sets)
{
	int set_fd = epoll_create1(0), fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
	CHECK_OK(epoll_ctl(set_fd, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(epoll_wait(set_fd, &event, 1, 0), 0);
	set(fd, 20, 0);
	CHECK_EQ(epoll_wait(set_fd, &event, 1, 20000), 1);
	CHECK_EQ(event.events, EPOLLIN);
	CHECK_EQ(epoll_wait(set_fd, &event, 1, 0), 0); /* told */
	CHECK_EQ(count_of(fd), 1);
	set(fd, 1, 1);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(epoll_wait(set_fd, &event, 1, 20000), 1);
		CHECK(count_of(fd) >= 1);
	}
	close(fd);
	CHECK_EQ(epoll_wait(set_fd, &event, 1, 5), 0);
}

TEST(checks_arguments)
{
	struct itimerspec value = spec_ms(1, 0), bad = value;
	uint64_t count;
	int fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK), ends[2];
	CHECK_OK(pipe(ends));
	CHECK_ERR(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_MONOTONIC_RAW, 0), EINVAL);
	CHECK_ERR(timerfd_create(-1, 0), EINVAL);
	CHECK_ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	CHECK_ERR(timerfd_settime(-1, 0, &value, NULL), EBADF);
	CHECK_ERR(timerfd_settime(ends[0], 0, &value, NULL), EINVAL);
	CHECK_ERR(timerfd_settime(fd, 4, &value, NULL), EINVAL);
	bad.it_value.tv_nsec = 1000 * MS;
	CHECK_ERR(timerfd_settime(fd, 0, &bad, NULL), EINVAL);
	bad = value;
	bad.it_interval.tv_sec = -1;
	CHECK_ERR(timerfd_settime(fd, 0, &bad, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timerfd_settime, fd, 0, (void *)8, NULL), EFAULT);
	CHECK_ERR(syscall(SYS_timerfd_gettime, fd, (void *)8), EFAULT);
	CHECK_ERR(timerfd_gettime(-1, &value), EBADF);
	CHECK_ERR(timerfd_gettime(ends[0], &value), EINVAL);
	CHECK_ERR(read(fd, &count, 7), EINVAL);
	CHECK_ERR(write(fd, &count, 8), EINVAL);
	CHECK_ERR(pread(fd, &count, 8, 0), ESPIPE);
}

/* Set, read and closed by many at once. */
#define THREADS  6
#define STORM_MS 1000

static _Atomic int slots[3];
static int64_t storm_end;

static void *storm(void *arg)
{
	unsigned state = (unsigned)(intptr_t)arg + 1;
	uint64_t count;
	while (now_ms() < storm_end) {
		state = state * 1664525 + 1013904223;
		_Atomic int *slot = &slots[(state >> 16) % 3];
		struct itimerspec value = spec_ms(state >> 20 & 3, state >> 22 & 1);
		switch (state >> 24 & 3) {
		case 0: timerfd_settime(*slot, 0, &value, &value); break;
		case 1: timerfd_gettime(*slot, &value); break;
		case 2:
			if (read(*slot, &count, 8) < 0)
				CHECK(errno == EAGAIN || errno == EBADF);
			break;
		default: {
			int fd = timerfd_create(state >> 26 & 1, TFD_NONBLOCK);
			if (fd >= 0)
				close(__atomic_exchange_n((int *)slot, fd, __ATOMIC_SEQ_CST));
		}
		}
	}
	return NULL;
}

TEST(a_storm_of_timers)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < 3; i++)
		slots[i] = timer(CLOCK_REALTIME, TFD_NONBLOCK);
	storm_end = now_ms() + STORM_MS;
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, storm, (void *)(intptr_t)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	int fd = timer(CLOCK_MONOTONIC, 0);
	set(fd, 1, 0);
	CHECK_EQ(count_of(fd), 1);
}
