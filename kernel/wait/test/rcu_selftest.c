/* Grace periods inside the kernel: readers in threads and in interrupts that come while CPUs idle. */
#include <lib/string.h>
#include <mm/slab.h>
#include <test/crew.h>
#include <time/clock.h>
#include <time/timer.h>
#include <wait/rcu.h>

#define ALIVE  0x616c697665ull
#define POISON 0x64656164ull

struct object {
	struct rcu_head rcu;
	uint64_t state, number; /* no two have the same number */
};

static struct object *published;
static uint32_t updaters_left, freed;
static uint64_t interrupt_reads;

/* Grace periods take microseconds or milliseconds, as it happens: go by time. */
static nsec_t end;

static void begin(unsigned updaters)
{
	freed = 0;
	interrupt_reads = 0;
	atomic_store(&updaters_left, updaters);
	end = uptime_ns() + selftest_rounds(300) * NSEC_PER_MSEC;
}

static void free_object(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);
	CHECK_EQ(object->state, ALIVE);
	object->state = POISON;
	kfree(object);
	atomic_fetch_add(&freed, 1);
}

static struct object *make_object(void)
{
	static uint64_t last_number;
	struct object *object = kmalloc(sizeof(*object));
	CHECK(object);
	*object = (struct object){.state = ALIVE, .number = atomic_fetch_add(&last_number, 1)};
	return object;
}

/* False when the object is given to free_object meanwhile; its memory may have become another object then. */
static bool read_object(unsigned linger)
{
	rcu_read_lock();
	const struct object *object = rcu_dereference(published);
	uint64_t number = atomic_load(&object->number);
	bool is_whole = true;
	for (unsigned i = 0; i <= linger; i++)
		is_whole = is_whole && atomic_load(&object->state) == ALIVE &&
			   atomic_load(&object->number) == number;
	rcu_read_unlock();
	return is_whole;
}

/* Even members replace the object, odd ones read it. */
static void read_or_replace(struct crew_member *self)
{
	if (self->index % 2) {
		do {
			CHECK(read_object(random_next(&self->random) % 200));
			if (random_next(&self->random) % 64 == 0)
				thread_sleep(1000);
		} while (atomic_load(&updaters_left));
		return;
	}
	for (; uptime_ns() < end; self->result++) {
		struct object *old = atomic_swap(&published, make_object());
		if (self->result % 50 == 0) {
			rcu_synchronize();
			free_object(&old->rcu);
		} else {
			rcu_call(&old->rcu, free_object);
		}
	}
	atomic_fetch_sub(&updaters_left, 1);
}

static PER_CPU(struct timer, reading_timer);
static bool broken_in_interrupt;

static void read_in_interrupt(struct timer *timer)
{
	/* Longer than a grace period takes when all CPUs idle. */
	if (!read_object(5000))
		atomic_store(&broken_in_interrupt, true);
	atomic_fetch_add(&interrupt_reads, 1);
	if (atomic_load(&updaters_left))
		timer_arm(timer, uptime_ns() + 100 * NSEC_PER_USEC);
}

static void arm_reading_timer(struct crew_member *self)
{
	(void)self;
	timer_init(this_cpu_ptr(reading_timer), read_in_interrupt);
	timer_arm(this_cpu_ptr(reading_timer), uptime_ns());
}

static void check_all_ran(uint64_t replaced)
{
	rcu_barrier();
	CHECK_EQ(freed, replaced);
	struct rcu_stats stats;
	rcu_stats(&stats);
	/* Others may be using it too, so only what must hold at any time. */
	CHECK(stats.callbacks_run <= stats.callbacks_queued);
}

SELFTEST(rcu_torture)
{
	begin(crew_cpus());
	published = make_object();
	crew_run(crew_cpus(), 0, arm_reading_timer);
	uint64_t replaced = crew_run(2 * crew_cpus(), 0, read_or_replace);
	for (unsigned cpu = 0; cpu < crew_cpus(); cpu++)
		timer_cancel_sync(per_cpu_ptr(reading_timer, cpu));
	check_all_ran(replaced);
	kfree(published);
	CHECK(!broken_in_interrupt);
	CHECK(interrupt_reads >= crew_cpus());
}

/* CPUs that idle but for the handlers that read. */
SELFTEST(rcu_readers_in_interrupts_of_idle_cpus)
{
	begin(1);
	published = make_object();
	crew_run(crew_cpus(), 0, arm_reading_timer);
	uint64_t replaced = 0;
	for (; uptime_ns() < end; replaced++) {
		struct object *old = atomic_swap(&published, make_object());
		rcu_synchronize();
		free_object(&old->rcu);
	}
	atomic_store(&updaters_left, 0);
	for (unsigned cpu = 0; cpu < crew_cpus(); cpu++)
		timer_cancel_sync(per_cpu_ptr(reading_timer, cpu));
	kfree(published);
	CHECK(!broken_in_interrupt);
	selftest_note("%lu grace periods, %lu reads", replaced, interrupt_reads);
}

static uint32_t stage;

/* Member 1 reads for a while without a chance to switch; member 0 must wait for it. */
static void linger_or_synchronize(struct crew_member *self)
{
	if (self->index == 0) {
		while (atomic_load(&stage) < 1)
			cpu_relax();
		rcu_synchronize();
		self->result = atomic_load(&stage);
		return;
	}
	rcu_read_lock();
	atomic_store(&stage, 1);
	nsec_t leave = uptime_ns() + 30 * NSEC_PER_MSEC;
	while (uptime_ns() < leave)
		cpu_relax();
	atomic_store(&stage, 2);
	rcu_read_unlock();
}

SELFTEST(rcu_synchronize_waits_for_a_reader)
{
	if (crew_cpus() < 2)
		selftest_skip("needs two CPUs");
	for (unsigned i = 0; i < 5; i++) {
		atomic_store(&stage, 0);
		CHECK_EQ(crew_run(2, 0, linger_or_synchronize), 2);
	}
}

static bool is_synchronized;

/* Member 1 never switches by itself, but is not a reader: it must not hold up grace periods. */
static void spin_or_synchronize(struct crew_member *self)
{
	if (self->index == 0) {
		for (unsigned i = 0; i < 5; i++)
			rcu_synchronize();
		atomic_store(&is_synchronized, true);
		return;
	}
	while (!atomic_load(&is_synchronized))
		cpu_relax();
}

SELFTEST(rcu_busy_cpus_are_asked)
{
	atomic_store(&is_synchronized, false);
	crew_run(1 + crew_cpus(), 0, spin_or_synchronize);
}

/* Queued faster than grace periods pass, from all CPUs. */
static void queue_callbacks(struct crew_member *self)
{
	for (; self->result < self->rounds; self->result++)
		rcu_call(&make_object()->rcu, free_object);
}

SELFTEST(rcu_every_callback_runs)
{
	freed = 0;
	check_all_ran(crew_run(2 * crew_cpus(), selftest_rounds(2000), queue_callbacks));
}

BENCH(rcu_read, 0, "rcu_read_lock + rcu_dereference + rcu_read_unlock")
{
	for (uint64_t i = 0; i < rounds; i++) {
		rcu_read_lock();
		(void)rcu_dereference(published);
		rcu_read_unlock();
	}
}

static void nothing(struct rcu_head *head)
{
	atomic_store(&head->fn, NULL);
}

BENCH(rcu_call, 0, "rcu_call and its share of the grace periods")
{
	static struct rcu_head heads[256];
	for (uint64_t i = 0; i < rounds; i++) {
		if (i % ARRAY_LEN(heads) == 0)
			rcu_barrier();
		rcu_call(&heads[i % ARRAY_LEN(heads)], nothing);
	}
	rcu_barrier();
}
