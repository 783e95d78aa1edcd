/* Counters of events and sets of descriptors: eventfd(2), epoll(7). */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int set, ends[2];

static int watch(int in, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	return epoll_ctl(in, operation, fd, &event);
}

/* What the set tells without waiting: how many, and the first's events. */
static int ready(uint32_t *events)
{
	struct epoll_event found[8] = {0};
	int n = epoll_wait(set, found, 8, 0);
	*events = found[0].events;
	return n;
}

static void prepare(void)
{
	NEEDS(set = epoll_create1(EPOLL_CLOEXEC));
	CHECK(set >= 0);
	CHECK_OK(pipe2(ends, O_NONBLOCK));
}

TEST(eventfd_counts)
{
	uint64_t value;
	int fd = eventfd(3, EFD_NONBLOCK), one = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	NEEDS(fd);
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 3);
	CHECK_ERR(read(fd, &value, 8), EAGAIN);
	value = 5;
	CHECK_EQ(write(fd, &value, 8), 8);
	CHECK_EQ(write(fd, &value, 8), 8);
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 10);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(read(one, &value, 8), 8);
		CHECK_EQ(value, 1);
	}
	CHECK_ERR(read(one, &value, 8), EAGAIN);
	CHECK_ERR(read(fd, &value, 7), EINVAL);
	CHECK_ERR(write(fd, &value, 7), EINVAL);
	value = UINT64_MAX;
	CHECK_ERR(write(fd, &value, 8), EINVAL);
	value = UINT64_MAX - 1;
	CHECK_EQ(write(fd, &value, 8), 8);
	value = 1;
	CHECK_ERR(write(fd, &value, 8), EAGAIN);
	struct pollfd poll_fd = {fd, POLLIN | POLLOUT, 0};
	CHECK_EQ(poll(&poll_fd, 1, 0), 1);
	CHECK_EQ(poll_fd.revents, POLLIN);
	CHECK_ERR(eventfd(0, 1 << 20), EINVAL);
}

TEST(eventfd_waits)
{
	uint64_t value = 7;
	int fd = eventfd(0, 0);
	NEEDS(fd);
	pid_t child = forked();
	if (!child) {
		sleep_ms(50);
		CHECK_EQ(write(fd, &value, 8), 8);
		_exit(0);
	}
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 7);
	CHECK_EQ(ended(child), 0);
}

TEST(epoll_tells_levels)
{
	uint32_t events;
	prepare();
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN));
	CHECK_EQ(ready(&events), 0);
	CHECK_EQ(write(ends[1], "ab", 2), 2);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ready(&events), 1);
		CHECK_EQ(events, EPOLLIN);
	}
	char c[2];
	CHECK_EQ(read(ends[0], c, 2), 2);
	CHECK_EQ(ready(&events), 0);
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[1], EPOLLOUT));
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(events, EPOLLOUT);
	CHECK_OK(watch(set, EPOLL_CTL_MOD, ends[1], EPOLLIN));
	CHECK_EQ(ready(&events), 0);
	CHECK_OK(watch(set, EPOLL_CTL_DEL, ends[1], 0));
	close(ends[1]);
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(events, EPOLLHUP);
}

TEST(epoll_tells_edges)
{
	uint32_t events;
	char c;
	prepare();
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET));
	CHECK_EQ(write(ends[1], "a", 1), 1);
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(ready(&events), 0);
	CHECK_EQ(write(ends[1], "b", 1), 1);
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	CHECK_EQ(ready(&events), 0);
}

TEST(epoll_tells_once)
{
	uint32_t events;
	prepare();
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLONESHOT));
	CHECK_EQ(write(ends[1], "a", 1), 1);
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(write(ends[1], "b", 1), 1);
	CHECK_EQ(ready(&events), 0);
	CHECK_OK(watch(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT));
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(ready(&events), 0);
}

TEST(epoll_forgets_what_is_closed)
{
	uint32_t events;
	prepare();
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN));
	CHECK_EQ(write(ends[1], "a", 1), 1);
	int copy = dup(ends[0]);
	close(ends[0]);
	CHECK_EQ(ready(&events), 1); /* the file is still open */
	close(copy);
	CHECK_EQ(ready(&events), 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(ends[1], "a", 1), EPIPE);
}

static void nothing(int signal)
{
	(void)signal;
}

TEST(epoll_waits)
{
	struct epoll_event event;
	prepare();
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN));
	int64_t start = now_ms();
	CHECK_EQ(epoll_wait(set, &event, 1, 50), 0);
	CHECK(now_ms() - start >= 49);
	pid_t child = forked();
	if (!child) {
		sleep_ms(50);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, ends[0]);
	CHECK_EQ(ended(child), 0);
	char c;
	CHECK_EQ(read(ends[0], &c, 1), 1);
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	sigset_t blocked, none;
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(epoll_wait(set, &event, 1, 10), 0);
	CHECK_ERR(epoll_pwait(set, &event, 1, 10000, &none), EINTR);
}

TEST(epoll_checks_arguments)
{
	struct epoll_event event = {.events = EPOLLIN};
	prepare();
	int file = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_ERR(syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERR(epoll_create1(1), EINVAL);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, file, &event), EPERM);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, -1, &event), EBADF);
	CHECK_ERR(epoll_ctl(-1, EPOLL_CTL_ADD, ends[0], &event), EBADF);
	CHECK_ERR(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event), EINVAL);
	CHECK_ERR(epoll_ctl(set, 17, ends[0], &event), EINVAL);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], (void *)8), EFAULT);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event), ENOENT);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
	CHECK_OK(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event), EEXIST);
	CHECK_ERR(epoll_wait(set, &event, 0, 0), EINVAL);
	CHECK_ERR(epoll_wait(ends[0], &event, 1, 0), EINVAL);
	CHECK_ERR(epoll_wait(-1, &event, 1, 0), EBADF);
	CHECK_EQ(write(ends[1], "a", 1), 1);
	CHECK_ERR(epoll_wait(set, (void *)8, 1, 0), EFAULT);
	CHECK_EQ(epoll_wait(set, &event, 1, 0), 1); /* not lost */
}

TEST(sets_may_be_in_sets)
{
	enum { DEPTH = 5 };
	int chain[DEPTH];
	uint32_t events;
	prepare();
	chain[0] = set;
	for (int i = 1; i < DEPTH; i++) {
		chain[i] = epoll_create1(0);
		CHECK_OK(watch(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN));
	}
	CHECK_ERR(watch(chain[0], EPOLL_CTL_ADD, chain[DEPTH - 1], EPOLLIN), ELOOP);
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[0], EPOLLIN));
	struct pollfd last = {chain[DEPTH - 1], POLLIN, 0};
	CHECK_EQ(poll(&last, 1, 0), 0);
	pid_t child = forked();
	if (!child) {
		sleep_ms(50);
		CHECK_EQ(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	struct epoll_event event;
	CHECK_EQ(epoll_wait(chain[DEPTH - 1], &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, chain[DEPTH - 2]);
	CHECK_EQ(poll(&last, 1, 0), 1);
	CHECK_EQ(ready(&events), 1);
	CHECK_EQ(ended(child), 0);
}

TEST(many_items)
{
	enum { COUNT = 200 };
	struct epoll_event found[COUNT];
	prepare();
	int fds[COUNT];
	uint64_t one = 1;
	for (int i = 0; i < COUNT; i++) {
		fds[i] = eventfd(0, 0);
		NEEDS(fds[i]);
		CHECK_OK(watch(set, EPOLL_CTL_ADD, fds[i], EPOLLIN));
	}
	for (int i = 0; i < COUNT; i += 2)
		CHECK_EQ(write(fds[i], &one, 8), 8);
	CHECK_EQ(epoll_wait(set, found, COUNT, 0), COUNT / 2);
	CHECK_EQ(epoll_wait(set, found, 10, 0), 10);
	int first = found[0].data.fd;
	CHECK_EQ(epoll_wait(set, found, 10, 0), 10);
	CHECK(found[0].data.fd != first); /* each has its turn */
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	CHECK_EQ(epoll_wait(set, found, COUNT, 0), 0);
}

#define STORM_MS 1000

static int shared;
static int64_t storm_end;

static void *come_and_go(void *arg)
{
	(void)arg;
	while (now_ms() < storm_end) {
		int own[2];
		CHECK_OK(pipe(own));
		CHECK_OK(watch(set, EPOLL_CTL_ADD, own[0], EPOLLIN));
		CHECK_EQ(write(own[1], "x", 1), 1);
		close(own[0]);
		close(own[1]);
	}
	return NULL;
}

static void *change(void *arg)
{
	uint64_t one = 1;
	(void)arg;
	while (now_ms() < storm_end) {
		CHECK_OK(watch(set, EPOLL_CTL_ADD, shared, EPOLLIN | EPOLLET));
		CHECK_EQ(write(shared, &one, 8), 8);
		CHECK_OK(watch(set, EPOLL_CTL_MOD, shared, EPOLLIN | EPOLLONESHOT));
		CHECK_OK(watch(set, EPOLL_CTL_DEL, shared, 0));
	}
	return NULL;
}

static void *tell(void *arg)
{
	uint64_t value = 1;
	(void)arg;
	while (now_ms() < storm_end) {
		CHECK_EQ(write(shared, &value, 8), 8);
		if (read(shared, &value, 8) < 0)
			CHECK_EQ(errno, EAGAIN);
		value = 1;
	}
	return NULL;
}

static void *wait_for_events(void *arg)
{
	struct epoll_event found[4];
	(void)arg;
	while (now_ms() < storm_end)
		CHECK(epoll_wait(set, found, 4, 1) >= 0);
	return NULL;
}

/* Items come and go while they are told of and waited for. */
TEST(a_storm_on_one_set)
{
	void *(*const parts[])(void *) = {
	    come_and_go, come_and_go, change, tell, wait_for_events, wait_for_events};
	enum { COUNT = sizeof(parts) / sizeof(*parts) };
	pthread_t threads[COUNT];
	uint32_t events;
	prepare();
	shared = eventfd(0, EFD_NONBLOCK);
	storm_end = now_ms() + STORM_MS;
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, parts[i], NULL), 0);
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(ready(&events), 0);
	CHECK_OK(watch(set, EPOLL_CTL_ADD, ends[1], EPOLLOUT));
	CHECK_EQ(ready(&events), 1);
}
