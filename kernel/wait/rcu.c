/*
 * Grace periods. One thread takes whatever callbacks all CPUs have queued, waits until every CPU has passed a quiescent state
 * (<sync/preempt.h>), and runs them; what is queued meanwhile is the next batch, so the more there is to do, the fewer grace
 * periods each callback costs.
 *
 * A CPU that idles counts as quiescent and is left asleep. One that stays in the same thread is asked to reschedule after
 * a while.
 *
 * Locking: queues are pushed by compare-and-swap and taken whole, by any context.
 */
#include <arch/smp.h>
#include <log/assert.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <wait/completion.h>
#include <wait/mutex.h>
#include <wait/rcu.h>

/* A batch gathers for so long, or until it is large: two context switches a callback would cost more than all else. */
#define GATHER_NS  NSEC_PER_MSEC
#define GATHER_MAX 1024u

#define FIRST_PAUSE_NS (500 * NSEC_PER_USEC)
#define LAST_PAUSE_NS  (8 * NSEC_PER_MSEC)

static PER_CPU(struct rcu_head *, rcu_queue); /* a: newest first */
static PER_CPU(uint64_t, rcu_queued);

static struct wait_queue rcu_work = WAIT_QUEUE_INIT(rcu_work);
static bool is_urgent;                       /* a: somebody waits, or there is much: no gathering */
static const struct thread *callback_thread; /* I */
static uint64_t grace_periods, callbacks_run, nudges; /* a: written by the thread */

/* True when the queue was empty. Once pushed, the callback may run and the head be gone. */
static bool push(struct rcu_head **queue, struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	struct rcu_head *newest = atomic_load(queue);
	head->fn = fn;
	do
		head->next = newest;
	while (!atomic_cas(queue, &newest, head));
	return !newest;
}

static void wake_at_once(void)
{
	atomic_store(&is_urgent, true);
	wait_wake_one(&rcu_work);
}

void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	preempt_disable();
	this_cpu_inc(rcu_queued);
	bool is_much = this_cpu_read(rcu_queued) % GATHER_MAX == 0;
	bool was_empty = push(this_cpu_ptr(rcu_queue), head, fn);
	preempt_enable();
	if (unlikely(is_much))
		wake_at_once();
	else if (was_empty)
		wait_wake_one(&rcu_work);
}

static bool is_anything_queued(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		if (atomic_load(per_cpu_ptr(rcu_queue, cpu)))
			return true;
	return false;
}

/* All queues, each in order of age. */
static struct rcu_head *take_batch(void)
{
	struct rcu_head *batch = NULL;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		struct rcu_head *head = atomic_swap(per_cpu_ptr(rcu_queue, cpu), NULL);
		/* From newest to oldest, each before what is there already. */
		while (head) {
			struct rcu_head *older = head->next;
			head->next = batch;
			batch = head;
			head = older;
		}
	}
	return batch;
}

static cpumask_t still_waiting(cpumask_t cpus, const uint32_t *counts)
{
	cpumask_t waiting = 0;
	for_each_cpu_in(cpu, cpus) {
		uint32_t count = atomic_load_acquire(per_cpu_ptr(quiescent_count, cpu));
		if (count == counts[cpu] && !(count & 1))
			waiting |= cpumask_of(cpu);
	}
	return waiting;
}

static void nudge(cpumask_t cpus)
{
	for_each_cpu_in(cpu, cpus) {
		atomic_store(per_cpu_ptr(need_resched, cpu), true);
		smp_send_ipi(cpu, IPI_RESCHEDULE);
		atomic_store(&nudges, nudges + 1);
	}
}

static void wait_for_grace_period(void)
{
	uint32_t counts[CPU_MAX];
	/* What was unpublished before is not found any more by a section that begins after its CPU's next barrier. */
	atomic_fence();
	cpumask_t waiting = atomic_load(&cpu_online_mask);
	for_each_cpu_in(cpu, waiting)
		counts[cpu] = atomic_load(per_cpu_ptr(quiescent_count, cpu));
	/* Where this thread runs, no section is open. */
	waiting &= ~cpumask_of(this_cpu());

	nsec_t pause = FIRST_PAUSE_NS;
	while ((waiting = still_waiting(waiting, counts))) {
		if (pause > FIRST_PAUSE_NS)
			nudge(waiting);
		thread_sleep(pause);
		pause = min(pause * 2, (nsec_t)LAST_PAUSE_NS);
	}
	atomic_fence();
	atomic_store(&grace_periods, grace_periods + 1);
}

static void run(struct rcu_head *batch)
{
	while (batch) {
		struct rcu_head *head = batch;
		batch = head->next;
		atomic_store(&callbacks_run, callbacks_run + 1);
		head->fn(head);
	}
}

static void rcu_thread(void *unused)
{
	(void)unused;
	for (;;) {
		int result = wait_until(&rcu_work, is_anything_queued(), NSEC_MAX);
		(void)result;
		result = wait_until(&rcu_work, atomic_load(&is_urgent), uptime_ns() + GATHER_NS);
		(void)result;
		atomic_store(&is_urgent, false);
		struct rcu_head *batch = take_batch();
		wait_for_grace_period();
		run(batch);
	}
}

struct synchronize {
	struct rcu_head head;
	struct completion done;
};

static void synchronized(struct rcu_head *head)
{
	completion_signal(&container_of(head, struct synchronize, head)->done);
}

void rcu_synchronize(void)
{
	assert_may_sleep();
	debug_assert(current_thread() != callback_thread); /* a callback would wait for itself */
	struct synchronize sync;
	completion_init(&sync.done);
	rcu_call(&sync.head, synchronized);
	wake_at_once();
	completion_wait(&sync.done);
}

/* One callback behind all others on every CPU's queue; the last of them to run tells. */
static struct mutex barrier_mutex;
static struct rcu_head barrier_heads[CPU_MAX]; /* barrier_mutex */
static uint32_t barrier_left;                  /* a */
static struct completion barrier_done;

static void barrier_reached(struct rcu_head *head)
{
	(void)head;
	if (atomic_fetch_sub(&barrier_left, 1) == 1)
		completion_signal(&barrier_done);
}

void rcu_barrier(void)
{
	debug_assert(current_thread() != callback_thread);
	mutex_lock(&barrier_mutex);
	completion_init(&barrier_done);
	atomic_store(&barrier_left, cpu_count);
	this_cpu_add(rcu_queued, cpu_count);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		push(per_cpu_ptr(rcu_queue, cpu), &barrier_heads[cpu], barrier_reached);
	wake_at_once();
	completion_wait(&barrier_done);
	mutex_unlock(&barrier_mutex);
}

void rcu_stats(struct rcu_stats *stats)
{
	*stats = (struct rcu_stats){
	    .grace_periods = atomic_load(&grace_periods),
	    .callbacks_run = atomic_load(&callbacks_run),
	    .nudges = atomic_load(&nudges),
	};
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		stats->callbacks_queued += atomic_load(per_cpu_ptr(rcu_queued, cpu));
}

void rcu_init(void)
{
	/* Whoever runs out of memory comes here under what he holds: vm_await_freed. */
	mutex_init(&barrier_mutex, "rcu barrier", RANK_MUTEX_LAST);
	struct thread *thread = thread_create("rcu", rcu_thread, NULL);
	if (!thread || thread_set_priority(thread, PRIORITY_HIGH))
		panic("no memory for the RCU thread");
	callback_thread = thread;
	thread_start(thread);
	thread_put(thread);
}
