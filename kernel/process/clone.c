/*
 * clone: a new thread, or a new process that shares with its parent what the flags say. Everything that can fail is done before the newcomer
 * can be seen.
 */
#include "process_impl.h"

#include <abi/linux/process.h>
#include <arch/user.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <time/clock.h>

#define NAMESPACE_FLAGS                                                                            \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	    CLONE_NEWPID | CLONE_NEWNET)

static int check_flags(uint64_t flags)
{
	if (flags & NAMESPACE_FLAGS & ~CLONE_NEWUSER && !(flags & CLONE_NEWUSER) &&
	    !has_power(POWER_SYS_ADMIN))
		return -EPERM;
	if (flags & NAMESPACE_FLAGS || flags & CLONE_INTO_CGROUP ||
	    (flags & CLONE_PIDFD && flags & CLONE_THREAD))
		return -EINVAL; /* not done: see the status page */
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && !(flags & CLONE_VM))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && flags & CLONE_CLEAR_SIGHAND)
		return -EINVAL;
	/* A sibling of the first process would have nobody to wait for it. */
	if (flags & CLONE_PARENT && !current_process()->parent)
		return -EINVAL;
	return 0;
}

/* Threads of the user's processes; a zombie counts as one. */
static uint64_t count_of_user(uint32_t uid)
{
	uint64_t count = 0;
	for (uint32_t number = process_next_pid(0); number; number = process_next_pid(number)) {
		rcu_read_lock();
		const struct pid *pid = pid_find(number);
		struct process *process = pid ? rcu_dereference(pid->process) : NULL;
		if (process) {
			struct task *task = rcu_dereference(pid->task);
			if ((task ? task->credentials->uid : process->exit_uid) == uid)
				count += max(atomic_load(&process->task_count), 1u);
		}
		rcu_read_unlock();
	}
	return count;
}

static bool is_limited(void)
{
	return current_limit(RLIMIT_NPROC) != RLIM_INFINITY && current_credentials()->uid != 0 &&
	       !has_power(POWER_SYS_RESOURCE) && !has_power(POWER_SYS_ADMIN);
}

/* Early, to save the work, and again with the tree's lock held, where nobody else joins. */
static bool over_process_limit(void)
{
	return is_limited() &&
	       count_of_user(current_credentials()->uid) >= current_limit(RLIMIT_NPROC);
}

/* Under the lock: whoever changes them at this moment believes that they are the parent's alone. */
static struct signal_handlers *share_handlers(struct process *parent)
{
	irq_flags_t flags = spin_lock_irqsave(&parent->signals.lock);
	struct signal_handlers *handlers = signal_handlers_get(parent->handlers);
	spin_unlock_irqrestore(&parent->signals.lock, flags);
	return handlers;
}

static int share_or_copy_parts(struct process *child, const struct process *parent, uint64_t flags)
{
	child->capabilities = flags & CLONE_FILES ? cap_table_get(parent->capabilities)
						  : cap_table_clone(parent->capabilities);
	if (!child->capabilities)
		return -ENOMEM;
	child->files_context = flags & CLONE_FS ? file_context_get(parent->files_context)
						: file_context_clone(parent->files_context);
	if (!child->files_context)
		return -ENOMEM;
	child->handlers = flags & CLONE_SIGHAND ? share_handlers(current_process())
						: signal_handlers_clone(parent->handlers);
	if (!child->handlers)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		signal_handlers_reset_on_exec(child->handlers);
	/* Last, because it costs the most. */
	child->space = flags & CLONE_VM ? address_space_get(parent->space)
					: address_space_clone(parent->space);
	return child->space ? 0 : -ENOMEM;
}

static struct process *copy_process(const struct clone_request *request)
{
	struct process *parent = current_process(), *child = process_create();
	if (!child)
		return NULL;
	if (share_or_copy_parts(child, parent, request->flags) ||
	    (unlikely(parent->keyrings) && keys_fork(child, parent))) {
		process_free(child);
		return NULL;
	}
	memcpy(child->limits, parent->limits, sizeof(child->limits));
	child->executable = parent->executable ? executable_get(parent->executable) : NULL;
	/* A sibling's end is told as its creator's: by no signal that the common parent did not expect. */
	child->exit_signal =
	    request->flags & CLONE_PARENT ? parent->exit_signal : request->exit_signal;
	child->nice = parent->nice;
	child->oom_score_adj = parent->oom_score_adj;
	child->dumpable = parent->dumpable;
	child->core_filter = atomic_load(&parent->core_filter);
	child->personality = parent->personality;
	return child;
}

/* What the new thread has of its own: signal mask, credentials, registers, TLS. */
static int fill_task(
    struct task *task, const struct clone_request *request, const struct registers *regs)
{
	struct task *parent = current_task();
	task->thread->user = user_state_clone(current_thread()->user);
	if (!task->thread->user)
		return -ENOMEM;
	struct registers *start = user_start_registers(task->thread->user);
	user_registers_copy(start, regs);
	user_registers_set_result(start, 0);
	if (!uaddr_is_null(request->stack))
		user_registers_set_stack(start, request->stack);
	if (request->flags & CLONE_SETTLS)
		user_state_set_fs_base(task->thread->user, request->tls);

	task->credentials = credentials_get(parent->credentials);
	task->blocked = parent->blocked;
	task->timer_slack_ns = task->timer_slack_default_ns = parent->timer_slack_ns;
	task->ioprio = parent->ioprio;
	task->fail_interval = parent->fail_interval;
	task->fail_state = task->pid->number;
	/* An alternate stack cannot be shared by threads; vfork's child borrows it. */
	if (!(request->flags & CLONE_VM) || request->flags & CLONE_VFORK)
		task->alt_stack = parent->alt_stack;
	if (request->flags & CLONE_CHILD_SETTID)
		task->set_child_tid = request->child_tid;
	if (request->flags & CLONE_CHILD_CLEARTID)
		task->clear_child_tid = request->child_tid;
	return 0;
}

static uint64_t made; /* process_tree_lock; a */

uint64_t process_count_made(void)
{
	return atomic_load(&made) + 1;
}

/* Makes the newcomer visible. Fails when the process is being killed, or at the user's limit. */
static int link_in(struct process *process, struct task *task, const struct clone_request *request,
    struct fork_signals *fork)
{
	struct process *caller = current_process();
	bool is_thread = request->flags & CLONE_THREAD;
	spin_lock(&process_tree_lock);
	if (caller->signals.group_exit || (is_thread && caller->exec_task)) {
		spin_unlock(&process_tree_lock);
		return -ERESTARTNOINTR;
	}
	if (over_process_limit()) {
		spin_unlock(&process_tree_lock);
		return -EAGAIN;
	}
	atomic_store(&made, made + 1);
	uint64_t signals = signal_end_fork(fork);
	if (!is_thread)
		process->signals.shared.pending |= signals;
	signal_task_joins_locked(task);
	atomic_fetch_add(&process->task_count, 1);
	if (!is_thread) {
		process->parent = request->flags & CLONE_PARENT ? caller->parent : caller;
		list_push_back(&process->parent->children, &process->sibling);
		group_join_locked(process, caller->group);
		session_join_locked(process, caller->session);
		process->tty = caller->tty;
		process->pid = pid_get(task->pid);
		rcu_assign(task->pid->process, process);
	}
	rcu_assign(task->pid->task, task);
	spin_unlock(&process_tree_lock);
	return 0;
}

/* vfork: the parent sleeps until the child has its own address space or is gone. Only death ends that early. */
static void wait_for_vfork(struct completion *done)
{
	int ignored = wait_until(
	    &done->queue, completion_is_done(done) || signal_is_fatal_pending(), NSEC_MAX);
	(void)ignored;
}

static void close_pidfd(int64_t fd)
{
	int64_t ignored = cap_close((int)fd);
	(void)ignored;
}

/* A descriptor of the child, which its parent finds at `where`. */
static int64_t tell_pidfd(struct process *child, uaddr_t where)
{
	int64_t fd = pidfd_install(child, 0);
	if (fd < 0 || !put_user_u32(where, (uint32_t)fd))
		return fd;
	close_pidfd(fd);
	return -EFAULT;
}

/* What the parent has of the newcomer; then it can be seen, and runs. Its number, or an error. */
static int64_t let_run(struct process *process, struct task *task,
    const struct clone_request *request, struct fork_signals *fork)
{
	uint32_t tid = task->pid->number;
	int64_t pidfd = request->flags & CLONE_PIDFD ? tell_pidfd(process, request->pidfd) : 0;
	if (pidfd < 0)
		return pidfd;
	int err;
	struct vfork_wait *vfork = NULL;
	if (request->flags & CLONE_VFORK) {
		vfork = vfork_wait_create();
		if (!vfork) {
			err = -ENOMEM;
			goto out_pidfd;
		}
		task->vfork = vfork_wait_get(vfork);
	}
	err = link_in(process, task, request, fork);
	if (err)
		goto out_vfork;
	process_inherit_schedule(task);
	thread_start(task->thread);
	if (vfork) {
		wait_for_vfork(&vfork->done);
		vfork_wait_put(vfork);
	}
	return tid;

out_vfork:
	if (vfork)
		vfork_wait_put(vfork);
out_pidfd:
	if (request->flags & CLONE_PIDFD)
		close_pidfd(pidfd);
	return err;
}

/* A thread for the process, old or new. */
static int64_t add_task(struct process *process, const struct clone_request *request,
    const struct registers *regs, struct fork_signals *fork)
{
	bool is_thread = request->flags & CLONE_THREAD;
	struct task *task = task_create(process, current_thread()->name);
	if (!task)
		return -EAGAIN;
	if (is_thread)
		cap_table_get(process->capabilities);
	int64_t tid = fill_task(task, request, regs);
	if (!tid && request->flags & CLONE_PARENT_SETTID &&
	    put_user_u32(request->parent_tid, task->pid->number))
		tid = -EFAULT;
	if (!tid)
		tid = let_run(process, task, request, fork);
	if (tid < 0) {
		if (is_thread)
			cap_table_put(process->capabilities);
		task_free(task);
	}
	return tid;
}

int64_t process_clone(const struct clone_request *request, const struct registers *regs)
{
	int err = check_flags(request->flags);
	if (err)
		return err;
	if (over_process_limit())
		return -EAGAIN;

	struct fork_signals fork;
	err = signal_begin_fork(&fork);
	if (err)
		return err;
	bool is_thread = request->flags & CLONE_THREAD;
	struct process *process = is_thread ? current_process() : copy_process(request);
	int64_t tid = process ? add_task(process, request, regs, &fork) : -ENOMEM;
	if (unlikely(tid < 0)) {
		if (process && !is_thread)
			process_put(process); /* somebody may have got hold of the pidfd */
		signal_end_fork(&fork);
	}
	return tid;
}
