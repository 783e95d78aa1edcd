/*
 * One CPU under simulated time: threads that compute and sleep by turns, and the steps of schedule.c acted out on a real run
 * queue. One tick is a nanosecond. The simulator keeps, for each thread, what it got and the longest it waited for a turn that
 * served it: as long as it wanted, or a millisecond at least.
 */
#pragma once

#include "run_queue.h"

#define US          1000ull
#define MS          1000000ull
#define SIM_THREADS 256
#define SIM_NEVER   UINT64_MAX

struct sim_thread {
	struct thread thread;
	uint64_t run_for;   /* how long each burst is; SIM_NEVER: it does not block */
	uint64_t sleep_for; /* between two bursts */
	uint32_t jitter;    /* 0: exact; else both vary by a random factor below two */
	uint64_t left;      /* of the burst that it is in */
	uint64_t wakes_at;  /* SIM_NEVER: it does not sleep */
	uint64_t got, bursts, waited_max, ready_since, turn_start;
};

struct sim {
	struct run_queue rq;
	struct thread idle;
	struct sim_thread threads[SIM_THREADS];
	unsigned count;
	uint64_t now, seed, switches;
	uint64_t lateness; /* the timer may come up to so much too late */
	void (*on_switch)(struct sim *sim, struct sim_thread *to);
};

struct sim *sim_create(void);
void sim_destroy(struct sim *sim);
/* Ready at once. */
struct sim_thread *sim_add(
    struct sim *sim, enum thread_priority priority, uint64_t run_for, uint64_t sleep_for);
struct sim_thread *sim_add_rt(struct sim *sim, enum sched_policy policy, unsigned rt_priority,
    uint64_t run_for, uint64_t sleep_for);
void sim_run(struct sim *sim, uint64_t duration);
struct sim_thread *sim_running(struct sim *sim); /* NULL: idle */
void sim_yield(struct sim *sim);                 /* the running thread does */
/* Every invariant of the run queue that can be seen from outside. */
void sim_check(const struct sim *sim);
