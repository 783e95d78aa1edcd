/*
 * A process: threads that share an identity, a table of capabilities, an address space and signal handlers. A thread of a process is a
 * kernel thread (struct thread) with a user side (struct task).
 *
 * Life cycle: process_create_first or process_clone creates it; RUNNING; when its last thread has exited it is a ZOMBIE with nothing left but its
 * numbers until the parent waits for it (at once when the parent ignores SIGCHLD); then its pid is free again.
 *
 * Locking: `process_tree_lock` (spin, RANK_PROCESS_TREE) guards parent/child links, groups, sessions and states of all processes; look-ups
 * by pid go by RCU. Letters: I immutable, a atomic, t tree lock, s signal->lock, o own threads only.
 */
#pragma once

#include <arch/user.h>
#include <credentials/credentials.h>
#include <object/capability.h>
#include <process/signal.h>
#include <sched/thread.h>
#include <vfs/vfs.h>
#include <vm/address_space.h>
#include <wait/rcu.h>

struct tty;

#define RLIMIT_COUNT           16
#define TIMER_SLACK_DEFAULT_NS 50000
#define PID_LIMIT              32768 /* pids are below */
struct rlimit_pair {
	uint64_t current, maximum;
};

/* Pids, group ids and session ids come from one space; a number stays taken while any of the three uses it. */
struct pid {
	uint32_t number;
	uint32_t refs;           /* a */
	struct task *task;       /* RCU: the thread with this tid */
	struct process *process; /* RCU: the process with this pid */
	struct list group;       /* t: members of the process group */
	struct list session;     /* t: groups' leaders … members of the session */
	struct rcu_head rcu;
};

/*
 * What threads have used. CPU time is exact; how much of it was the kernel's is known from samples (usage.c).
 */
struct usage_counts {
	uint64_t cpu_ns, user_samples, system_samples;
	uint64_t minor_faults, voluntary_switches, involuntary_switches;
};
struct cpu_split {
	uint64_t user_ns, system_ns; /* neither ever goes back */
};
struct process_usage {
	struct cpu_split time;
	uint64_t minor_faults, major_faults, voluntary_switches, involuntary_switches;
	uint64_t peak_resident; /* pages */
};

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ZOMBIE, PROCESS_DEAD };

struct process {
	uint32_t refs;                        /* a */
	uint32_t state;                       /* t; a between RUNNING and STOPPED */
	struct pid *pid;                      /* I */
	struct process *parent;               /* t */
	struct list children, sibling;        /* t */
	struct list tasks;                    /* t, s to write */
	uint32_t task_count;                  /* a: live threads */
	struct pid *group, *session;          /* t */
	struct list group_link, session_link; /* t */
	struct tty *tty;                      /* t: controlling terminal, of the session */

	struct address_space *space;    /* I after exec by the only thread */
	struct cap_table *capabilities; /* likewise; its references are the threads' */
	struct file_context *files_context;
	struct signal_handlers *handlers;
	struct signal_state signals; /* shared pending set, stop and continue, timers */

	struct rlimit_pair limits[RLIMIT_COUNT]; /* s */
	struct object *executable;               /* t: executable_get's; /proc/PID/exe */
	int exit_status;                         /* as wait4 gives it */
	int exit_signal;                         /* I: to the parent, SIGCHLD usually */
	bool has_execed, is_subreaper, membarrier_registered;
	struct keyrings *keyrings; /* o: kernel/keys; NULL: it has none */
	bool undoes_semaphores;    /* a: there is something for sysv_exit_process to do */
	int8_t nice;
	int16_t oom_score_adj;
	uint32_t dumpable, personality;
	uint32_t core_filter; /* a: what goes into a core dump: core(5) */
	uint32_t exit_uid;
	char exit_name[THREAD_NAME_MAX]; /* t: of the last thread, for those who look at a zombie */
	struct wait_queue child_exit;    /* wait4 sleeps here */
	struct wait_queue
	    task_exit;   /* execve waits for the other threads, poll on a pidfd for the last */
	bool is_watched; /* a: there is a pidfd */
	struct task *exec_task;      /* t: the thread that all others give way to: in execve; */
	bool is_dumping;             /* t to write, a: or writing a core dump: they wait; */
	struct list parked;          /* s: here (core.c) */
	uint32_t parked_count;       /* s to write, a */
	uint64_t start_ns;           /* uptime */
	struct usage_counts gone;    /* s: of threads that have ended */
	uint64_t peak_resident;      /* o: of address spaces that it has left, pages */
	struct cpu_split split;      /* s: as it was last told; final once it is a zombie */
	struct process_usage reaped; /* t: of children waited for */
	uint64_t cpu_limit_told;     /* s: second of CPU time at which SIGXCPU was last sent */
	struct signal_message cpu_limit_message;
	struct rcu_head rcu;
};

/* The user side of a thread. thread->task points here, NULL in kernel threads. */
struct task {
	struct thread *thread;           /* I */
	struct process *process;         /* I */
	struct pid *pid;                 /* I: tid */
	struct list link;                /* t, s to write: process->tasks */
	struct credentials *credentials; /* o to write, RCU to read */
	struct signal_queue pending;     /* signal lock: signals for this thread only */
	uint64_t blocked;                /* o to write under the signal lock */
	uint64_t saved_mask;             /* o: rt_sigsuspend, ppoll: put back after the handler */
	uint64_t wait_set;               /* s: what rt_sigtimedwait waits for */
	bool has_saved_mask;             /* o */
	bool is_stopped;                 /* s: sleeps until SIGCONT */
	bool is_gone;                    /* s: off process->tasks: signals pass it by */
	struct signal_message fault;     /* s: a fault must be told even without memory */
	struct user_exception exception; /* o: the last one, for signal frames */
	struct user_alt_stack alt_stack; /* o */
	uaddr_t set_child_tid, clear_child_tid, robust_list; /* o */
	uint64_t user_samples, system_samples;               /* a: usage.c */
	struct cpu_split split;                              /* s: as it was last told */
	uint32_t exit_code;
	uint64_t
	    timer_slack_ns; /* o: how late a sleep may end; ours end in time, so it is only kept */
	uint64_t
	    timer_slack_default_ns; /* I: what it was at first, and again after it is set to 0 */
	uint16_t ioprio;   /* a: ioprio_set's; nothing is queued for a disk, so it is only kept */
	int pdeath_signal; /* o to write: sent to it when the parent ends; 0: none */
	uint32_t fail_interval, fail_state; /* o: process_make_fail */
	struct key *keyring;                /* o: the thread keyring, NULL: it has none */
	uint8_t fair_policy; /* a: SCHED_OTHER, BATCH or IDLE, when it is not a real-time one */
	struct vfork_wait *vfork; /* o: who waits in vfork, until exec or exit */
	struct restart {          /* restart_syscall: nanosleep and friends */
		int64_t (*fn)(struct task *task);
		uint64_t deadline_ns;
		uaddr_t address; /* where the rest is told; the futex */
		uint32_t value, bitset;
		bool is_private;
	} restart;
	struct rcu_head rcu;
};

static inline struct task *current_task(void)
{
	return current_thread()->task;
}

static inline struct process *current_process(void)
{
	return current_task()->process;
}

/* Linux's clone arguments, decoded and checked. */
struct clone_request {
	uint64_t flags;
	int exit_signal;
	uaddr_t stack; /* 0: the parent's */
	uintptr_t tls;
	uaddr_t parent_tid, child_tid, pidfd;
	const int *set_tid;
};
struct registers;
/* The new tid, or -errno. */
MUST_USE int64_t process_clone(const struct clone_request *request, const struct registers *regs);
/* One in so many allocations of the current thread, and of what it makes from now on, fails; 0: none. For tests. Context: may sleep. */
void process_make_fail(uint32_t interval);
/* Of all its threads but the real-time ones. */
void process_set_priority(struct process *process, enum thread_priority priority);
NORETURN void process_exit_thread(int code);
NORETURN void process_exit_group(int wait_status);
/* A process without parent that begins in `entry`, a kernel function: the first process, which then becomes a program. */
MUST_USE int process_create_first(void (*entry)(void *arg), void *arg);

/* process->core_filter, Linux's numbers; headers of programs (16) and huge pages are not told apart. */
enum core_kinds {
	CORE_PRIVATE_MEMORY = 1,
	CORE_SHARED_MEMORY = 2,
	CORE_PRIVATE_FILES = 4,
	CORE_SHARED_FILES = 8,
	CORE_KINDS = 0x1ff,
	CORE_DEFAULT = 0x33,
};
#define CORE_PATTERN_MAX 128
/* /proc/sys/kernel/core_pattern: what core dumps are called. buf: of that size. -EINVAL. */
void core_pattern_get(char *buf);
MUST_USE int core_pattern_set(const char *text);
/* A hook of the module that keeps it. */
void process_host_name(char *buf, size_t size);

/* Hooks of modules above, when a task or process ends. */
void futex_exit_task(struct task *task);
void sysv_exit_process(struct process *process); /* may sleep */
struct keyrings;
struct key;
/* Only when there are keyrings: of the parent (may sleep; 0 or -ENOMEM), of the process, of the task. */
MUST_USE int keys_fork(struct process *child, const struct process *parent);
void keys_exec(struct process *process);
void keys_exit_process(struct process *process);
void keys_exit_task(struct task *task);
/* The first process is gone, and the system with it. wait_status as wait4 gives it. */
NORETURN void process_first_ended(int wait_status);
void tty_exit_session(struct process *leader);

/* execve: a new address space takes the place of the current one, which is put, and with it go new credentials, and whether others may
 * look into it: nobody sees one without the others. Only one thread left. */
void process_set_space(struct address_space *space, struct credentials *creds, uint32_t dumpable);
/* Ends the other threads of the current process and waits until they are gone. -EAGAIN when another thread does that to us. */
MUST_USE int process_kill_other_threads(void);

/*
 * A reference to an open file that a program runs from, or is about to: nobody writes to it meanwhile. executable_claim makes the caller's reference
 * such a one; -ETXTBSY: somebody writes to it.
 */
MUST_USE int executable_claim(struct object *object);
struct object *executable_get(struct object *object); /* of one who has been claimed */
void executable_put(struct object *object);

/* execve must not change the handlers of a process that shares them. */
MUST_USE int process_unshare_handlers(void);

/* Groups and sessions: setpgid, setsid, getpgid as in POSIX. 0 or a number, or -errno. */
MUST_USE int process_set_group(uint32_t pid, uint32_t pgid);
MUST_USE int64_t process_new_session(void);

/*
 * Whether the current thread may see what another process has, as its tracer might. By its file-system ids, where a file stands for the
 * process (/proc); by its real ids, where a call names it.
 */
enum look_ids {
	LOOK_BY_FS_IDS,
	LOOK_BY_REAL_IDS,
	LOOK_FOR_KERNEL, /* whoever asks, it is not shown to him */
};
bool process_may_look(struct process *process, enum look_ids ids);
/* Another thread's, as they are now, with a reference. Tree lock held, and it has not left. */
struct credentials *task_credentials_get(const struct task *task);
/* What another process has, with a reference, or NULL: it may be gone, or show itself no more. */
struct address_space *process_space(struct process *process, enum look_ids ids);
struct file_context *process_file_context(struct process *process, enum look_ids ids);
struct object *process_executable(struct process *process, enum look_ids ids);
/* A descriptor of it, with a reference to its object. */
MUST_USE bool process_capability(
    struct process *process, enum look_ids ids, int fd, struct capability *capability);
/* Which descriptor is the first at or behind *fd, which is set. Without a reference, whose end might be the object's: also under locks. */
MUST_USE bool process_next_descriptor(struct process *process, enum look_ids ids, int *fd);
/* Sets one of these pointers of the current process, so that those who look see the old or the new; only then may the old be put. */
void process_replace(void *place, void *value);

/* Of the current process: nobody is left in the session who could continue its group once it stops. */
bool process_group_is_orphaned(void);
/* Whether a group is one of the session: 0, -ESRCH (there is none), -EPERM. Tree lock held. */
MUST_USE int group_is_in_session_locked(uint32_t group, const struct pid *session);
/* Walks the members of a session by its number. Tree lock held. */
struct process *session_next_locked(uint32_t session, const struct process *after);
#define for_each_in_session_locked(member, number)                                                 \
	for (member = session_next_locked(number, NULL); member;                                   \
	     member = session_next_locked(number, member))

/* wait4 and waitid: who, and what to report. */
struct wait_request {
	int which; /* P_ALL, P_PID, P_PGID, P_PIDFD */
	uint32_t id;
	const struct process *process; /* P_PIDFD */
	unsigned options;              /* W… */
};
struct wait_report {
	uint32_t pid, uid;
	int code;   /* CLD_… */
	int status; /* as wait4 gives it; si_status is in `value` */
	int value;
	struct process_usage usage; /* with that of its own children */
};
/* 1: *report is filled; 0: WNOHANG and nothing yet; -ECHILD; -ERESTARTSYS. */
MUST_USE int process_wait(const struct wait_request *request, struct wait_report *report);

/* Processes as descriptors. A new one in the current process's table (O_NONBLOCK or 0; closed by execve), or -errno. */
MUST_USE int64_t pidfd_install(struct process *process, unsigned flags);
/* Which process a descriptor names, with a reference; NULL: none. It may be reaped already, or not born yet (no pid). */
MUST_USE struct process *pidfd_process(int fd, unsigned *flags);

/* By number, with a reference, or NULL. */
MUST_USE struct process *process_find(uint32_t pid);
/* Processes and threads since the boot. */
unsigned process_thread_limit(void); /* how many threads there may be, by the memory there is */
uint64_t process_count_made(void);
/* The number that was given out last: the search for the next begins behind it. Below PID_LIMIT. */
uint32_t process_last_number(void);
void process_set_last_number(uint32_t last);
/* Of the process's group. The caller has a reference to the process, or is under rcu_read_lock. */
uint32_t process_group_number(const struct process *process);
MUST_USE struct task *task_find_locked(uint32_t tid); /* under rcu_read_lock */
void process_get(struct process *process);
void process_put(struct process *process);
extern struct spinlock process_tree_lock;
/* Calls fn for each process that is not dead, with a reference; may sleep. Snapshot semantics as /proc's. */
void process_for_each(bool (*fn)(void *ctx, struct process *process), void *ctx);
/* The next live pid after `pid`, for /proc; 0: none. */
uint32_t process_next_pid(uint32_t pid);

uint64_t process_limit(const struct process *process, unsigned resource);

/* What it has used so far, without its children; the peak of memory only for the current process. */
struct process_usage process_usage(struct process *process);
/* CPU time alone. */
uint64_t process_cpu_ns(struct process *process);
uint64_t task_cpu_ns(const struct task *task);
/* Of a thread, without memory. The thread stays: tree lock held, or it is the current one. */
struct process_usage task_usage(struct task *task);
/* How much of a processor's time was users' and how much the kernel's; busy_ns: how long it has not been idle. */
struct cpu_split cpu_usage(unsigned cpu, uint64_t busy_ns);
