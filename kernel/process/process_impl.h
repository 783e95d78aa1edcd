/*
 * Private to kernel/process.
 *
 *   process.c         the objects: processes, their threads (tasks), limits
 *   pid.c             numbers; group.c: process groups and sessions; pidfd.c: processes as descriptors
 *   io_signal.c       owners of objects; io_tell.[ch]: how they are told of changes
 *   clone.c           a life begins; vfork.c: while the parent sleeps
 *   exit.c, wait.c    it ends, and the parent is told
 *   signal_action.c   what is done about a signal; signal_send.c: who gets it; signal_queue.[ch]: what waits
 *   signal_mask.c     which ones a thread takes, and when
 *   signal_many.c     signals to groups, and forks at the same time
 *   signal_deliver.c  what it does; signal_stop.c: job control
 *   signal_timer.c    alarm, setitimer; posix_timer.c: timer_create; signalfd.c: signals as descriptors
 *   usage.c           time and counts; look.c: what others may see; executable.c: files that run
 *   core.c            what is left of a process for a debugger; core_name.c: in which file; core_notes.c: besides the memory
 *   make_fail.c       allocations that fail for a test's sake
 *   memory_kill.c     who has to go when memory runs out
 */
#pragma once

#include <process/process.h>
#include <wait/completion.h>

struct registers;

/* A parent that sleeps in vfork and the child that wakes it: whoever is last frees it, because the parent may be killed meanwhile. */
struct vfork_wait {
	uint32_t refs; /* a */
	struct completion done;
};
struct vfork_wait *vfork_wait_create(void);
struct vfork_wait *vfork_wait_get(struct vfork_wait *vfork);
void vfork_wait_put(struct vfork_wait *vfork);
/* The task has left the address space, or will never run: whoever waits for it in vfork goes on. */
void task_release_vfork(struct task *task);

/* pid.c */
void pid_init(void);                   /* before the first process */
MUST_USE struct pid *pid_create(void); /* one reference, for the task; NULL: none left (-EAGAIN) */
struct pid *pid_get(struct pid *pid);
void pid_put(struct pid *pid); /* the number is free again when nothing names it */
/* Under rcu_read_lock. */
struct pid *pid_find(uint32_t number);

void io_signal_init(void);

/* process.c */
MUST_USE struct process *process_create(void); /* empty, not linked */
void process_free(struct process *process);
MUST_USE struct task *task_create(struct process *process, const char *name);
void task_free(struct task *task);
/* A new thread has its creator's policy, priority and affinity. */
void process_inherit_schedule(struct task *task);

/* group.c: process_tree_lock held */
void group_join_locked(struct process *process, struct pid *group);
void session_join_locked(struct process *process, struct pid *session);
void group_leave_locked(struct process *process);
/*
 * Orphaned: no member but `ignored`, which is about to end, has a parent in another group of the session. Its stopped members would
 * sleep for ever: all get SIGHUP and SIGCONT.
 */
bool group_is_orphaned_locked(const struct pid *group, const struct process *ignored);
void group_hang_up_if_orphaned_locked(const struct pid *group, const struct process *ignored);
/* a: how many processes have stopped, of all. While there are none, as mostly, nobody has to look for them whenever a process ends. */
extern uint32_t stopped_count;

/* exit.c */
void process_reap_locked(struct process *process); /* a zombie nobody waits for any more */
void process_notify_parent(struct process *process, int code, int status);

/* signal_send.c: the signal lock held. */
void signal_begin_group_exit_locked(struct process *process, int wait_status);
/* What was meant for the current thread, which does not take it any more: somebody else shall look. */
void signal_retarget_locked(struct process *process, uint64_t set);
/* core.c: whether a signal that ends the process leaves a core dump; */
bool core_is_wanted(const struct process *process, int signal);
/* then by the thread that takes it, and ends the process next. False: none could be made. */
bool core_dump(const struct registers *regs, const struct signal_info *info);
/* The other threads, on their way to user mode: until the process ends. */
void core_park(const struct registers *regs);
/* signal_stop.c */
void signal_stop_begin(int signal);
void signal_stop_sleep(void);
/* Whether all threads have stopped, just now: the parent is to be told. Tree and signal lock held. */
bool signal_stop_complete_locked(struct process *process);
/* usage.c: the signal lock held */
struct process_usage process_usage_locked(struct process *process);
void usage_add_task(struct usage_counts *counts, const struct task *task);
void usage_add(struct process_usage *to, const struct process_usage *from);
/* A user thread gets the CPU. Context: the run queue's lock is held. */
void usage_begin_samples(void);
/* Handlers of one process are guarded by its signal lock, which is held; those of several need more. True: unlock them. */
static inline bool signal_handlers_lock(struct signal_handlers *handlers)
{
	if (likely(atomic_load(&handlers->refs) == 1))
		return false;
	spin_lock(&handlers->lock);
	return true;
}
static inline void signal_handlers_unlock(struct signal_handlers *handlers, bool is_locked)
{
	if (unlikely(is_locked))
		spin_unlock(&handlers->lock);
}

/* Nobody would notice: neither a handler, a default action, nor a thread that has blocked it. */
bool signal_is_ignored_locked(const struct process *process, int signal);

/* signal_many.c: a child is being made, from before anything of its parent is copied until others can find it. */
struct fork_signals {
	struct list link; /* the parent's signal_state */
	uint64_t set;     /* s: what its parent was sent as one of many */
};
/* -ERESTARTNOINTR: something waits for us that comes before. */
MUST_USE int signal_begin_fork(struct fork_signals *fork);
/* What the child begins with. Once more does no harm. */
uint64_t signal_end_fork(struct fork_signals *fork);

/* signal_timer.c */
void signal_timers_init(struct process *process);
void signal_timers_cancel(struct signal_state *state);
/* signal_queue.c: the signal lock held. */
/* Messages go to `dropped`, to be freed without the lock. */
void signal_discard_locked(struct process *process, uint64_t set, struct list *dropped);
void signal_free_messages(struct list *dropped);
/* signal_send.c: a thread comes to its process, or leaves it. Tree lock held. True: the last that had not stopped is gone. */
void signal_task_joins_locked(struct task *task);
bool signal_task_leaves_locked(struct task *task);

/* What a signal does to a process that has not said otherwise. */
#define SIGNALS_IGNORED                                                                            \
	(signal_bit(SIGCHLD) | signal_bit(SIGCONT) | signal_bit(SIGURG) | signal_bit(SIGWINCH))
#define SIGNALS_STOP                                                                               \
	(signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU))
/* Those whose default action leaves a core dump. */
#define SIGNALS_CORE                                                                               \
	(SIGNALS_FAULT | signal_bit(SIGQUIT) | signal_bit(SIGABRT) | signal_bit(SIGXCPU) |         \
	    signal_bit(SIGXFSZ) | signal_bit(SIGSYS) | signal_bit(SIGTRAP))
#define SIGNALS_FAULT                                                                              \
	(signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) |     \
	    signal_bit(SIGFPE) | signal_bit(SIGSYS))
#define SIGNALS_UNBLOCKABLE (signal_bit(SIGKILL) | signal_bit(SIGSTOP))
