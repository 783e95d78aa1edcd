/* Spinlocks and sequence counts between CPUs, threads and timer interrupts; and what they cost. */
#include <sync/seqcount.h>
#include <sync/spinlock.h>
#include <test/crew.h>
#include <time/clock.h>
#include <time/timer.h>

static struct spinlock lock = SPINLOCK_INIT("torture", RANK_NONE);
static uint64_t counter, inverse; /* plain: only the lock makes changes of both one */

static void change_both(void)
{
	CHECK_EQ(counter + inverse, 0);
	counter++;
	compiler_barrier();
	inverse--;
}

/* Rounds take very different times, on few and many CPUs, real and simulated: go by time. */
static nsec_t torture_end;

static void begin(void)
{
	counter = inverse = 0;
	torture_end = uptime_ns() + selftest_rounds(400) * NSEC_PER_MSEC;
}

static bool goes_on(const struct crew_member *self)
{
	return self->result < 10 || uptime_ns() < torture_end;
}

static void take_plainly(struct crew_member *self)
{
	for (; goes_on(self); self->result++) {
		spin_lock(&lock);
		change_both();
		spin_unlock(&lock);
	}
}

/* With waiters in a queue and in no order, whichever this machine would choose. */
SELFTEST(spinlock_torture)
{
	begin();
	bool did_queue = spin_set_queueing(true);
	uint64_t takes = crew_run(2 * crew_cpus(), 0, take_plainly);
	CHECK_EQ(counter, takes);

	begin();
	spin_set_queueing(false);
	takes = crew_run(2 * crew_cpus(), 0, take_plainly);
	CHECK_EQ(counter, takes);
	CHECK_EQ(lock.word, 0);
	spin_set_queueing(did_queue);
}

static void take_in_both_ways(struct crew_member *self)
{
	for (; goes_on(self); self->result++) {
		spin_set_queueing(random_next(&self->random) >> 40 & 1);
		spin_lock(&lock);
		change_both();
		spin_unlock(&lock);
	}
}

SELFTEST(spinlock_torture_both_kinds_of_waiters)
{
	begin();
	bool did_queue = spin_set_queueing(true);
	uint64_t takes = crew_run(2 * crew_cpus(), 0, take_in_both_ways);
	CHECK_EQ(counter, takes);
	CHECK_EQ(lock.word, 0);
	spin_set_queueing(did_queue);
}

/* A lock that timer interrupts of every CPU want, too. */
static struct spinlock irq_lock = SPINLOCK_INIT("irq torture", RANK_NONE);
static uint64_t irq_takes;
static PER_CPU(struct timer, torture_timer);
static bool is_stopping;

static void take_in_interrupt(struct timer *timer)
{
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	change_both();
	irq_takes++;
	spin_unlock_irqrestore(&irq_lock, flags);
	if (!atomic_load(&is_stopping))
		timer_arm(timer, uptime_ns() + 50 * NSEC_PER_USEC);
}

static void take_against_interrupts(struct crew_member *self)
{
	struct timer *timer = per_cpu_ptr(torture_timer, self->index % crew_cpus());
	if (self->index < crew_cpus()) {
		timer_init(timer, take_in_interrupt);
		timer_arm(timer, uptime_ns());
	}
	for (; goes_on(self); self->result++) {
		if (self->result % 3) {
			irq_flags_t flags = spin_lock_irqsave(&irq_lock);
			change_both();
			spin_unlock_irqrestore(&irq_lock, flags);
		} else {
			irq_flags_t flags = irq_save();
			while (!spin_try_lock(&irq_lock))
				cpu_relax();
			change_both();
			spin_unlock(&irq_lock);
			irq_restore(flags);
		}
		CHECK(!irqs_are_off());
	}
}

SELFTEST(spinlock_torture_with_interrupts)
{
	begin();
	irq_takes = 0;
	atomic_store(&is_stopping, false);
	uint64_t takes = crew_run(2 * crew_cpus(), 0, take_against_interrupts);
	atomic_store(&is_stopping, true);
	for (unsigned cpu = 0; cpu < crew_cpus(); cpu++)
		timer_cancel_sync(per_cpu_ptr(torture_timer, cpu));
	CHECK_EQ(counter, takes + irq_takes);
	CHECK(irq_takes >= crew_cpus());
	CHECK_EQ(irq_lock.word, 0);
}

/* Locks held while waiting for others, on every CPU and from interrupts that come while we wait. */
static struct spinlock inner = SPINLOCK_INIT("inner", RANK_NONE);
static uint64_t inner_counter;

static void take_nested(struct crew_member *self)
{
	for (; goes_on(self); self->result++) {
		spin_lock(&lock);
		spin_lock(&inner);
		inner_counter++;
		spin_unlock(&lock); /* not in reverse order, which is allowed */
		change_both();
		spin_unlock(&inner);
	}
}

SELFTEST(spinlock_torture_nested)
{
	begin();
	inner_counter = 0;
	uint64_t takes = crew_run(2 * crew_cpus(), 0, take_nested);
	CHECK_EQ(counter, takes);
	CHECK_EQ(inner_counter, takes);
}

static struct seqcount seq;
static struct spinlock writers = SPINLOCK_INIT("seq writers", RANK_NONE);
static uint64_t words[4]; /* a */
static uint32_t writing_crew;

/* Even members write, odd ones read until no writer is left. */
static void read_or_write_words(struct crew_member *self)
{
	if (self->index % 2 == 0) {
		for (; goes_on(self); self->result++) {
			spin_lock(&writers);
			seq_write_begin(&seq);
			for (unsigned w = 0; w < ARRAY_LEN(words); w++)
				atomic_store(&words[w], words[w] + 1);
			seq_write_end(&seq);
			spin_unlock(&writers);
		}
		atomic_fetch_sub(&writing_crew, 1);
		return;
	}
	uint64_t last = 0;
	do {
		uint64_t copy[ARRAY_LEN(words)];
		uint32_t begun;
		do {
			begun = seq_read_begin(&seq);
			for (unsigned w = 0; w < ARRAY_LEN(words); w++)
				copy[w] = atomic_load(&words[w]);
		} while (seq_read_retry(&seq, begun));
		for (unsigned w = 1; w < ARRAY_LEN(words); w++)
			CHECK_EQ(copy[w], copy[0]);
		CHECK(copy[0] >= last);
		last = copy[0];
	} while (atomic_load(&writing_crew));
}

SELFTEST(seqcount_readers_see_whole_writes)
{
	begin();
	uint64_t before = words[0];
	atomic_store(&writing_crew, crew_cpus());
	uint64_t writes = crew_run(2 * crew_cpus(), 0, read_or_write_words);
	CHECK_EQ(words[0] - before, writes);
}

BENCH(spin_lock_unlock, 20, "spin_lock + spin_unlock, uncontended")
{
	for (uint64_t i = 0; i < rounds; i++) {
		spin_lock(&lock);
		spin_unlock(&lock);
	}
}

BENCH(spin_lock_irqsave, 30, "spin_lock_irqsave + spin_unlock_irqrestore, uncontended")
{
	for (uint64_t i = 0; i < rounds; i++) {
		irq_flags_t flags = spin_lock_irqsave(&lock);
		spin_unlock_irqrestore(&lock, flags);
	}
}
