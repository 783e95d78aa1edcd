/*
 * Threads, and the calls that make them run and wait. docs/scheduler.md explains the policy.
 *
 * Life cycle:   thread_create            -> THREAD_NEW
 *               thread_start             -> THREAD_READY
 *               the scheduler            READY <-> RUNNING
 *               thread_block             RUNNING -> BLOCKED
 *               thread_wake              BLOCKED -> READY
 *               thread_exit              RUNNING -> TERMINATED, once it has switched away
 *               thread_join, or thread_put of the last reference, frees the stack; the latter also the struct
 *
 * Waiting without losing a wake-up: say so first, check the condition, then block. thread_wake on a thread that has said so
 * but not yet blocked makes thread_block return at once.
 *
 *     thread_prepare_to_block();
 *     if (!condition) thread_block(deadline); else thread_cancel_block();
 *
 * A wake-up that comes late may end the next wait of the same thread: always check the condition again.
 * Use <wait/...> rather than this directly.
 *
 * Locking: a thread's scheduling state is guarded by the lock of the run queue of thread->cpu, which is held across the switch
 * away from the thread: whoever holds it sees a thread that either runs or is saved completely.
 */
#pragma once

#include <arch/context.h>
#include <arch/percpu.h>
#include <lib/atomic.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <sync/spinlock.h>
#include <time/timer.h>

enum thread_state {
	THREAD_NEW,
	THREAD_READY, /* in the run queue of its CPU */
	THREAD_RUNNING,
	THREAD_BLOCKED,
	THREAD_MOVING, /* between two run queues, in the hands of whoever took it from the first */
	THREAD_TERMINATED,
};

enum thread_priority {
	PRIORITY_IDLE, /* only when nothing else wants the CPU, and still within the starvation bound */
	PRIORITY_LOW,
	PRIORITY_NORMAL,
	PRIORITY_HIGH,
	PRIORITY_REALTIME, /* FIFO or RR, by thread->rt_priority 1..99 */
};

enum sched_policy {
	POLICY_FAIR,
	POLICY_FIFO,
	POLICY_RR,
};

/* Which of the three queues, by the moving average of how long the thread runs before it blocks. */
enum sched_queue {
	QUEUE_HOT,    /* < 1 ms */
	QUEUE_NORMAL, /* 1..10 ms */
	QUEUE_COLD,   /* > 10 ms */
	QUEUE_COUNT,
};

#define THREAD_NAME_MAX 16

/* What the next thread on the CPU must still do for the one that it replaced. */
enum thread_aftermath {
	AFTER_NOTHING,
	AFTER_MOVE, /* this CPU left its affinity: find it another */
	AFTER_EXIT, /* tell those who join */
};

struct run_queue_level;

#define SCHED_RR_TURN_MS 100 /* what sched_rr_get_interval(2) tells */

/*
 * Letters: I immutable, a atomic, r the lock of the run queue of thread->cpu, c the CPU that it runs on only,
 * t thread->lock, g the thread list's lock.
 */
struct thread {
	struct context context;  /* c: saved while not running */
	uint32_t user_work;      /* a: enum user_work; its offset is known to assembly */
	struct rb_node run_node; /* r: fair: by vruntime */
	struct list run_link;    /* r: fair: by age; real time: its priority's list */
	uint64_t vruntime;       /* r: TSC ticks, weighted */
	struct run_queue_level *
	    vruntime_of; /* r: the level whose clock vruntime is told in; NULL once it belongs to another */
	uint64_t enqueued_at;     /* r: TSC: since when it waits for the CPU */
	uint64_t burst_start;     /* c: TSC: up to when its time has been accounted */
	uint64_t burst_ticks;     /* c: run since it last blocked */
	uint64_t burst_limit;     /* r: a longer burst sinks it a queue deeper */
	uint64_t ema_ticks;       /* r: moving average of a burst */
	uint64_t run_ticks;       /* c: total */
	uint64_t switches;        /* c: how often it was switched to */
	uint64_t blocks;          /* c: how often it left the CPU to wait */
	uint64_t minor_faults;    /* c: pages of user memory that it brought in: kernel/vm counts */
	uint32_t vruntime_rate;   /* r: vruntime per tick, in 1/1024 */
	uint32_t state;           /* r: enum thread_state; read with atomic_load */
	uint32_t cpu;             /* r: where it is queued, runs or ran last */
	uint8_t policy;           /* r: enum sched_policy */
	uint8_t priority;         /* r: enum thread_priority */
	uint8_t rt_priority;      /* r: 1..99, or 0 */
	uint8_t queue;            /* r: enum sched_queue */
	uint8_t aftermath;        /* r: enum thread_aftermath */
	bool is_waiting;          /* a: between thread_prepare_to_block and the wake-up */
	bool is_idle;             /* I: a CPU's idle thread: never queued */
	bool has_exited;          /* t */
	cpumask_t affinity;       /* r */
	int block_result;         /* r: what thread_block returns */
	int exit_code;            /* c, then I */
	struct timer block_timer; /* deadline of thread_block */
	uint32_t refs;            /* a */
	uint32_t id;              /* I */
	void *stack; /* I until it has exited, then t: lowest address; NULL: not ours to free */
	void (*entry)(void *arg); /* I */
	void *arg;                /* I */
	struct spinlock lock;
	struct list joiners;        /* t */
	struct list all_link;       /* g */
	char name[THREAD_NAME_MAX]; /* I */
	/* The user side, NULL in kernel threads: what <process/process.h> and <arch/user.h> keep. */
	struct task *task;       /* I */
	struct user_state *user; /* I */
	struct cap_table *
	    capabilities; /* c: of the process, with a reference of this thread's own; NULL in kernel threads */
#if CONFIG_DEBUG
	struct lock_stack held_locks; /* c: mutexes and the like (kernel/wait) */
#endif
};

DECLARE_PER_CPU(struct thread *, current_thread_ptr);

static inline struct thread *current_thread(void)
{
	return this_cpu_read(current_thread_ptr);
}

/* NULL when out of memory. Normal priority, any CPU, one reference (the caller's); the thread itself holds another
 * from thread_start until it has exited. Context: may sleep. */
MUST_USE struct thread *thread_create(const char *name, void (*entry)(void *arg), void *arg);
/* Before the start of a program's thread: what its parent, the current thread, has run without a pause counts as its own. */
void thread_inherit(struct thread *thread);
/* Once only. Context: any. */
void thread_start(struct thread *thread);
/* Both at once, and no reference kept: for threads that nobody waits for. 0 or -ENOMEM. */
MUST_USE int thread_spawn(const char *name, void (*entry)(void *arg), void *arg);
/* Returning from entry is thread_exit(0). */
NORETURN void thread_exit(int code);
/* Waits until it has terminated and its stack is freed; returns its exit code. The caller holds a reference, before and
 * after. Context: may sleep. */
int thread_join(struct thread *thread);
void thread_get(struct thread *thread);
/* Context: may sleep. A thread that was never started must not be put while somebody could still start it. */
void thread_put(struct thread *thread);

/* -EINVAL for a combination that makes no sense. Takes effect at once, also on a running thread. */
MUST_USE int thread_set_policy(
    struct thread *thread, enum sched_policy policy, unsigned rt_priority);
MUST_USE int thread_set_priority(struct thread *thread, enum thread_priority priority);
/* -EINVAL when no CPU of the mask is online. A thread that runs elsewhere has moved when this returns. */
MUST_USE int thread_set_affinity(struct thread *thread, cpumask_t cpus);

void thread_prepare_to_block(void);
void thread_cancel_block(void);
/* 0: woken; -ETIMEDOUT: the deadline (uptime; NSEC_MAX: none) passed. */
int thread_block(nsec_t deadline);
/* True when this call ended its wait. Context: any. */
bool thread_wake(struct thread *thread);

/* Whether it runs on some CPU at this moment: worth spinning for. Context: any. */
static inline bool thread_is_running(const struct thread *thread)
{
	return atomic_load(&thread->state) == THREAD_RUNNING;
}

/* Lets every other ready thread of this CPU go first; a real-time thread only those of its priority and above. Context: a thread
 * that may sleep. */
void sched_yield(void);
/* Context: may sleep. */
void thread_sleep_until(nsec_t deadline);
void thread_sleep(nsec_t duration);

/*
 * How a thread that waits came to where it does: return addresses, innermost first; how many, at most `max`; 0: it does not wait now. The first of
 * them that is no address of waiting belongs to the function that waits. Context: any.
 */
unsigned thread_callers(struct thread *thread, uintptr_t *addresses, unsigned max);
bool address_is_of_waiting(uintptr_t address);

struct sched_stats {
	uint64_t switches, preemptions, steals, pushes, wakeups, overdue, idle_ticks;
	unsigned queued[QUEUE_COUNT], queued_idle, queued_rt;
	unsigned timer_arms; /* how often the slice timer was set */
	bool is_slice_timer_armed;
};
void sched_stats_of_cpu(unsigned cpu, struct sched_stats *stats);
/* Calls fn with each thread; fn must not sleep. */
void thread_for_each(void (*fn)(struct thread *thread, void *ctx), void *ctx);
unsigned thread_count(void);

/* A hook, defined above: one of the two has a user side. What belongs to user mode is switched: address space, vector
 * registers, segment bases. Context: the run queue's lock is held, still on the old stack. */
void sched_switch_user(struct thread *prev, struct thread *next);

/*
 * Boot. sched_init: the boot context becomes the first thread, "main"; needs memory, clock and timers. sched_start_cpu: the
 * calling context becomes this CPU's idle thread, or, on the boot CPU, ends: its idle thread exists already.
 */
void sched_init(void);
NORETURN void sched_start_cpu(void);
