/*
 * Wake-ups inside the kernel: between threads, from timer interrupts, with deadlines that race. One lost wake-up hangs a test,
 * which has a time limit.
 */
#include <abi/errno.h>
#include <test/crew.h>
#include <time/clock.h>
#include <wait/completion.h>
#include <wait/semaphore.h>
#include <wait/wait_queue.h>

static struct wait_queue queue = WAIT_QUEUE_INIT(queue);

static nsec_t soon(struct crew_member *self, nsec_t within)
{
	return uptime_ns() + random_next(&self->random) % within;
}

/* Tests in which every round is a switch between CPUs go by time: under emulation that may take milliseconds. */
static nsec_t end;
static bool is_over;

static void begin(void)
{
	end = uptime_ns() + selftest_rounds(300) * NSEC_PER_MSEC;
	atomic_store(&is_over, false);
}

static uint32_t turn;

static void take_turns(struct crew_member *self)
{
	for (;; self->result++) {
		int err = wait_until(&queue,
		    atomic_load(&is_over) || atomic_load(&turn) % 2 == self->index, NSEC_MAX);
		CHECK_EQ(err, 0);
		if (atomic_load(&is_over))
			return;
		atomic_fetch_add(&turn, 1);
		if (uptime_ns() > end)
			atomic_store(&is_over, true);
		wait_wake_one(&queue);
	}
}

SELFTEST(wait_ping_pong)
{
	begin();
	turn = 0;
	CHECK_EQ(crew_run(2, 0, take_turns), turn);
	begin();
	turn = 0;
	CHECK_EQ(crew_run_free(2, 0, take_turns), turn);
	CHECK(turn > 2);
}

static uint32_t tokens;

static bool take_token(void)
{
	uint32_t n = atomic_load(&tokens);
	while (n)
		if (atomic_cas(&tokens, &n, n - 1))
			return true;
	return false;
}

/* Even members make tokens, odd ones take as many; each token is announced to one thread. Some takers have a deadline
 * that passes just when the token comes. */
static void make_or_take(struct crew_member *self)
{
	for (uint64_t i = 0; i < self->rounds;) {
		if (self->index % 2 == 0) {
			atomic_fetch_add(&tokens, 1);
			wait_wake_one(&queue);
			i++;
			if (i % 64 == 0)
				sched_yield();
		} else {
			bool is_bounded = self->index % 4 == 1;
			nsec_t deadline = is_bounded ? soon(self, 100000) : NSEC_MAX;
			int err = wait_until(&queue, take_token(), deadline);
			CHECK(err == 0 || (is_bounded && err == -ETIMEDOUT));
			i += err == 0;
		}
	}
}

SELFTEST(wait_many_to_many)
{
	tokens = 0;
	crew_run(4 * crew_cpus(), selftest_rounds(1000), make_or_take);
	CHECK_EQ(tokens, 0);
	crew_run_free(12, selftest_rounds(1000), make_or_take);
	CHECK_EQ(tokens, 0);
	CHECK(list_is_empty(&queue.waiters));
}

SELFTEST(wait_deadlines_are_kept)
{
	uint64_t seed = selftest_seed();
	for (uint64_t i = 0; i < selftest_rounds(100); i++) {
		nsec_t deadline = uptime_ns() + random_next(&seed) % 1000000;
		CHECK_EQ(wait_until(&queue, false, deadline), -ETIMEDOUT);
		CHECK(uptime_ns() >= deadline);
	}
	CHECK_EQ(wait_until(&queue, false, 1), -ETIMEDOUT);
	CHECK_EQ(wait_until(&queue, true, 1), 0);
	CHECK(list_is_empty(&queue.waiters));
}

/* As one that takes a mutex and is given it before it sleeps. */
static bool waits_and_comes_late(unsigned *asked)
{
	thread_prepare_to_block();
	thread_cancel_block();
	return ++*asked == 10;
}

/* The end of an earlier wait is not that of this one. */
SELFTEST(wait_conditions_may_wait)
{
	unsigned asked = 0;
	CHECK_EQ(wait_until(&queue, false, 1), -ETIMEDOUT);
	CHECK_EQ(wait_until(&queue, waits_and_comes_late(&asked), NSEC_MAX), 0);
	CHECK_EQ(asked, 10);
}

/* A timer's handler makes tokens. It comes while the takers are at any point of going to sleep. */
static struct timer token_timer;
static uint32_t tokens_to_make;

static void make_token(struct timer *timer)
{
	atomic_fetch_add(&tokens, 1);
	wait_wake_one(&queue);
	if (--tokens_to_make)
		timer_arm(timer, uptime_ns() + 1000 + tokens_to_make % 64 * 500);
}

static void take_all(struct crew_member *self)
{
	for (uint64_t i = 0; i < self->rounds; i++)
		CHECK_EQ(wait_until(&queue, take_token(), NSEC_MAX), 0);
}

SELFTEST(wait_wakes_from_interrupts)
{
	unsigned takers = 1 + crew_cpus();
	uint64_t rounds = selftest_rounds(500);
	tokens = 0;
	tokens_to_make = (uint32_t)(takers * rounds);
	timer_init(&token_timer, make_token);
	timer_arm(&token_timer, uptime_ns());
	crew_run(takers, rounds, take_all);
	CHECK(!timer_cancel_sync(&token_timer));
	CHECK_EQ(tokens, 0);
	CHECK_EQ(tokens_to_make, 0);
}

static uint32_t generation, waiting;

static void wait_for_generations(struct crew_member *self)
{
	for (uint32_t i = 0; i < self->rounds; i++) {
		atomic_fetch_add(&waiting, 1);
		CHECK_EQ(wait_until(&queue, atomic_load(&generation) > i, NSEC_MAX), 0);
	}
}

/* As many threads as memory is for, up to 2000, on one queue, and all of them woken at once. */
SELFTEST(wait_thousands_on_one_queue)
{
	const unsigned most = 2000;
	const uint32_t rounds = 3;
	struct crew_member *crew = kmalloc_array(most, sizeof(*crew));
	CHECK(crew);
	generation = waiting = 0;
	unsigned count = 0;
	while (count < most && crew_start(&crew[count], 1, false, rounds, wait_for_generations))
		count++;
	CHECK(count >= 500);

	for (uint32_t i = 1; i <= rounds; i++) {
		while (atomic_load(&waiting) < count * i)
			thread_sleep(NSEC_PER_MSEC);
		atomic_store(&generation, i);
		wait_wake_all(&queue);
	}
	crew_join(crew, count);
	CHECK(list_is_empty(&queue.waiters));
	kfree(crew);
	selftest_note("%u threads", count);
}

/* A bounded buffer: two semaphores count its free and its full slots. */
#define SLOTS 16
static struct semaphore free_slots, full_slots;
static struct spinlock slots_lock = SPINLOCK_INIT("slots", RANK_NONE);
static uint64_t slots[SLOTS];      /* slots_lock */
static unsigned next_in, next_out; /* slots_lock */
static uint64_t sum_in, sum_out;   /* a */

static void produce_or_consume(struct crew_member *self)
{
	for (uint64_t i = 1; i <= self->rounds; i++) {
		if (self->index % 2 == 0) {
			semaphore_down(&free_slots);
			spin_lock(&slots_lock);
			slots[next_in++ % SLOTS] = i;
			spin_unlock(&slots_lock);
			semaphore_up(&full_slots);
			atomic_fetch_add(&sum_in, i);
		} else {
			while (semaphore_down_until(&full_slots, soon(self, 300000)))
				self->result++;
			spin_lock(&slots_lock);
			uint64_t value = slots[next_out++ % SLOTS];
			spin_unlock(&slots_lock);
			semaphore_up(&free_slots);
			atomic_fetch_add(&sum_out, value);
		}
	}
}

SELFTEST(semaphore_bounded_buffer)
{
	semaphore_init(&free_slots, SLOTS);
	semaphore_init(&full_slots, 0);
	sum_in = sum_out = 0;
	crew_run(4 * crew_cpus(), selftest_rounds(1000), produce_or_consume);
	CHECK_EQ(semaphore_count(&free_slots), SLOTS);
	CHECK_EQ(semaphore_count(&full_slots), 0);
	CHECK_EQ(sum_in, sum_out);
	CHECK_EQ(next_in, next_out);
}

/* Completions on the stack of a thread that leaves as soon as it can. */
static struct completion *shared;

static NOINLINE void wait_on_own_stack(void)
{
	struct completion mine;
	completion_init(&mine);
	atomic_store_release(&shared, &mine);
	completion_wait(&mine);
}

static void signal_or_wait(struct crew_member *self)
{
	struct completion *theirs;
	if (self->index == 0) {
		for (; uptime_ns() < end; self->result++)
			wait_on_own_stack();
		atomic_store(&is_over, true);
		return;
	}
	while (!atomic_load(&is_over)) {
		if ((theirs = atomic_swap(&shared, NULL)))
			completion_signal(theirs);
		else
			sched_yield();
	}
}

SELFTEST(completion_on_the_stack)
{
	shared = NULL;
	begin();
	CHECK(crew_run(2, 0, signal_or_wait) > 2);
}

/* The partner of the round-trip benchmark. */
static struct semaphore ping, pong;

static void answer(struct crew_member *self)
{
	(void)self;
	for (;;) {
		semaphore_down(&ping);
		if (atomic_load(&is_over))
			return;
		semaphore_up(&pong);
	}
}

static void ping_pong(uint64_t rounds)
{
	static struct crew_member partner;
	semaphore_init(&ping, 0);
	semaphore_init(&pong, 0);
	atomic_store(&is_over, false);
	CHECK(crew_start(&partner, 1, false, 0, answer));
	for (uint64_t i = 0; i < rounds; i++) {
		semaphore_up(&ping);
		semaphore_down(&pong);
	}
	atomic_store(&is_over, true);
	semaphore_up(&ping);
	crew_join(&partner, 1);
}

BENCH(semaphore_ping_pong, 0, "two wake-ups and two switches: semaphore round trip of two threads")
{
	ping_pong(rounds);
}

BENCH(semaphore_up_down, 0, "semaphore_up + semaphore_down, nobody waits")
{
	semaphore_init(&ping, 0);
	for (uint64_t i = 0; i < rounds; i++) {
		semaphore_up(&ping);
		semaphore_down(&ping);
	}
}

BENCH(wait_wake_nobody, 0, "wait_wake_one on an empty queue")
{
	for (uint64_t i = 0; i < rounds; i++)
		wait_wake_one(&queue);
}
