/* Wait queues, semaphores and completions between real threads: a lost wake-up hangs the test, which has a time limit. */
#include "fake_threads.h"

#include <wait/completion.h>
#include <wait/semaphore.h>
#include <wait/wait_queue.h>

static struct wait_queue queue = WAIT_QUEUE_INIT(queue);

/* As fake_play; and nobody is left waiting. */
static uint64_t play(unsigned count, unsigned rounds, void (*fn)(void *player))
{
	uint64_t sum = fake_play(count, rounds, fn);
	CHECK(list_is_empty(&queue.waiters));
	return sum;
}

static uint32_t turn;

static void take_turns(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		int result = wait_until(&queue, atomic_load(&turn) % 2 == self->index, NSEC_MAX);
		CHECK_EQ(result, 0);
		atomic_fetch_add(&turn, 1);
		wait_wake_one(&queue);
	}
}

TEST(wait_ping_pong)
{
	play(2, 5000, take_turns);
	CHECK_EQ(turn, 10000);
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

/* Even players make tokens, odd ones take as many; one wake-up for each token. */
static void make_or_take(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		if (self->index % 2 == 0) {
			fake_pause(4); /* so that the takers have to wait */
			atomic_fetch_add(&tokens, 1);
			wait_wake_one(&queue);
		} else {
			int result = wait_until(&queue, take_token(), NSEC_MAX);
			CHECK_EQ(result, 0);
			self->result++;
		}
	}
}

TEST(wait_many_to_many)
{
	CHECK_EQ(play(8, 2000, make_or_take), 8000);
	CHECK_EQ(tokens, 0);
}

/* The takers' deadlines are so short that they race with the wake-ups. */
static void make_or_take_in_time(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds;) {
		if (self->index % 2 == 0) {
			fake_pause(4); /* so that the takers have to wait */
			atomic_fetch_add(&tokens, 1);
			wait_wake_one(&queue);
			i++;
		} else {
			nsec_t deadline = uptime_ns() + random_next(&fake_random) % 200000;
			int result = wait_until(&queue, take_token(), deadline);
			CHECK(result == 0 || result == -ETIMEDOUT);
			i += result == 0;
		}
	}
}

TEST(wait_deadlines_race_with_wakes)
{
	play(6, 1000, make_or_take_in_time);
	CHECK_EQ(tokens, 0);
}

TEST(wait_deadline_in_the_past)
{
	fake_become_thread();
	int result = wait_until(&queue, false, 1);
	CHECK_EQ(result, -ETIMEDOUT);
	result = wait_until(&queue, true, 1);
	CHECK_EQ(result, 0);
	CHECK(list_is_empty(&queue.waiters));
	CHECK_EQ(current_thread()->is_waiting, false);
}

static uint32_t generation, arrived;

/* A barrier: the last to arrive wakes all. Each round must wake everybody. */
static void meet(void *arg)
{
	struct player *self = arg;
	for (uint32_t i = 0; i < self->rounds; i++) {
		if (atomic_fetch_add(&arrived, 1) + 1 == 40) {
			atomic_store(&arrived, 0);
			atomic_store_release(&generation, i + 1);
			wait_wake_all(&queue);
		} else {
			int result =
			    wait_until(&queue, atomic_load_acquire(&generation) > i, NSEC_MAX);
			CHECK_EQ(result, 0);
		}
	}
}

TEST(wait_wake_all_wakes_all)
{
	play(40, 100, meet);
	CHECK_EQ(generation, 100);
}

static unsigned calls;

static bool count_call(struct wait_entry *entry)
{
	CHECK(irqs_are_off());
	CHECK(entry->is_queued);
	calls++;
	return calls % 2 == 0;
}

TEST(wait_functions_stay_queued_and_say_what_counts)
{
	struct wait_entry entry;
	wait_entry_init(&entry);
	entry.wake = count_call;
	CHECK_EQ(wait_wake_all(&queue), 0);
	wait_add(&queue, &entry);
	CHECK_EQ(wait_wake_one(&queue), false);
	CHECK_EQ(wait_wake_one(&queue), true);
	CHECK_EQ(wait_wake_some(&queue, 7), 0);
	CHECK_EQ(wait_wake_all(&queue), 1);
	CHECK_EQ(calls, 4);
	wait_remove(&queue, &entry);
	wait_remove(&queue, &entry);
	CHECK_EQ(wait_wake_all(&queue), 0);
	CHECK_EQ(calls, 4);
}

/* As poll(2): queues a function, and looks at the condition only then. Both players begin a round together, give or take some instructions. */
static uint32_t round_begun[2], was_made;
static bool was_told;

static bool note_that_told(struct wait_entry *entry)
{
	(void)entry;
	atomic_store(&was_told, true);
	return true;
}

static void begin_together(struct player *self, uint32_t round)
{
	atomic_store_release(&round_begun[self->index], round);
	for (unsigned n = 1; atomic_load_acquire(&round_begun[!self->index]) < round; n++)
		if (n % 4096 == 0)
			host_yield();
	/* The look keeps the list in this processor's cache, so that another's changes of it take their time. */
	for (unsigned i = (unsigned)(random_next(&fake_random) >> 32) % 256; i; i--)
		(void)atomic_load(&queue.waiters.next);
}

static void look_or_make(void *arg)
{
	struct player *self = arg;
	struct wait_entry entry;
	/* No pauses in between: they would hide what a processor does by itself. */
	this_cpu_write(need_resched, false);
	wait_entry_init(&entry);
	entry.wake = note_that_told;
	for (uint32_t round = 1; round < 2 * self->rounds; round += 2) {
		bool has_seen = true;
		begin_together(self, round);
		if (self->index) {
			atomic_store(&was_made, round);
			wait_wake_all(&queue);
		} else {
			wait_add(&queue, &entry);
			has_seen = atomic_load(&was_made) == round;
		}
		begin_together(self, round + 1);
		if (self->index)
			continue;
		self->result += !has_seen && !atomic_load(&was_told);
		wait_remove(&queue, &entry);
		atomic_store(&was_told, false);
	}
}

TEST(wait_functions_miss_nothing)
{
	CHECK_EQ(play(2, 400000, look_or_make), 0);
}

static struct semaphore semaphore;

static void up_or_down(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		if (self->index % 2 == 0) {
			fake_pause(4);
			semaphore_up(&semaphore);
		} else {
			semaphore_down(&semaphore);
			self->result++;
		}
	}
}

TEST(semaphore_passes_every_unit_on)
{
	semaphore_init(&semaphore, 3);
	CHECK_EQ(play(8, 2000, up_or_down), 8000);
	CHECK_EQ(semaphore.word, 3);
}

static void up_or_down_in_time(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds;) {
		if (self->index % 2 == 0) {
			fake_pause(4);
			semaphore_up(&semaphore);
			i++;
		} else {
			nsec_t deadline = uptime_ns() + random_next(&fake_random) % 200000;
			int result = semaphore_down_until(&semaphore, deadline);
			CHECK(result == 0 || result == -ETIMEDOUT);
			i += result == 0;
		}
	}
}

TEST(semaphore_deadlines_lose_no_unit)
{
	semaphore_init(&semaphore, 0);
	play(6, 1000, up_or_down_in_time);
	CHECK_EQ(semaphore.word, 0);
	CHECK(list_is_empty(&semaphore.queue.waiters));
}

TEST(semaphore_without_waiting)
{
	fake_become_thread();
	semaphore_init(&semaphore, 1);
	CHECK(semaphore_try_down(&semaphore));
	CHECK(!semaphore_try_down(&semaphore));
	CHECK_EQ(semaphore_down_until(&semaphore, 1), -ETIMEDOUT);
	CHECK_EQ(semaphore_count(&semaphore), 0);
	semaphore_up(&semaphore);
	semaphore_up(&semaphore);
	CHECK_EQ(semaphore_count(&semaphore), 2);
	CHECK_EQ(semaphore_down_until(&semaphore, 1), 0);
}

/* Threads that end right after they were woken: a waker that is late touches a thread that is gone. */
static void take_once(void *arg)
{
	struct player *self = arg;
	nsec_t deadline = uptime_ns() + random_next(&fake_random) % 100000;
	switch (self->index) {
	case 0:
		for (unsigned i = 0; i < 3; i++) {
			fake_pause(2);
			atomic_fetch_add(&tokens, 1);
			wait_wake_one(&queue);
			semaphore_up(&semaphore);
		}
		break;
	case 1:
	case 2: CHECK_EQ(wait_until(&queue, take_token(), NSEC_MAX), 0); break;
	case 3: self->result = wait_until(&queue, take_token(), deadline) != 0; break;
	case 4:
	case 5: semaphore_down(&semaphore); break;
	default: self->result = semaphore_down_until(&semaphore, deadline) != 0;
	}
}

TEST(wait_threads_end_when_they_were_woken)
{
	for (unsigned round = 0; round < 300; round++) {
		semaphore_init(&semaphore, 0);
		tokens = 0;
		uint64_t left = play(7, 1, take_once);
		CHECK_EQ(tokens + semaphore.word, left);
	}
}

static struct completion *shared;

/* Pairs: the even player waits for a completion of its own and frees it at once; the odd one signals. */
static void signal_or_wait(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		if (self->index == 0) {
			struct completion *mine = malloc(sizeof(*mine));
			completion_init(mine);
			atomic_store_release(&shared, mine);
			completion_wait(mine);
			CHECK(completion_is_done(mine));
			free(mine);
		} else {
			struct completion *theirs;
			while (!(theirs = atomic_swap(&shared, NULL)))
				cpu_relax();
			fake_pause(2); /* it may be asleep by now, or not */
			completion_signal(theirs);
		}
	}
}

TEST(completion_is_not_touched_after_the_wait)
{
	play(2, 1000, signal_or_wait);
}

TEST(completion_lets_later_waiters_through)
{
	fake_become_thread();
	struct completion done;
	completion_init(&done);
	CHECK_EQ(completion_wait_until(&done, 1), -ETIMEDOUT);
	completion_signal(&done);
	completion_wait(&done);
	CHECK_EQ(completion_wait_until(&done, 1), 0);
}

static void sleep_here(void *unused)
{
	(void)unused;
	int result = wait_until(&queue, true, NSEC_MAX);
	(void)result;
}

TEST(waiting_under_a_spinlock_panics_even_if_it_need_not_wait)
{
	fake_become_thread();
	static struct spinlock lock = SPINLOCK_INIT("held", RANK_PAGE_TABLE);
	spin_lock(&lock);
	CHECK_PANICS(sleep_here, NULL);
	spin_unlock(&lock);
	sleep_here(NULL);
}
