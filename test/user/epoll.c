/* Sets of descriptors that many use at once: epoll(7). What one thread sees of them is in events.c. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define SETS        4
#define THREADS     8
#define PATIENCE_MS 20000

static int watch(int set, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	return epoll_ctl(set, operation, fd, &event);
}

static void add_one(int fd)
{
	uint64_t one = 1;
	CHECK_EQ(write(fd, &one, 8), 8);
}

static int ready(int set)
{
	struct epoll_event found[8];
	return epoll_wait(set, found, 8, 0);
}

static int set_of(int fd, uint32_t events)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	NEEDS(set);
	CHECK_OK(watch(set, EPOLL_CTL_ADD, fd, events));
	return set;
}

static void start(pthread_t *threads, int count, void *(*run)(void *))
{
	for (int i = 0; i < count; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i), 0);
}

static void join(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

TEST(exclusive_items_have_few_bits)
{
	int fd = eventfd(0, 0), set = epoll_create1(0), other = epoll_create1(0);
	NEEDS(fd);
	NEEDS(set);
	CHECK_ERR(watch(set, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT), EINVAL);
	CHECK_ERR(watch(set, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLIN | EPOLLPRI), EINVAL);
	CHECK_ERR(watch(set, EPOLL_CTL_ADD, other, EPOLLEXCLUSIVE | EPOLLIN), EINVAL);
	CHECK_OK(watch(set, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLIN | EPOLLET | EPOLLWAKEUP));
	CHECK_ERR(watch(set, EPOLL_CTL_MOD, fd, EPOLLIN), EINVAL);
	CHECK_OK(watch(set, EPOLL_CTL_DEL, fd, 0));
	CHECK_OK(watch(set, EPOLL_CTL_ADD, fd, EPOLLIN));
	CHECK_ERR(watch(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
	CHECK_ERR(watch(set, EPOLL_CTL_DEL, other, 0), ENOENT);
}

static int sets[SETS], source;
static atomic_int told, waiting;

static void *wait_once(void *arg)
{
	struct epoll_event event;
	waiting++;
	int n = epoll_wait(sets[(intptr_t)arg], &event, 1, PATIENCE_MS);
	CHECK(n == 1);
	told++;
	return NULL;
}

/* All are asleep when none of them has run for a while: nothing else can tell. */
static void until_asleep(int count)
{
	while (waiting < count)
		sleep_ms(1);
	sleep_ms(100);
}

/* One event at a time wakes one of the sets; how many more than that it may wake is not promised, but all of them is a herd. */
TEST(exclusive_sets_take_turns)
{
	pthread_t threads[SETS];
	source = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	NEEDS(source);
	told = waiting = 0;
	for (int i = 0; i < SETS; i++)
		sets[i] = set_of(source, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET);
	start(threads, SETS, wait_once);
	until_asleep(SETS);
	add_one(source);
	int64_t end = now_ms() + PATIENCE_MS;
	while (!told && now_ms() < end)
		sleep_ms(1);
	CHECK(told >= 1);
	/* The others are woken by as many events as there are sets, not by fewer than one. */
	while (told < SETS && now_ms() < end) {
		add_one(source);
		sleep_ms(1);
	}
	CHECK_EQ(told, SETS);
	join(threads, SETS);
}

/* Where nobody waits, each set is told. */
TEST(exclusive_sets_are_told_when_nobody_waits)
{
	source = eventfd(0, EFD_NONBLOCK);
	NEEDS(source);
	for (int i = 0; i < SETS; i++)
		sets[i] = set_of(source, EPOLLIN | EPOLLEXCLUSIVE);
	add_one(source);
	for (int i = 0; i < SETS; i++)
		CHECK_EQ(ready(sets[i]), 1);
}

/* What is written does not tell those that wait to write, and the other way round. */
TEST(edges_tell_of_what_was_asked)
{
	uint64_t value;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	NEEDS(fd);
	int readers = set_of(fd, EPOLLIN | EPOLLET), writers = set_of(fd, EPOLLOUT | EPOLLET);
	CHECK_EQ(ready(writers), 1); /* as it is */
	CHECK_EQ(ready(writers), 0);
	CHECK_EQ(ready(readers), 0);
	add_one(fd);
	add_one(fd);
	CHECK_EQ(ready(readers), 1);
	CHECK_EQ(ready(readers), 0);
	CHECK_EQ(ready(writers), 0);
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(ready(readers), 0); /* there is one left, but no more than was told */
	CHECK_EQ(ready(writers), 1);
	CHECK_EQ(ready(writers), 0);
	add_one(fd);
	CHECK_EQ(ready(readers), 1);
	CHECK_OK(watch(readers, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET));
	CHECK_EQ(ready(readers), 1); /* asked anew */
}

/* Told once: nothing more, not even an error, until it is asked for again. */
TEST(oneshot_hears_no_more)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	int set = set_of(ends[0], EPOLLIN | EPOLLONESHOT | EPOLLET);
	CHECK_EQ(write(ends[1], "a", 1), 1);
	CHECK_EQ(ready(set), 1);
	CHECK_EQ(write(ends[1], "b", 1), 1);
	close(ends[1]);
	CHECK_EQ(ready(set), 0);
	struct pollfd in = {set, POLLIN, 0};
	CHECK_EQ(poll(&in, 1, 0), 0);
	CHECK_OK(watch(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT));
	struct epoll_event event;
	CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
	CHECK_EQ(event.events, EPOLLIN | EPOLLHUP);
	CHECK_EQ(ready(set), 0);
}

/* Many waiters, one event each: none is told twice and none is lost. */
#define EVENTS 2000

static atomic_int left_over;
static int shared_set, fds[64];

static void *take_events(void *arg)
{
	(void)arg;
	struct epoll_event event;
	uint64_t value;
	while (left_over > 0) {
		int n = epoll_wait(shared_set, &event, 1, 50);
		CHECK(n >= 0);
		if (n <= 0)
			continue;
		if (read(event.data.fd, &value, 8) == 8)
			left_over -= (int)value;
		else
			CHECK_EQ(errno, EAGAIN);
		CHECK_OK(watch(shared_set, EPOLL_CTL_MOD, event.data.fd, EPOLLIN | EPOLLONESHOT));
	}
	return NULL;
}

TEST(no_event_is_lost_between_waiters)
{
	enum { FDS = sizeof(fds) / sizeof(*fds) };
	pthread_t threads[THREADS];
	shared_set = epoll_create1(0);
	NEEDS(shared_set);
	left_over = EVENTS;
	for (int i = 0; i < FDS; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
		NEEDS(fds[i]);
		CHECK_OK(watch(shared_set, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLONESHOT));
	}
	start(threads, THREADS, take_events);
	for (int i = 0; i < EVENTS; i++)
		add_one(fds[i % FDS]);
	int64_t end = now_ms() + PATIENCE_MS;
	while (left_over > 0 && now_ms() < end)
		sleep_ms(5);
	CHECK_EQ(left_over, 0);
	left_over = 0;
	join(threads, THREADS);
	CHECK_EQ(ready(shared_set), 0);
}

/* A page that is not there yet takes its events as well, and one that cannot be written loses none. */
TEST(events_go_to_pages_that_are_not_there)
{
	enum { COUNT = 600 };
	const size_t size = 4 * 4096;
	int set = epoll_create1(0), items[COUNT];
	NEEDS(set);
	for (int i = 0; i < COUNT; i++) {
		items[i] = eventfd(1, 0);
		NEEDS(items[i]);
		CHECK_OK(watch(set, EPOLL_CTL_ADD, items[i], EPOLLIN | EPOLLET));
	}
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	CHECK_OK(mprotect(pages + 4096, 4096, PROT_READ));
	struct epoll_event *found = (struct epoll_event *)pages;
	int first = epoll_wait(set, found, COUNT, 0);
	CHECK_EQ(first, 4096 / (int)sizeof(*found)); /* as far as can be written */
	CHECK_ERR(epoll_wait(set, (void *)(pages + 4096), COUNT, 0), EFAULT);
	CHECK_OK(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE));
	int second = epoll_wait(set, found, COUNT, 0);
	CHECK_EQ(first + second, COUNT);
	CHECK_EQ(epoll_wait(set, found, COUNT, 0), 0);
	for (int i = 0; i < COUNT; i++)
		close(items[i]);
	close(set);
	CHECK_OK(munmap(pages, size));
}

/* Sets and what is in them end while others add, take out, wait for and poll them, and put them into one another. */
#define STORM_MS 1500

static int64_t storm_end;
static _Atomic int slots[SETS], things[SETS];

static unsigned roll(unsigned *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

static void replace(_Atomic int *slot, int fd)
{
	if (fd >= 0)
		close(atomic_exchange(slot, fd));
}

/* Descriptors may be closed and used again between any two calls: any error that this explains is right. */
static void *storm(void *arg)
{
	unsigned state = (unsigned)(intptr_t)arg * 7919 + 1;
	struct epoll_event found[4];
	uint64_t value = 1;
	while (now_ms() < storm_end) {
		unsigned what = roll(&state) % 10, a = roll(&state) % SETS, b = roll(&state) % SETS;
		uint32_t bits = roll(&state) % 2 ? EPOLLET : roll(&state) % 2 ? EPOLLONESHOT : 0;
		struct pollfd in = {slots[a], POLLIN, 0};
		switch (what) {
		case 0: replace(&slots[a], epoll_create1(0)); break;
		case 1: replace(&things[a], eventfd(roll(&state) % 2, EFD_NONBLOCK)); break;
		case 2:
		case 3: watch(slots[a], EPOLL_CTL_ADD, things[b], EPOLLIN | bits); break;
		case 4: watch(slots[a], EPOLL_CTL_MOD, things[b], EPOLLIN | EPOLLOUT | bits); break;
		case 5:
			watch(slots[a], EPOLL_CTL_DEL, roll(&state) % 2 ? things[b] : slots[b], 0);
			break;
		case 6: watch(slots[a], EPOLL_CTL_ADD, slots[b], EPOLLIN | bits); break;
		case 7: CHECK(epoll_wait(slots[a], found, 4, (int)(roll(&state) % 2)) <= 4); break;
		case 8: CHECK(poll(&in, 1, 0) <= 1); break;
		default:
			if (write(things[a], &value, 8) < 0)
				CHECK(errno == EAGAIN || errno == EBADF || errno == EINVAL);
			if (read(things[b], &value, 8) < 0)
				CHECK(errno == EAGAIN || errno == EBADF || errno == EINVAL);
			value = 1;
		}
	}
	return NULL;
}

TEST(a_storm_of_sets)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < SETS; i++) {
		slots[i] = epoll_create1(0);
		things[i] = eventfd(0, EFD_NONBLOCK);
		NEEDS(slots[i]);
	}
	storm_end = now_ms() + STORM_MS;
	start(threads, THREADS, storm);
	join(threads, THREADS);
	for (int i = 0; i < SETS; i++) {
		close(slots[i]);
		close(things[i]);
	}
	/* And it still works. */
	int fd = eventfd(1, 0), set = set_of(fd, EPOLLIN);
	CHECK_EQ(ready(set), 1);
}

/* The two ends that may meet: of a set, and of what is in it. */
static void *close_it(void *arg)
{
	close((int)(intptr_t)arg);
	return NULL;
}

TEST(set_and_item_end_together)
{
	for (int i = 0; i < 300; i++) {
		pthread_t threads[2];
		int fd = eventfd(1, 0), set = set_of(fd, EPOLLIN), outer = set_of(set, EPOLLIN);
		int one = i % 2 ? fd : set, other = i % 3 ? set : outer;
		if (one == other)
			other = outer;
		CHECK_EQ(pthread_create(&threads[0], NULL, close_it, (void *)(intptr_t)one), 0);
		CHECK_EQ(pthread_create(&threads[1], NULL, close_it, (void *)(intptr_t)other), 0);
		join(threads, 2);
		const int all[] = {fd, set, outer};
		for (int k = 0; k < 3; k++)
			if (all[k] != one && all[k] != other)
				CHECK_OK(close(all[k]));
	}
}
