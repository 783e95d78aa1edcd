/* Grace periods between real threads. A reader that is let down touches freed memory, which the sanitizer sees. */
#include "fake_threads.h"

#include <arch/smp.h>
#include <wait/rcu.h>

#define RCU_CPU 1 /* readers and writers are on the CPUs above */

/* Of the scheduler, what rcu_init wants. */
static pthread_t rcu_unix_thread;

struct thread *thread_create(const char *name, void (*entry)(void *arg), void *arg)
{
	(void)name;
	return &fake_create(RCU_CPU, entry, arg)->thread;
}

int thread_set_priority(struct thread *thread, enum thread_priority priority)
{
	(void)thread, (void)priority;
	return 0;
}

void thread_start(struct thread *thread)
{
	CHECK_EQ(pthread_create(&rcu_unix_thread, NULL, fake_main, fake_of(thread)), 0);
}

void thread_put(struct thread *thread)
{
	(void)thread;
}

static uint32_t nudged;

void smp_send_ipi(unsigned cpu, enum ipi ipi)
{
	CHECK_EQ(ipi, IPI_RESCHEDULE);
	CHECK(*per_cpu_ptr(need_resched, cpu));
	if (cpu > RCU_CPU) /* CPU 0 runs the test itself, and may take its time */
		atomic_fetch_add(&nudged, 1);
}

static void start(unsigned cpus)
{
	host_cpus_set(cpus);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		*per_cpu_ptr(quiescent_count, cpu) = 1; /* idle, until somebody plays it */
	fake_become_thread();
	rcu_init();
}

struct object {
	struct rcu_head rcu;
	uint64_t first, second;
};

static struct object *published;
static uint32_t freed;
static bool writers_done;

static void free_object(struct rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);
	object->first = object->second = 0;
	free(object);
	atomic_fetch_add(&freed, 1);
}

static struct object *make_object(uint64_t value)
{
	struct object *object = malloc(sizeof(*object));
	CHECK(object);
	*object = (struct object){.first = value, .second = ~value};
	return object;
}

#define READERS 4
#define UPDATES 2000

static void read_objects(void)
{
	while (!atomic_load(&writers_done)) {
		rcu_read_lock();
		struct object *object = rcu_dereference(published);
		CHECK_EQ(object->first, ~object->second);
		fake_perturb();
		CHECK_EQ(object->first, ~object->second);
		rcu_read_unlock();
		if (random_next(&fake_random) % 4 == 0)
			quiescent_pass();
	}
}

static void update_objects(void)
{
	for (uint64_t i = 1; i <= UPDATES; i++) {
		struct object *old = published;
		rcu_assign(published, make_object(i));
		if (i % 100 == 0) {
			rcu_synchronize();
			free_object(&old->rcu);
		} else {
			rcu_call(&old->rcu, free_object);
		}
		fake_perturb();
	}
	atomic_store(&writers_done, true);
}

/* Its argument tells which: player 0 updates. CPU 0 is the test's, CPU 1 RCU's, so players are moved up by one. */
static void read_or_update(void *arg)
{
	if (*(unsigned *)arg == 0)
		update_objects();
	else
		read_objects();
}

static void play(unsigned count, void (*fn)(void *arg), unsigned *args)
{
	pthread_t threads[CPU_MAX];
	for (unsigned i = 0; i < count; i++) {
		struct fake_thread *fake = fake_create(RCU_CPU + 1 + i, fn, &args[i]);
		CHECK_EQ(pthread_create(&threads[i], NULL, fake_main, fake), 0);
	}
	quiescent_idle_enter();
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	quiescent_idle_exit();
}

TEST(rcu_readers_never_see_freed_memory)
{
	start(RCU_CPU + 1 + READERS + 1);
	published = make_object(0);
	unsigned roles[READERS + 1] = {0, 1, 2, 3, 4};
	play(READERS + 1, read_or_update, roles);
	rcu_barrier();
	CHECK_EQ(freed, UPDATES);
	free(published);

	struct rcu_stats stats;
	rcu_stats(&stats);
	CHECK_EQ(stats.callbacks_run, stats.callbacks_queued);
	CHECK(stats.grace_periods >= UPDATES / 100);
}

static bool reader_inside, reader_left;

static void linger(void *arg)
{
	(void)arg;
	rcu_read_lock();
	atomic_store(&reader_inside, true);
	/* Long enough to be nudged, which does not help while we are inside. */
	while (atomic_load(&nudged) < 3)
		cpu_relax();
	atomic_store(&reader_left, true);
	rcu_read_unlock(); /* where the nudge takes effect */
	while (!atomic_load(&writers_done))
		cpu_relax();
}

static void synchronize_with_lingerer(void *arg)
{
	if (*(unsigned *)arg) {
		linger(arg);
		return;
	}
	while (!atomic_load(&reader_inside))
		cpu_relax();
	rcu_synchronize();
	CHECK(atomic_load(&reader_left));
	atomic_store(&writers_done, true);
}

TEST(rcu_synchronize_waits_for_a_reader_and_nudges_it)
{
	start(RCU_CPU + 3);
	unsigned roles[2] = {0, 1};
	play(2, synchronize_with_lingerer, roles);
	CHECK(nudged >= 3);
}

static unsigned order[100], order_len;
static struct {
	struct rcu_head rcu;
	unsigned number;
} numbered[100];

static void note_order(struct rcu_head *head)
{
	order[order_len++] = container_of(head, __typeof__(numbered[0]), rcu)->number;
}

TEST(rcu_callbacks_of_a_cpu_run_in_order)
{
	start(4);
	for (unsigned i = 0; i < 100; i++) {
		numbered[i].number = i;
		rcu_call(&numbered[i].rcu, note_order);
		fake_perturb();
	}
	rcu_barrier();
	CHECK_EQ(order_len, 100);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(order[i], i);
}

TEST(rcu_leaves_idle_cpus_alone)
{
	start(8);
	for (unsigned i = 0; i < 20; i++)
		rcu_synchronize();
	CHECK_EQ(nudged, 0);
}
