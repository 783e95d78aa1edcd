/*
 * A crew: some threads that run the same function in a self-test, each with a number, spread over the CPUs or wherever the scheduler
 * puts them. Their memory is the crew's, so that nothing is left behind.
 */
#pragma once

#include <arch/percpu.h>
#include <lib/random.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <test/selftest.h>

struct crew_member {
	struct thread *thread;
	unsigned index;
	uint64_t rounds, random, result;
	void (*work)(struct crew_member *self);
};

static inline unsigned crew_cpus(void)
{
	return (unsigned)__builtin_popcountll(atomic_load(&cpu_online_mask));
}

static inline void crew_main(void *arg)
{
	struct crew_member *self = arg;
	self->work(self);
}

/* Whether every member could be made; those that were, run. */
static inline bool crew_start(struct crew_member *crew, unsigned count, bool is_spread,
    uint64_t rounds, void (*work)(struct crew_member *self))
{
	uint64_t random = selftest_seed();
	for (unsigned i = 0; i < count; i++) {
		struct crew_member *member = &crew[i];
		*member = (struct crew_member){
		    .index = i, .rounds = rounds, .random = random_next(&random), .work = work};
		member->thread = thread_create("crew", crew_main, member);
		if (!member->thread)
			return false;
		/* CPUs are numbered without gaps, but one may have failed to start. */
		cpumask_t cpu = cpumask_of(i % crew_cpus());
		if (is_spread && thread_set_affinity(member->thread, cpu))
			selftest_fail(__FILE__, __LINE__, "cannot go to CPU %u", i % crew_cpus());
		thread_start(member->thread);
	}
	return true;
}

/* Waits for those that were started; returns the sum of the results. */
static inline uint64_t crew_join(struct crew_member *crew, unsigned count)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < count && crew[i].thread; i++) {
		thread_join(crew[i].thread);
		thread_put(crew[i].thread);
		sum += crew[i].result;
	}
	return sum;
}

/* Spread over the CPUs: member i on CPU i modulo their number. Returns the sum of the results. */
static inline uint64_t crew_run(
    unsigned count, uint64_t rounds, void (*work)(struct crew_member *self))
{
	struct crew_member *crew = kmalloc_array(count, sizeof(*crew));
	CHECK(crew);
	CHECK(crew_start(crew, count, true, rounds, work));
	uint64_t sum = crew_join(crew, count);
	kfree(crew);
	return sum;
}

/* Wherever the scheduler likes. */
static inline uint64_t crew_run_free(
    unsigned count, uint64_t rounds, void (*work)(struct crew_member *self))
{
	struct crew_member *crew = kmalloc_array(count, sizeof(*crew));
	CHECK(crew);
	CHECK(crew_start(crew, count, false, rounds, work));
	uint64_t sum = crew_join(crew, count);
	kfree(crew);
	return sum;
}
