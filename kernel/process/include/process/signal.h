/*
 * Signals. They are messages in a queue: of a thread or of a process. Nothing runs asynchronously in the kernel: a signal wakes its
 * target, waits end with -EINTR, and on the way back to user mode the thread takes messages off the queue and acts.
 *
 * Locking: signal_state.lock (spin, RANK_SIGNAL) guards the queues of the process and its threads, handlers, masks as
 * others see them, stop and continue.
 */
#pragma once

#include <arch/user.h>
#include <lib/list.h>
#include <sync/spinlock.h>
#include <time/timer.h>
#include <wait/interruptible.h>

struct process;
struct task;

#define SIGNAL_COUNT  64
#define signal_bit(n) (1ull << ((n)-1))

/* Linux's siginfo, its used part, as user space sees it. */
struct signal_info {
	int32_t signal, error, code, padding;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			union {
				uint64_t value;
				int32_t status; /* SIGCHLD */
			};
			int64_t user_ticks, system_ticks;
		};
		struct {
			int32_t timer_id, overrun; /* SI_TIMER; `value` is where it is for others */
		};
		uint64_t address; /* faults */
		uint64_t words[4];
	};
};
static_assert(sizeof(struct signal_info) == USER_SIGINFO_WORDS * sizeof(uint64_t), "words");

struct signal_message {
	struct list link;
	struct signal_info info;
	bool is_static;  /* belongs to a timer, thread or process: not freed */
	bool is_queued;  /* s: of a static one */
	bool is_counted; /* s: for RLIMIT_SIGPENDING */
	/* s: told when it is off the queue, with what is delivered, or NULL when it is dropped. May be NULL. */
	void (*taken)(struct signal_message *message, struct signal_info *info);
	void *sender; /* I: taken's own */
};

struct signal_queue {
	uint64_t pending; /* bits */
	struct list messages;
};

/* As rt_sigaction has it in the program's memory. */
struct signal_action {
	uaddr_t handler; /* SIG_DFL 0, SIG_IGN 1 */
	uint64_t flags;
	uaddr_t restorer;
	uint64_t mask;
};

/* Shared by CLONE_SIGHAND. */
struct signal_handlers {
	uint32_t refs;        /* a */
	struct spinlock lock; /* taken below each signal lock when processes share the handlers */
	struct signal_action actions[SIGNAL_COUNT];
};

/* Interval timers: setitimer(2)'s numbers. */
enum signal_timer_kind {
	SIGNAL_TIMER_REAL,
	SIGNAL_TIMER_VIRTUAL,
	SIGNAL_TIMER_PROF,
	SIGNAL_TIMER_COUNT
};
struct signal_timer {
	struct timer timer;
	enum signal_timer_kind kind; /* I */
	struct process *process;     /* I */
	nsec_t deadline, interval;   /* s: on its clock; 0: off */
	struct signal_message message;
};

/* Of a process. */
struct signal_state {
	struct spinlock lock;
	struct signal_queue shared;
	struct signal_message own; /* for the next signal, when it does not wait for somebody yet */
	uint32_t queued;           /* for RLIMIT_SIGPENDING */
	/* What every thread does on its way to user mode before it takes a signal. */
	union {
		struct {
			bool group_exit;       /* exits: the process ends */
			bool group_stop;       /* stops, until SIGCONT or the end */
			bool notify_continued; /* one of them tells the parent */
			bool is_executing;     /* exits, unless it is exec_task */
		};
		uint32_t for_all; /* a: any of these, seen at once */
	};
	bool stop_dequeued; /* a stop signal has been taken, and no SIGCONT has come since */
	bool continued, stop_reported; /* for wait4 */
	int group_exit_status, stop_signal;
	struct signal_timer timers[SIGNAL_TIMER_COUNT];
	struct list
	    unfreed; /* messages that were dropped in an interrupt, where nothing is freed */
	struct list posix_timers; /* <process/posix_timer.h> */
	struct list forks;        /* s: children that are being made, as struct fork_signals */
	uint64_t posix_timer_count;
	int next_posix_timer;
	struct wait_queue watchers; /* who waits by signalfd; told under the lock above */
};

/*
 * Sending. Checks of permission are the callers'. 0 or -errno (-EAGAIN: queue full). Context: thread, preemption may be off; no lock of
 * rank RANK_SIGNAL or above.
 */
int signal_send_process(struct process *process, const struct signal_info *info);
int signal_send_task(struct task *task, const struct signal_info *info);
int signal_send_group(uint32_t pgid, const struct signal_info *info); /* -ESRCH: empty */
/* To a group, or (0) to everybody but the first process and the caller, as far as `check` gives 0, which may not sleep; signal 0: only checks. */
typedef int (*signal_check_t)(struct process *target, int signal);
int signal_send_many(uint32_t group, const struct signal_info *info, signal_check_t check);
/* The sender's own message, whose info is filled: nothing is allocated. One that is still queued stays as it is. Context: any but NMI. */
void signal_send_message(struct process *process, struct signal_message *message);
void signal_send_message_to(struct task *task, struct signal_message *message);
/* A fault of the current thread: cannot be blocked or ignored; kills if it is, and says false. */
bool signal_force(const struct signal_info *info);
struct signal_info signal_info_kernel(int signal);
struct signal_info signal_info_user(int signal, int code); /* from the current process */

/* The current thread's mask: what is taken off it may be delivered at once. */
void signal_set_mask(uint64_t mask);
/*
 * ppoll, pselect6, rt_sigsuspend: another mask for the time of the call. Afterwards the old one comes back: at once, or, when a signal
 * ended the call, after its handler has been set up.
 */
void signal_mask_begin(uint64_t mask);
void signal_mask_end(bool is_interrupted);
/* What waits for the current thread, blocked or not. */
uint64_t signal_pending_set(void);
/* Takes one of `set` off the queues. False: none there. */
bool signal_dequeue(uint64_t set, struct signal_info *info);
/* Other signals of `set` are no reason to be killed or interrupted for: rt_sigtimedwait takes them. */
void signal_wait_set(uint64_t set);
/* As a whole siginfo, of which the rest is zero. 0 or -EFAULT. */
MUST_USE int signal_info_put(uaddr_t to, const struct signal_info *info);
/* rt_sigaction: either address may be null. Unknown flags are dropped. */
MUST_USE int64_t signal_change_action(int signal, uaddr_t act, uaddr_t old);

/* Interval timers of the current process; zero: off. set returns what was. */
struct signal_interval {
	nsec_t left, interval;
};
struct signal_interval signal_timer(enum signal_timer_kind kind);
struct signal_interval signal_set_timer(enum signal_timer_kind kind, struct signal_interval value);

MUST_USE struct signal_handlers *signal_handlers_create(void);
struct signal_handlers *signal_handlers_get(struct signal_handlers *handlers);
MUST_USE struct signal_handlers *signal_handlers_clone(struct signal_handlers *from);
void signal_handlers_put(struct signal_handlers *handlers);
/* execve: caught signals go back to their defaults, ignored ones stay ignored. */
void signal_handlers_reset_on_exec(struct signal_handlers *handlers);
/* Throws away what waits. */
void signal_flush(struct signal_state *state, struct signal_queue *queue);
void signal_queue_init(struct signal_queue *queue);
void signal_state_init(struct process *process);
void signal_state_destroy(struct signal_state *state);
/* Wakes a thread so that it looks at its signals, whatever it waits for. Context: any. */
void signal_notify_task(struct task *task);
