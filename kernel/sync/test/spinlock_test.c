/*
 * The queued spinlock between real threads: one Unix thread plays one CPU, so that the hardware's interleavings, or at
 * least the host scheduler's, do the testing.
 */
#include <pthread.h>

#include <arch/host.h>
#include <sync/seqcount.h>
#include <sync/spinlock.h>
#include <test/test.h>

#define PLAYERS_MAX 8

struct player {
	pthread_t thread;
	unsigned cpu;
	uint64_t rounds;
	void (*play)(struct player *player);
};

static struct spinlock lock = SPINLOCK_INIT("test", RANK_NONE);
static uint64_t counter, inverse;

static void *player_main(void *arg)
{
	struct player *player = arg;
	host_cpu_select(player->cpu);
	player->play(player);
	CHECK_EQ(this_cpu_read(preempt_count), 0);
	return NULL;
}

static void play(unsigned players, uint64_t rounds, void (*fn)(struct player *player))
{
	struct player all[PLAYERS_MAX];
	host_cpus_set(players);
	for (unsigned i = 0; i < players; i++) {
		all[i] = (struct player){.cpu = i, .rounds = rounds, .play = fn};
		CHECK_EQ(pthread_create(&all[i].thread, NULL, player_main, &all[i]), 0);
	}
	for (unsigned i = 0; i < players; i++)
		CHECK_EQ(pthread_join(all[i].thread, NULL), 0);
}

static void change_both(void)
{
	/* Plain accesses: only the lock makes this right. */
	CHECK_EQ(counter + inverse, 0);
	counter++;
	if (counter % 64 == 0)
		cpu_relax(); /* lets another thread run while we hold it */
	inverse--;
}

static void count_with_spin_lock(struct player *player)
{
	for (uint64_t i = 0; i < player->rounds; i++) {
		spin_lock(&lock);
		change_both();
		spin_unlock(&lock);
	}
}

TEST(spinlock_excludes_two_cpus)
{
	play(2, 50000, count_with_spin_lock);
	CHECK_EQ(counter, 100000);
	CHECK_EQ(lock.word, 0);
}

TEST(spinlock_excludes_eight_cpus)
{
	play(8, 5000, count_with_spin_lock);
	CHECK_EQ(counter, 40000);
	CHECK_EQ(lock.word, 0);
}

TEST(spinlock_excludes_without_queue)
{
	spin_set_queueing(false);
	play(8, 5000, count_with_spin_lock);
	CHECK_EQ(counter, 40000);
	CHECK_EQ(lock.word, 0);
}

static void count_in_both_ways(struct player *player)
{
	for (uint64_t i = 0; i < player->rounds; i++) {
		spin_set_queueing((i + player->cpu) % 3 != 0);
		spin_lock(&lock);
		change_both();
		spin_unlock(&lock);
	}
}

TEST(spinlock_excludes_both_kinds_of_waiters)
{
	play(6, 8000, count_in_both_ways);
	CHECK_EQ(counter, 48000);
	CHECK_EQ(lock.word, 0);
}

static void count_with_every_form(struct player *player)
{
	for (uint64_t i = 0; i < player->rounds; i++) {
		if ((i + player->cpu) % 3 == 0) {
			while (!spin_try_lock(&lock))
				cpu_relax();
			change_both();
			spin_unlock(&lock);
		} else {
			irq_flags_t flags = spin_lock_irqsave(&lock);
			CHECK(irqs_are_off());
			change_both();
			spin_unlock_irqrestore(&lock, flags);
			CHECK(!irqs_are_off());
		}
	}
}

TEST(spinlock_forms_mix)
{
	play(4, 5000, count_with_every_form);
	CHECK_EQ(counter, 20000);
}

/* Three contexts of one CPU may wait at once, for different locks: thread, interrupt, NMI. */
static struct spinlock nested[3] = {
    SPINLOCK_INIT("a", RANK_NONE), SPINLOCK_INIT("b", RANK_NONE), SPINLOCK_INIT("c", RANK_NONE)};
static uint64_t nested_counter[3];

static void count_in_each(struct player *player)
{
	for (uint64_t i = 0; i < player->rounds; i++)
		for (unsigned n = 0; n < 3; n++) {
			for (unsigned k = 0; k <= n; k++)
				spin_lock(&nested[k]);
			nested_counter[n]++;
			/* Not in reverse order, which is allowed. */
			for (unsigned k = 0; k <= n; k++)
				spin_unlock(&nested[k]);
		}
}

TEST(spinlock_several_held)
{
	play(4, 2000, count_in_each);
	for (unsigned n = 0; n < 3; n++) {
		CHECK_EQ(nested_counter[n], 8000);
		CHECK_EQ(nested[n].word, 0);
	}
}

static uint64_t arrivals[PLAYERS_MAX];
static uint32_t arrived;

static void arrive(struct player *player)
{
	/* CPU 0 holds the lock until everybody queues, one after the other. */
	if (player->cpu == 0) {
		spin_lock(&lock);
		for (unsigned cpu = 1; cpu < 6; cpu++) {
			uint32_t before = atomic_load(&lock.word);
			atomic_store(&arrived, cpu);
			while (atomic_load(&lock.word) == before)
				cpu_relax();
		}
		spin_unlock(&lock);
		return;
	}
	while (atomic_load(&arrived) < player->cpu)
		cpu_relax();
	spin_lock(&lock);
	arrivals[counter++] = player->cpu;
	spin_unlock(&lock);
}

TEST(spinlock_serves_in_order_of_arrival)
{
	play(6, 1, arrive);
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(arrivals[i], i + 1);
}

TEST(spinlock_unlock_makes_preemption_possible_again)
{
	spin_lock(&lock);
	CHECK_EQ(this_cpu_read(preempt_count), 1);
	CHECK(spin_is_locked(&lock));
	bool again = spin_try_lock(&lock);
	CHECK(!again);
	CHECK_EQ(this_cpu_read(preempt_count), 1);
	spin_unlock(&lock);
	CHECK_EQ(this_cpu_read(preempt_count), 0);
	CHECK(!spin_is_locked(&lock));
}

/* Panic stops the holder; whoever prints the report must get past the lock. */
TEST(spinlock_broken_by_panic_lets_waiters_through)
{
	host_cpus_set(2);
	spin_lock(&lock);
	locks_break();
	host_cpu_select(1);
	spin_lock(&lock);
	spin_unlock(&lock);
	spin_lock(&lock);
}

static struct seqcount seq;
static uint64_t pair[2];
static bool writer_done;

static void read_and_write_pair(struct player *player)
{
	if (player->cpu == 0) {
		for (uint64_t i = 1; i <= player->rounds; i++) {
			seq_write_begin(&seq);
			atomic_store(&pair[0], i);
			if (i % 256 == 0)
				cpu_relax();
			atomic_store(&pair[1], i);
			seq_write_end(&seq);
		}
		atomic_store(&writer_done, true);
		return;
	}
	uint64_t last = 0;
	while (!atomic_load(&writer_done)) {
		uint64_t first, second;
		uint32_t begun;
		do {
			begun = seq_read_begin(&seq);
			first = atomic_load(&pair[0]);
			second = atomic_load(&pair[1]);
		} while (seq_read_retry(&seq, begun));
		CHECK_EQ(first, second);
		CHECK(first >= last);
		last = first;
	}
}

TEST(seqcount_readers_never_see_half_a_write)
{
	play(3, 200000, read_and_write_pair);
}
