/*
 * A scheduler for host tests, in the place of kernel/sched: every kernel thread is a Unix thread that plays a CPU of its own, so
 * blocking is a condition variable and a blocked thread is an idle CPU. A thread's struct lies on the heap
 * and is freed as soon as it ends, so a wake-up that comes too late is a use after free. Random yields at the places where wake-ups
 * get lost make bad interleavings common.
 *
 * Included by one .c file of a test program, whose functions then replace those of kernel/sched.
 */
#pragma once

/* The C library has a function of that name, with another type. */
#define sched_yield libc_sched_yield
#include <pthread.h>
#undef sched_yield
#include <stdlib.h>
#include <time.h>

#include <abi/errno.h>
#include <arch/host.h>
#include <lib/random.h>
#include <sched/thread.h>
#include <test/test.h>
#include <time/clock.h>

struct fake_thread {
	struct thread thread;
	pthread_t unix_thread;
	unsigned cpu;
	pthread_mutex_t mutex;
	pthread_cond_t woken;
	void (*entry)(void *arg);
	void *arg;
};

PER_CPU(struct thread *, current_thread_ptr);

static _Thread_local uint64_t fake_random;

/* Gives others the core: mostly for a moment, one time in `rarely` for long enough that they get far. */
static inline void fake_pause(unsigned rarely)
{
	uint64_t dice = random_next(&fake_random) >> 32;
	if (dice % rarely == 0) {
		struct timespec pause = {.tv_nsec = (long)(dice >> 8) % 50000};
		nanosleep(&pause, NULL);
	}
	for (; dice % 4 == 0 && dice; dice /= 4)
		host_yield();
}

static inline void fake_perturb(void)
{
	fake_pause(128);
}

/* need_resched is always set, so this is called whenever preemption becomes possible again. */
void sched_preempt(void)
{
	if (irqs_are_off())
		return;
	quiescent_pass();
	fake_perturb();
}

nsec_t uptime_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (nsec_t)now.tv_sec * NSEC_PER_SEC + (nsec_t)now.tv_nsec;
}

static inline struct fake_thread *fake_of(struct thread *thread)
{
	return container_of(thread, struct fake_thread, thread);
}

void thread_prepare_to_block(void)
{
	(void)atomic_swap(&current_thread()->is_waiting, true);
	fake_perturb();
}

void thread_cancel_block(void)
{
	fake_perturb();
	atomic_store(&current_thread()->is_waiting, false);
}

static inline int fake_wait(struct fake_thread *self, nsec_t deadline)
{
	struct timespec until = {.tv_sec = (time_t)(deadline / NSEC_PER_SEC),
	    .tv_nsec = (long)(deadline % NSEC_PER_SEC)};
	int result = 0;
	pthread_mutex_lock(&self->mutex);
	while (atomic_load(&self->thread.is_waiting) && !result) {
		if (deadline == NSEC_MAX)
			pthread_cond_wait(&self->woken, &self->mutex);
		else if (pthread_cond_timedwait(&self->woken, &self->mutex, &until))
			result = -ETIMEDOUT;
	}
	if (!atomic_load(&self->thread.is_waiting))
		result = 0;
	atomic_store(&self->thread.is_waiting, false);
	pthread_mutex_unlock(&self->mutex);
	return result;
}

int thread_block(nsec_t deadline)
{
	CHECK(!irqs_are_off());
	CHECK_EQ(this_cpu_read(preempt_count), 0);
	fake_perturb();
	quiescent_idle_enter();
	int result = fake_wait(fake_of(current_thread()), deadline);
	quiescent_idle_exit();
	fake_pause(result ? 4 : 32);
	return result;
}

bool thread_wake(struct thread *thread)
{
	struct fake_thread *fake = fake_of(thread);
	fake_pause(16);
	pthread_mutex_lock(&fake->mutex);
	bool woken = atomic_load(&thread->is_waiting);
	atomic_store(&thread->is_waiting, false);
	if (woken)
		pthread_cond_signal(&fake->woken);
	pthread_mutex_unlock(&fake->mutex);
	fake_pause(16);
	return woken;
}

void thread_sleep(nsec_t duration)
{
	struct timespec pause = {.tv_sec = (time_t)(duration / NSEC_PER_SEC),
	    .tv_nsec = (long)(duration % NSEC_PER_SEC)};
	quiescent_idle_enter();
	nanosleep(&pause, NULL);
	quiescent_idle_exit();
}

static inline void *fake_main(void *arg)
{
	struct fake_thread *self = arg;
	host_cpu_select(self->cpu);
	fake_random = self->cpu + 1;
	this_cpu_write(current_thread_ptr, &self->thread);
	this_cpu_write(need_resched, true);
	quiescent_idle_exit();
	self->entry(self->arg);
	CHECK_EQ(this_cpu_read(preempt_count), 0);
	CHECK_EQ(self->thread.held_locks.depth, 0);
	this_cpu_write(current_thread_ptr, NULL);
	quiescent_idle_enter();

	pthread_cond_destroy(&self->woken);
	pthread_mutex_destroy(&self->mutex);
	free(self);
	return NULL;
}

static inline struct fake_thread *fake_create(unsigned cpu, void (*entry)(void *arg), void *arg)
{
	struct fake_thread *fake = calloc(1, sizeof(*fake));
	CHECK(fake);
	*fake = (struct fake_thread){.cpu = cpu, .entry = entry, .arg = arg};
	pthread_mutex_init(&fake->mutex, NULL);
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&fake->woken, &clock);
	return fake;
}

/*
 * Runs fn(argument i) in `count` threads on CPUs 1..count, and waits for all. CPU 0 is the test's own.
 */
static inline void fake_run(unsigned count, void (*fn)(void *arg), void *args, size_t arg_size)
{
	pthread_t threads[CPU_MAX];
	for (unsigned i = 0; i < count; i++) {
		struct fake_thread *fake = fake_create(i + 1, fn, (char *)args + i * arg_size);
		CHECK_EQ(pthread_create(&threads[i], NULL, fake_main, fake), 0);
	}
	for (unsigned i = 0; i < count; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* A member of such a crowd, for tests that need no more than this. */
struct player {
	unsigned index, rounds;
	uint64_t result;
};
static struct player players[CPU_MAX];

/* `count` threads run fn with players 0..count-1. Returns the sum of their results. */
static inline uint64_t fake_play(unsigned count, unsigned rounds, void (*fn)(void *player))
{
	host_cpus_set(count + 1);
	for (unsigned i = 0; i < count; i++)
		players[i] = (struct player){.index = i, .rounds = rounds};
	fake_run(count, fn, players, sizeof(players[0]));
	uint64_t sum = 0;
	for (unsigned i = 0; i < count; i++)
		sum += players[i].result;
	return sum;
}

/* Makes the test's own Unix thread a kernel thread, on CPU 0. */
static inline void fake_become_thread(void)
{
	static struct fake_thread *self; /* kept where the leak checker sees it */
	self = fake_create(0, NULL, NULL);
	this_cpu_write(current_thread_ptr, &self->thread);
}
