/* Mutexes and reader-writer locks inside the kernel, among threads that sleep, spin and are preempted while they hold them. */
#include <abi/errno.h>
#include <test/crew.h>
#include <time/clock.h>
#include <wait/mutex.h>
#include <wait/rwlock.h>

static struct mutex mutex;
static uint64_t counter, inverse; /* plain: only the lock makes changes of both one */

/* Sometimes long enough that the others go to sleep, sometimes asleep itself. */
static void change_both(struct crew_member *self)
{
	uint64_t dice = random_next(&self->random) >> 32;
	CHECK_EQ(counter + inverse, 0);
	counter++;
	if (dice % 64 == 0)
		thread_sleep(dice % 20000);
	else if (dice % 16 == 0)
		sched_yield();
	inverse--;
}

static void take_mutex(struct crew_member *self)
{
	while (self->result < self->rounds) {
		uint64_t dice = random_next(&self->random) >> 32;
		if (dice % 8 == 0) {
			if (!mutex_try_lock(&mutex))
				continue;
		} else if (dice % 4 == 0) {
			int err = mutex_lock_until(&mutex, uptime_ns() + dice % 100000);
			CHECK(err == 0 || err == -ETIMEDOUT);
			if (err)
				continue;
		} else {
			mutex_lock(&mutex);
		}
		CHECK(mutex_is_held(&mutex));
		change_both(self);
		mutex_unlock(&mutex);
		CHECK(!mutex_is_held(&mutex));
		self->result++;
	}
}

SELFTEST(mutex_torture)
{
	uint64_t rounds = selftest_rounds(1500);
	unsigned count = 3 * crew_cpus();
	counter = inverse = 0;
	mutex_init(&mutex, "torture", RANK_NONE);
	CHECK_EQ(crew_run(count, rounds, take_mutex), count * rounds);
	CHECK_EQ(counter, count * rounds);
	CHECK_EQ(crew_run_free(6, rounds, take_mutex), 6 * rounds);
	CHECK_EQ(counter, (count + 6) * rounds);
	CHECK_EQ(mutex.word, 0);
	CHECK(list_is_empty(&mutex.queue.waiters));
}

/* Member 0 takes the mutex again the moment it has given it back. The other must get it all the same. */
static bool hog_may_stop;

static void hog_or_ask(struct crew_member *self)
{
	if (self->index == 0) {
		for (; !atomic_load(&hog_may_stop); self->result++) {
			mutex_lock(&mutex);
			mutex_unlock(&mutex);
		}
		return;
	}
	for (uint64_t i = 0; i < self->rounds; i++) {
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		thread_sleep(100 * NSEC_PER_USEC);
	}
	atomic_store(&hog_may_stop, true);
}

SELFTEST(mutex_is_fair_to_sleepers)
{
	mutex_init(&mutex, "hogged", RANK_NONE);
	atomic_store(&hog_may_stop, false);
	crew_run(2, selftest_rounds(100), hog_or_ask);
	CHECK_EQ(mutex.word, 0);
}

SELFTEST(mutex_deadline_passes_while_it_is_held)
{
	mutex_init(&mutex, "held", RANK_NONE);
	mutex_lock(&mutex);
	struct crew_member late;
	CHECK(crew_start(&late, 1, false, 1, take_mutex));
	thread_sleep(2 * NSEC_PER_MSEC);
	CHECK_EQ(late.result, 0);
	mutex_unlock(&mutex);
	CHECK_EQ(crew_join(&late, 1), 1);
	CHECK_EQ(mutex.word, 0);
}

static struct rwlock rwlock;
static uint64_t pair[2];

/* Every fourth member writes. */
static void read_or_write(struct crew_member *self)
{
	for (uint64_t i = 0; i < self->rounds; i++) {
		uint64_t dice = random_next(&self->random) >> 32;
		if (self->index % 4 == 0) {
			rwlock_write_lock(&rwlock);
			pair[0]++;
			if (dice % 16 == 0)
				sched_yield();
			pair[1]++;
			CHECK_EQ(pair[0], pair[1]);
			rwlock_write_unlock(&rwlock);
			self->result++;
		} else {
			rwlock_read_lock(&rwlock);
			uint64_t first = pair[0];
			if (dice % 64 == 0)
				thread_sleep(dice % 20000);
			else if (dice % 16 == 0)
				sched_yield();
			CHECK_EQ(pair[1], first);
			rwlock_read_unlock(&rwlock);
		}
	}
}

SELFTEST(rwlock_torture)
{
	rwlock_init(&rwlock, "torture", RANK_NONE);
	pair[0] = pair[1] = 0;
	uint64_t writes = crew_run(4 * crew_cpus(), selftest_rounds(500), read_or_write);
	writes += crew_run_free(8, selftest_rounds(500), read_or_write);
	CHECK_EQ(pair[0], writes);
	CHECK_EQ(rwlock.word, 0);
	CHECK(list_is_empty(&rwlock.readers.waiters) && list_is_empty(&rwlock.writers));
}

/* Readers whose turns overlap: the lock is never free of them by chance. */
static uint32_t inside;
static bool writer_done;

static void overlap_or_write(struct crew_member *self)
{
	if (self->index == 0) {
		for (uint64_t i = 0; i < self->rounds; i++) {
			rwlock_write_lock(&rwlock);
			CHECK_EQ(atomic_load(&inside), 0);
			rwlock_write_unlock(&rwlock);
		}
		atomic_store(&writer_done, true);
		return;
	}
	while (!atomic_load(&writer_done)) {
		rwlock_read_lock(&rwlock);
		atomic_fetch_add(&inside, 1);
		sched_yield();
		atomic_fetch_sub(&inside, 1);
		rwlock_read_unlock(&rwlock);
	}
}

SELFTEST(rwlock_writer_is_not_starved)
{
	rwlock_init(&rwlock, "overlapping readers", RANK_NONE);
	atomic_store(&inside, 0);
	atomic_store(&writer_done, false);
	crew_run(1 + 2 * crew_cpus(), selftest_rounds(200), overlap_or_write);
	CHECK_EQ(rwlock.word, 0);
}

BENCH(mutex_lock_unlock, 30, "mutex_lock + mutex_unlock, uncontended")
{
	mutex_init(&mutex, "bench", RANK_NONE);
	for (uint64_t i = 0; i < rounds; i++) {
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
	}
}

BENCH(rwlock_read_unlock, 0, "rwlock_read_lock + rwlock_read_unlock, no writer")
{
	rwlock_init(&rwlock, "bench", RANK_NONE);
	for (uint64_t i = 0; i < rounds; i++) {
		rwlock_read_lock(&rwlock);
		rwlock_read_unlock(&rwlock);
	}
}
