/* Mutexes and reader-writer locks between real threads, and what debug builds refuse. */
#include "fake_threads.h"

#include <wait/mutex.h>
#include <wait/rwlock.h>

static struct mutex mutex;
static uint64_t counter, inverse; /* plain: only the lock makes changes of both one */

static void change_both(uint64_t seed)
{
	CHECK_EQ(counter + inverse, 0);
	counter++;
	if (seed % 32 == 0)
		fake_pause(2);
	inverse--;
}

static void count_under_mutex(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		mutex_lock(&mutex);
		CHECK(mutex_is_held(&mutex));
		change_both(i);
		mutex_unlock(&mutex);
		CHECK(!mutex_is_held(&mutex));
	}
}

TEST(mutex_excludes_two)
{
	mutex_init(&mutex, "test", RANK_NONE);
	fake_play(2, 20000, count_under_mutex);
	CHECK_EQ(counter, 40000);
	CHECK_EQ(mutex.word, 0);
}

TEST(mutex_excludes_twelve)
{
	mutex_init(&mutex, "test", RANK_NONE);
	fake_play(12, 2000, count_under_mutex);
	CHECK_EQ(counter, 24000);
	CHECK_EQ(mutex.word, 0);
	CHECK(list_is_empty(&mutex.queue.waiters));
}

/* Half of them have no deadline, so a wake-up that dies with another's deadline leaves them asleep. */
static void count_with_deadlines(void *arg)
{
	struct player *self = arg;
	while (self->result < self->rounds) {
		uint64_t dice = random_next(&fake_random) >> 32;
		bool taken = true;
		if (self->index % 2)
			mutex_lock(&mutex);
		else if (dice % 3 == 0)
			taken = mutex_try_lock(&mutex);
		else
			taken = mutex_lock_until(&mutex, uptime_ns() + dice % 200000) == 0;
		if (!taken)
			continue;
		self->result++;
		change_both(self->result);
		mutex_unlock(&mutex);
	}
}

TEST(mutex_deadlines_lose_no_wake_up)
{
	mutex_init(&mutex, "test", RANK_NONE);
	fake_play(6, 1000, count_with_deadlines);
	CHECK_EQ(counter, 6000);
	CHECK_EQ(mutex.word, 0);
}

static bool hog_may_stop;

/* Player 0 takes the mutex again as soon as it has given it back; the others only want it now and then. */
static void hog_or_ask(void *arg)
{
	struct player *self = arg;
	if (self->index == 0) {
		while (!atomic_load(&hog_may_stop)) {
			mutex_lock(&mutex);
			change_both(0);
			mutex_unlock(&mutex);
		}
		return;
	}
	for (unsigned i = 0; i < self->rounds; i++) {
		mutex_lock(&mutex);
		change_both(1);
		mutex_unlock(&mutex);
	}
	if (atomic_fetch_add(&players[0].result, 1) == 1)
		atomic_store(&hog_may_stop, true);
}

TEST(mutex_is_handed_over_to_who_waits)
{
	mutex_init(&mutex, "test", RANK_NONE);
	fake_play(3, 300, hog_or_ask);
	CHECK(counter >= 600);
}

static struct rwlock rwlock;

/* Threads that end right after they had the lock, while the one they had it from is still in the release. */
static void take_once(void *arg)
{
	struct player *self = arg;
	if (self->index % 2 == 0) {
		mutex_lock(&mutex);
		change_both(0);
		mutex_unlock(&mutex);
	} else if (self->index % 4 == 1) {
		rwlock_write_lock(&rwlock);
		host_yield();
		rwlock_write_unlock(&rwlock);
	} else {
		rwlock_read_lock(&rwlock);
		host_yield();
		rwlock_read_unlock(&rwlock);
	}
}

TEST(lock_threads_end_when_they_had_it)
{
	for (unsigned round = 0; round < 300; round++) {
		mutex_init(&mutex, "test", RANK_NONE);
		rwlock_init(&rwlock, "test", RANK_NONE);
		fake_play(8, 1, take_once);
		CHECK_EQ(mutex.word, 0);
		CHECK_EQ(rwlock.word, 0);
	}
}

static uint64_t pair[2];

static void read_or_write(void *arg)
{
	struct player *self = arg;
	for (unsigned i = 0; i < self->rounds; i++) {
		if (self->index < 2) {
			rwlock_write_lock(&rwlock);
			pair[0]++;
			if (i % 16 == 0)
				host_yield();
			pair[1]++;
			CHECK_EQ(pair[0], pair[1]);
			rwlock_write_unlock(&rwlock);
		} else {
			rwlock_read_lock(&rwlock);
			uint64_t first = pair[0];
			if (i % 16 == 0)
				host_yield();
			CHECK_EQ(first, pair[1]);
			rwlock_read_unlock(&rwlock);
		}
	}
}

TEST(rwlock_excludes_writers_from_everybody)
{
	rwlock_init(&rwlock, "test", RANK_NONE);
	fake_play(6, 4000, read_or_write);
	CHECK_EQ(pair[0], 8000);
	CHECK_EQ(pair[1], 8000);
	CHECK_EQ(rwlock.word, 0);
}

static uint32_t inside, most_inside;
static bool writer_done;

/* Readers overlap all the time, so that the lock is never free of them by chance. */
static void read_for_ever(void *arg)
{
	struct player *self = arg;
	if (self->index == 0) {
		while (atomic_load(&most_inside) < 2)
			host_yield();
		for (unsigned i = 0; i < self->rounds; i++) {
			rwlock_write_lock(&rwlock);
			CHECK_EQ(atomic_load(&inside), 0);
			rwlock_write_unlock(&rwlock);
		}
		atomic_store(&writer_done, true);
		return;
	}
	while (!atomic_load(&writer_done)) {
		rwlock_read_lock(&rwlock);
		uint32_t now = atomic_fetch_add(&inside, 1) + 1;
		if (now > atomic_load(&most_inside))
			atomic_store(&most_inside, now);
		host_yield();
		atomic_fetch_sub(&inside, 1);
		rwlock_read_unlock(&rwlock);
	}
}

TEST(rwlock_writer_gets_in_among_readers)
{
	rwlock_init(&rwlock, "test", RANK_NONE);
	fake_play(5, 500, read_for_ever);
	CHECK_EQ(rwlock.word, 0);
}

static char order[8];
static unsigned order_len;

static void note(char who)
{
	order[order_len++] = who;
}

/* Player 0 arranges who waits in which order; the others note when they get in. */
static void wait_in_order(void *arg)
{
	struct player *self = arg;
	if (self->index == 0) {
		rwlock_read_lock(&rwlock);
		atomic_store(&players[1].rounds, 1);
		while (list_is_empty(&rwlock.writers))
			host_yield();
		atomic_store(&players[2].rounds, 1);
		while (list_is_empty(&rwlock.readers.waiters))
			host_yield();
		note('r');
		rwlock_read_unlock(&rwlock);
		return;
	}
	while (!atomic_load(&self->rounds))
		host_yield();
	if (self->index == 2) {
		rwlock_read_lock(&rwlock);
		note('R');
		rwlock_read_unlock(&rwlock);
		return;
	}
	rwlock_write_lock(&rwlock);
	note('W');
	if (self->index == 1) {
		/* A second writer queues while the reader waits already: the reader's side is next. */
		atomic_store(&players[3].rounds, 1);
		while (list_is_empty(&rwlock.writers))
			host_yield();
	}
	rwlock_write_unlock(&rwlock);
}

TEST(rwlock_sides_take_turns)
{
	rwlock_init(&rwlock, "test", RANK_NONE);
	fake_play(4, 0, wait_in_order);
	CHECK_STR(order, "rWRW");
	CHECK_EQ(rwlock.word, 0);
}

/* Takes the mutex before the woken sleeper does, if it can; then the next release must be the sleeper's. */
static void hand_over(void *arg)
{
	struct player *self = arg;
	if (self->index) {
		while (!atomic_load(&self->rounds))
			host_yield();
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		return;
	}
	mutex_lock(&mutex);
	atomic_store(&players[1].rounds, 1);
	while (!(atomic_load(&mutex.word) & MUTEX_HAS_WAITERS))
		host_yield();
	mutex_unlock(&mutex);
	mutex_lock(&mutex);
	if (list_is_empty(&mutex.queue.waiters)) {
		mutex_unlock(&mutex); /* the sleeper was first */
		return;
	}
	while (!(atomic_load(&mutex.word) & MUTEX_HANDS_OVER))
		host_yield();
	mutex_unlock(&mutex);
	self->result = !mutex_try_lock(&mutex);
	if (!self->result)
		mutex_unlock(&mutex);
}

TEST(mutex_release_is_the_woken_sleepers)
{
	unsigned handed_over = 0;
	for (unsigned round = 0; round < 200; round++) {
		mutex_init(&mutex, "test", RANK_NONE);
		fake_play(2, 0, hand_over);
		handed_over += (unsigned)players[0].result;
	}
	CHECK(handed_over > 0);
}

static bool holds_mutex;

/* Player 0 releases just when player 1 runs out of time; nobody but player 2 is there to be woken then. */
static void meet_deadline(void *arg)
{
	struct player *self = arg;
	uint64_t dice = random_next(&fake_random) >> 32;
	if (self->index == 0) {
		mutex_lock(&mutex);
		atomic_store(&holds_mutex, true);
		while (!atomic_load(&players[2].result))
			host_yield();
		struct timespec pause = {.tv_nsec = (long)dice % 200000};
		nanosleep(&pause, NULL);
		mutex_unlock(&mutex);
		return;
	}
	while (!atomic_load(&holds_mutex))
		host_yield();
	if (self->index == 2) {
		while (
		    !(atomic_load(&mutex.word) & MUTEX_HAS_WAITERS) && !atomic_load(&self->result))
			host_yield();
		atomic_store(&self->result, 1);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
	} else if (mutex_lock_until(&mutex, uptime_ns() + 100000 + dice % 100000) == 0) {
		mutex_unlock(&mutex);
	} else {
		/* Perhaps before player 2 has seen it wait. */
		atomic_store(&players[2].result, 1);
	}
}

TEST(mutex_wake_up_survives_a_deadline)
{
	for (unsigned round = 0; round < 300; round++) {
		mutex_init(&mutex, "test", RANK_NONE);
		atomic_store(&holds_mutex, false);
		fake_play(3, 1, meet_deadline);
		CHECK_EQ(mutex.word, 0);
	}
}

TEST(rwlock_forms_that_do_not_wait)
{
	fake_become_thread();
	rwlock_init(&rwlock, "test", RANK_NONE);
	CHECK(rwlock_try_write_lock(&rwlock));
	CHECK(!rwlock_try_read_lock(&rwlock));
	CHECK(!rwlock_try_write_lock(&rwlock));
	rwlock_write_unlock(&rwlock);
	CHECK(rwlock_try_read_lock(&rwlock));
	CHECK(!rwlock_try_write_lock(&rwlock));
	rwlock_read_unlock(&rwlock);
	CHECK_EQ(rwlock.word, 0);
}

static void lock(void *m)
{
	mutex_lock(m);
}

static void unlock(void *m)
{
	mutex_unlock(m);
}

static void read_lock(void *l)
{
	rwlock_read_lock(l);
}

static void write_lock_second(void *l)
{
	rwlock_write_lock_second(l);
}

TEST(mutex_mistakes_panic)
{
	fake_become_thread();
	static struct mutex low, high, nobody;
	mutex_init(&low, "low", RANK_MUTEX_FIRST);
	mutex_init(&high, "high", RANK_MUTEX_LAST);
	CHECK_PANICS(lock, &nobody);
	CHECK_PANICS(unlock, &low);

	mutex_lock(&low);
	CHECK_PANICS(lock, &low);
	mutex_lock(&high);
	mutex_unlock(&low);
	CHECK_PANICS(lock, &low);
	mutex_unlock(&high);
	mutex_lock(&low);
	mutex_unlock(&low);

	irq_disable();
	CHECK_PANICS(lock, &low);
	irq_enable();
	static struct spinlock spinlock = SPINLOCK_INIT("spin", RANK_PAGE_TABLE);
	spin_lock(&spinlock);
	CHECK_PANICS(lock, &low);
	spin_unlock(&spinlock);
}

TEST(rwlock_mistakes_panic)
{
	fake_become_thread();
	static struct mutex high;
	mutex_init(&high, "high", RANK_MUTEX_LAST);
	rwlock_init(&rwlock, "test", RANK_MUTEX_FIRST);
	rwlock_read_lock(&rwlock);
	CHECK_PANICS(read_lock, &rwlock);
	rwlock_read_unlock(&rwlock);
	mutex_lock(&high);
	CHECK_PANICS(read_lock, &rwlock);
	CHECK_PANICS(write_lock_second, &rwlock);
	mutex_unlock(&high);

	static struct rwlock other;
	rwlock_init(&other, "other", RANK_MUTEX_FIRST);
	rwlock_write_lock(&rwlock);
	CHECK_PANICS(read_lock, &other);
	CHECK_PANICS(write_lock_second, &rwlock);
	rwlock_write_lock_second(&other);
	rwlock_write_unlock(&rwlock);
	rwlock_write_unlock(&other);
}

static bool gives_up_at_random(void)
{
	return random_next(&fake_random) >> 32 & 1;
}

/* Half of them give up now and then, and must not take anybody's wake-up, or turn, with them. */
static void count_or_give_up(void *arg)
{
	struct player *self = arg;
	while (self->result < self->rounds) {
		if (self->index % 2) {
			mutex_lock(&mutex);
		} else {
			int err = mutex_lock_unless(&mutex, gives_up_at_random);
			CHECK(err == 0 || err == -EINTR);
			if (err)
				continue;
		}
		CHECK(mutex_is_held(&mutex));
		self->result++;
		change_both(self->result);
		mutex_unlock(&mutex);
	}
}

TEST(mutex_waiters_may_give_up)
{
	mutex_init(&mutex, "test", RANK_NONE);
	fake_play(8, 2000, count_or_give_up);
	CHECK_EQ(counter, 16000);
	CHECK_EQ(mutex.word, 0);
	CHECK(list_is_empty(&mutex.queue.waiters));
}

static void write_or_give_up(void *arg)
{
	struct player *self = arg;
	while (self->result < self->rounds) {
		if (self->index >= 5) {
			if (self->index == 5)
				rwlock_read_lock(&rwlock);
			else if (rwlock_read_lock_unless(&rwlock, gives_up_at_random))
				continue;
			uint64_t first = pair[0];
			if (self->result % 16 == 0)
				fake_pause(2);
			CHECK_EQ(first, pair[1]);
			rwlock_read_unlock(&rwlock);
			self->result++;
			continue;
		}
		if (self->index == 0) {
			rwlock_write_lock(&rwlock);
		} else {
			int err = rwlock_write_lock_unless(&rwlock, gives_up_at_random);
			CHECK(err == 0 || err == -EINTR);
			if (err)
				continue;
		}
		pair[0]++;
		if (self->result % 16 == 0)
			fake_pause(2);
		pair[1]++;
		self->result++;
		rwlock_write_unlock(&rwlock);
	}
}

TEST(rwlock_waiters_may_give_up)
{
	rwlock_init(&rwlock, "test", RANK_NONE);
	fake_play(8, 2000, write_or_give_up);
	CHECK_EQ(pair[0], 10000);
	CHECK_EQ(pair[1], 10000);
	CHECK_EQ(rwlock.word, 0);
	CHECK(list_is_empty(&rwlock.readers.waiters) && list_is_empty(&rwlock.writers));
}

static struct thread *sleeper;
static bool is_killed;

static bool sleeper_is_killed(void)
{
	return atomic_load(&is_killed);
}

static bool sleeps_in(const struct list *waiters)
{
	return sleeper && !list_is_empty(waiters) && atomic_load(&sleeper->is_waiting);
}

static struct rwlock written;

/* Player 0 has all locks for as long as player 1, who is killed, has not given up. */
static void hold_and_kill(void *arg)
{
	struct player *self = arg;
	if (self->index == 1) {
		while (!(atomic_load(&mutex.word) && atomic_load(&rwlock.word) &&
			 atomic_load(&written.word)))
			host_yield();
		atomic_store(&sleeper, current_thread());
		CHECK_EQ(mutex_lock_unless(&mutex, sleeper_is_killed), -EINTR);
		atomic_store(&is_killed, false);
		CHECK_EQ(rwlock_write_lock_unless(&rwlock, sleeper_is_killed), -EINTR);
		atomic_store(&is_killed, false);
		CHECK_EQ(rwlock_read_lock_unless(&written, sleeper_is_killed), -EINTR);
		atomic_store(&self->result, 1);
		return;
	}
	rwlock_read_lock(&rwlock);
	rwlock_write_lock(&written);
	mutex_lock(&mutex);
	const struct list *const queues[] = {
	    &mutex.queue.waiters, &rwlock.writers, &written.readers.waiters};
	for (unsigned i = 0; i < 3; i++) {
		while (!sleeps_in(queues[i]))
			host_yield();
		atomic_store(&is_killed, true);
		thread_wake(sleeper);
		while (i < 2 && atomic_load(&is_killed))
			host_yield();
	}
	while (!atomic_load(&players[1].result))
		host_yield();
	mutex_unlock(&mutex);
	rwlock_write_unlock(&written);
	rwlock_read_unlock(&rwlock);
}

TEST(sleeping_locks_let_the_killed_go)
{
	mutex_init(&mutex, "test", RANK_NONE);
	rwlock_init(&rwlock, "test", RANK_NONE);
	rwlock_init(&written, "test", RANK_NONE);
	fake_play(2, 0, hold_and_kill);
	CHECK_EQ(mutex.word, 0);
	CHECK_EQ(rwlock.word, 0);
	CHECK_EQ(written.word, 0);
}

/* Player 0 reads for as long as player 2, who came to read behind the writer, is not let in. */
static void read_beside_or_write(void *arg)
{
	struct player *self = arg;
	if (self->index == 1) {
		while (!atomic_load(&rwlock.word))
			host_yield();
		atomic_store(&sleeper, current_thread());
		CHECK_EQ(rwlock_write_lock_unless(&rwlock, sleeper_is_killed), -EINTR);
		return;
	}
	if (self->index == 0) {
		rwlock_read_lock(&rwlock);
		while (!sleeps_in(&rwlock.writers) || list_is_empty(&rwlock.readers.waiters))
			host_yield();
		atomic_store(&is_killed, true);
		thread_wake(sleeper);
		while (!atomic_load(&players[2].result))
			host_yield();
	} else {
		while (!sleeps_in(&rwlock.writers))
			host_yield();
		rwlock_read_lock(&rwlock);
		atomic_store(&self->result, 1);
	}
	rwlock_read_unlock(&rwlock);
}

TEST(rwlock_writer_that_gives_up_keeps_no_reader_out)
{
	rwlock_init(&rwlock, "test", RANK_NONE);
	fake_play(3, 0, read_beside_or_write);
	CHECK_EQ(rwlock.word, 0);
}
