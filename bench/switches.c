/* From one process or thread to another: pipes, events, yields, futexes, new threads. */
#include "bench.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUTEX_WAIT         0
#define FUTEX_WAKE         1
#define FUTEX_PRIVATE_FLAG 128

void run_pipe_create_close(long n)
{
	OPS(n)
	{
		int ends[2];
		MUST(call(SYS_pipe, ends));
		call(SYS_close, ends[0]);
		call(SYS_close, ends[1]);
	}
}
void run_pipe_write_read_1(long n)
{
	OPS(n)
	{
		MUST(call(SYS_write, pipe_fds[1], buffer, 1));
		MUST(call(SYS_read, pipe_fds[0], buffer, 1));
	}
}

static int there[2], back[2];

static void answer(void *arg)
{
	(void)arg;
	char c;
	call(SYS_close, there[1]);
	while (call(SYS_read, there[0], &c, 1) == 1)
		if (call(SYS_write, back[1], &c, 1) != 1)
			break;
}
static void pass_there_and_back(long n)
{
	MUST(call(SYS_pipe, there));
	MUST(call(SYS_pipe, back));
	pid_t pid = child_of(answer, NULL);
	char c = 0;
	for (int i = 0; i < 5; i++) {
		MUST(call(SYS_write, there[1], &c, 1));
		MUST(call(SYS_read, back[0], &c, 1));
	}
	inner_start = ticks();
	OPS(n)
	{
		MUST(call(SYS_write, there[1], &c, 1));
		MUST(call(SYS_read, back[0], &c, 1));
	}
	inner_end = ticks();
	call(SYS_close, there[1]);
	waitpid(pid, NULL, 0);
	call(SYS_close, there[0]);
	call(SYS_close, back[0]);
	call(SYS_close, back[1]);
}

void run_pipe_ping_pong(long n)
{
	pass_there_and_back(n);
}
/* The same, with each way counted: the switch, and half of a byte's way through a pipe. */
void run_pipe_hop(long n)
{
	pass_there_and_back(n / 2);
}

static void answer_events(void *arg)
{
	(void)arg;
	uint64_t count;
	while (call(SYS_read, there[0], &count, 8) == 8 && count == 1)
		call(SYS_write, back[0], &count, 8);
}
void run_eventfd_ping_pong(long n)
{
	uint64_t count = 1;
	MUST(there[0] = (int)call(SYS_eventfd2, 0, 0));
	MUST(back[0] = (int)call(SYS_eventfd2, 0, 0));
	pid_t pid = child_of(answer_events, NULL);
	for (long i = -5; i < n; i++) {
		if (i == 0)
			inner_start = ticks();
		MUST(call(SYS_write, there[0], &count, 8));
		MUST(call(SYS_read, back[0], &count, 8));
	}
	inner_end = ticks();
	count = 2;
	MUST(call(SYS_write, there[0], &count, 8));
	waitpid(pid, NULL, 0);
	call(SYS_close, there[0]);
	call(SYS_close, back[0]);
}

static void drain(void *arg)
{
	(void)arg;
	call(SYS_close, there[1]);
	while (call(SYS_read, there[0], buffer, sizeof(buffer)) > 0)
		;
}
void run_pipe_64k(long n)
{
	MUST(call(SYS_pipe, there));
	pid_t pid = child_of(drain, NULL);
	call(SYS_close, there[0]);
	MUST(call(SYS_write, there[1], buffer, sizeof(buffer)));
	inner_start = ticks();
	OPS(n) MUST(call(SYS_write, there[1], buffer, sizeof(buffer)));
	call(SYS_close, there[1]);
	waitpid(pid, NULL, 0);
	inner_end = ticks();
}

/* Who ran last, and how often that changed: a yield need not be a switch. */
struct yielders {
	volatile int stop, last;
	volatile long hops;
};
static void yield_as(struct yielders *y, int self)
{
	if (y->last != self) {
		y->last = self;
		y->hops++;
	}
	call(SYS_sched_yield);
}
static void yield_forever(void *arg)
{
	struct yielders *y = arg;
	while (!y->stop)
		yield_as(y, 1);
}
void run_yield_2_processes(long n)
{
	struct yielders *y =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	y->stop = 0;
	pid_t pid = child_of(yield_forever, y);
	while (y->hops < 20)
		yield_as(y, 2);
	y->hops = 0;
	inner_start = ticks();
	while (y->hops < n)
		yield_as(y, 2);
	inner_end = inner_start + (ticks() - inner_start) * (uint64_t)n / (uint64_t)y->hops;
	y->stop = 1;
	waitpid(pid, NULL, 0);
	call(SYS_munmap, y, PAGE);
}

static uint32_t word;
void run_futex_wake_none(long n)
{
	OPS(n) MUST(call(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL));
}

static volatile uint32_t ball;
static long rally;
static void hit(uint32_t mine, uint32_t other)
{
	for (long i = 0; i < rally; i++) {
		while (ball != mine)
			call(SYS_futex, &ball, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, other, NULL);
		ball = other;
		call(SYS_futex, &ball, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
	}
}
static void *partner(void *arg)
{
	hit(1, 0);
	return arg;
}
void run_futex_ping_pong(long n)
{
	pthread_t thread;
	ball = 0;
	rally = n;
	is_broken |= pthread_create(&thread, NULL, partner, NULL) != 0;
	hit(0, 1);
	pthread_join(thread, NULL);
}
static void *nothing(void *arg)
{
	return arg;
}
void run_pthread_create_join(long n)
{
	OPS(n)
	{
		pthread_t thread;
		is_broken |= pthread_create(&thread, NULL, nothing, NULL) != 0;
		pthread_join(thread, NULL);
	}
}
