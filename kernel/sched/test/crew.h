/* Threads for tests: they share a struct crew, know their number, and are started, stopped and joined together. */
#pragma once

#include <sched/thread.h>

#define CREW_MAX 64

struct crew;
struct crew_member {
	struct crew *crew;
	struct thread *thread;
	unsigned number;
	uint64_t count;      /* a: the member's own, for progress */
	uint64_t last_seen;  /* TSC: when it last called crew_own_ticks */
	uint64_t run_before; /* its run_ticks when the window began */
	cpumask_t cpus_seen; /* a */
};

struct crew {
	void (*work)(struct crew_member *member);
	void *shared;
	bool stop; /* a */
	unsigned size;
	struct crew_member members[CREW_MAX];
};

/* Adds a member that does crew->work once; it is not started. */
struct crew_member *crew_add(struct crew *crew, const char *name, cpumask_t affinity);
void crew_start(struct crew *crew);
/* Says stop, waits for all, and lets go of them. */
void crew_finish(struct crew *crew);
bool crew_should_stop(const struct crew *crew);

/* Called by a member again and again while it computes: the time since the last call, or 0 when that was so long that something
 * else ran meanwhile, in this machine or on its host. */
uint64_t crew_own_ticks(struct crew_member *member);

uint64_t crew_scheduled_us(const struct crew_member *member);

/* Work: counts, and notes the CPUs it runs on, until told to stop; never yields. */
void crew_spin(struct crew_member *member);

/* Where a spinning member runs during the next while. */
cpumask_t crew_cpus_from_now(struct crew_member *member, uint64_t duration_ns);

/* Computes for so long of its own CPU time, as far as it can tell: gaps are not counted. */
void compute_for(uint64_t duration_ns);
/* The test continues on one CPU only, and returns to where it may go at the end. */
void stay_on(unsigned cpu);
void stay_anywhere(void);

/* Skips the test where there are fewer. */
void require_cpus(unsigned count);
unsigned last_cpu(void);

/*
 * The machine below may be shared: its processors stand still for tens of milliseconds at any time, and its timers come late. So
 * a test looks at one window of time after the other until one is as it should be: a host spoils some of them, a
 * scheduler that is wrong all.
 */
#define PATIENCE_NS (20 * NSEC_PER_SEC)

/* Looks at windows of the given length. */
bool comes_true(bool (*check)(struct crew *crew), struct crew *crew, nsec_t window);
/* Each window is twice as long as the one before: time that the host takes away is charged to whoever runs just then, and made up
 * for later, so that shares become exact in the long run, and only there. */
bool comes_true_in_time(bool (*check)(struct crew *crew), struct crew *crew, nsec_t window);
