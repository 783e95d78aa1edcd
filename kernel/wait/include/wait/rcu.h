/*
 * Read-copy-update: readers of rarely written data run without lock or atomic; writers publish a new version and free the old one
 * when every reader that could have seen it is gone. A reader keeps preemption off, so a CPU that has switched
 * threads, idles or (later) runs user code holds no old reference.
 *
 *     reader:  rcu_read_lock(); p = rcu_dereference(shared); ... use *p, without sleeping ...; rcu_read_unlock();
 *     writer:  (its own lock) old = shared; rcu_assign(shared, new); rcu_call(&old->rcu, free_it);
 *
 * Readers may be anywhere: threads, interrupt handlers, sections with preemption or interrupts off for another reason.
 */
#pragma once

#include <lib/atomic.h>
#include <sync/preempt.h>

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};

static inline void rcu_read_lock(void)
{
	preempt_disable();
}

static inline void rcu_read_unlock(void)
{
	preempt_enable();
}

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_assign(p, v)   __atomic_store_n(&(p), v, __ATOMIC_RELEASE)

/* Calls fn in a thread after a grace period; fn must not sleep for long, nor wait for a grace period. Those of one CPU run in
 * the order in which they were queued. Context: any, but no lock of rank RANK_WAIT_QUEUE or above: it may wake a thread. */
void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *head));
/* Waits for a grace period. Context: may sleep. */
void rcu_synchronize(void);
/* Waits until all callbacks queued so far have run. Context: may sleep. */
void rcu_barrier(void);

struct rcu_stats {
	uint64_t grace_periods, callbacks_queued, callbacks_run;
	uint64_t nudges; /* CPUs interrupted, because they stayed in one thread too long */
};
void rcu_stats(struct rcu_stats *stats);

/* Starts the thread that calls; until then callbacks queue up. Boot only. */
void rcu_init(void);
