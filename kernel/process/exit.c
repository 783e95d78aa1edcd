/*
 * The end of threads and processes. A thread gives up what is its own; the last one of a process gives up what they shared, hands the
 * children to a new parent, and leaves a zombie for its own parent to find.
 */
#include "process_impl.h"

#include <abi/linux/signal.h>
#include <arch/user.h>
#include <lib/string.h>
#include <process/posix_timer.h>
#include <time/clock.h>

/* Stops using the address space before it may go away: this thread runs on in the kernel. */
static struct address_space *give_up_space(struct process *process)
{
	struct address_space *space = process->space;
	process->peak_resident = max(process->peak_resident, address_space_peak(space));
	process_replace(&process->space, NULL);
	preempt_disable();
	address_space_switch(NULL);
	preempt_enable();
	return space;
}

void process_set_space(struct address_space *space, struct credentials *creds, uint32_t dumpable)
{
	struct process *process = current_process();
	struct address_space *old = process->space;
	if (old)
		process->peak_resident = max(process->peak_resident, address_space_peak(old));
	spin_lock(&process_tree_lock);
	credentials_commit(creds);
	process->dumpable = dumpable;
	atomic_store(&process->space, space);
	spin_unlock(&process_tree_lock);
	preempt_disable();
	address_space_switch(space);
	preempt_enable();
	if (old)
		address_space_put(old);
	task_release_vfork(current_task());
}

static void release_resources(struct process *process)
{
	struct address_space *space = process->space ? give_up_space(process) : NULL;
	task_release_vfork(current_task());
	struct cap_table *capabilities = process->capabilities;
	struct file_context *context = process->files_context;
	if (space)
		address_space_put(space);
	struct object *executable = process->executable;
	process_replace(&process->capabilities, NULL);
	cap_table_put(capabilities);
	current_thread()->capabilities = NULL;
	process_replace(&process->files_context, NULL);
	file_context_put(context);
	process_replace(&process->executable, NULL);
	if (executable)
		executable_put(executable);
}

/* The nearest ancestor that asked for orphans, or the first process. Tree lock held. */
static struct process *new_parent_locked(const struct process *process)
{
	struct process *candidate = process->parent;
	while (candidate && candidate->parent &&
	       !(candidate->is_subreaper && candidate->state != PROCESS_ZOMBIE))
		candidate = candidate->parent;
	return candidate;
}

/* PR_SET_PDEATHSIG: threads that asked to hear of it. Tree lock held. */
static void tell_of_parents_death(struct process *child)
{
	struct task *task;
	list_for_each(task, &child->tasks, link) {
		if (!task->pdeath_signal)
			continue;
		struct signal_info info = signal_info_user(task->pdeath_signal, SI_USER);
		signal_send_process(child, &info);
	}
}

static void hand_over_children_locked(struct process *process)
{
	struct process *parent = new_parent_locked(process), *child, *next;
	list_for_each_safe(child, next, &process->children, sibling) {
		list_remove(&child->sibling);
		child->parent = parent;
		tell_of_parents_death(child);
		list_push_back(&parent->children, &child->sibling);
		/* Whoever adopts it waits for SIGCHLD, whatever the old parent had asked for. */
		child->exit_signal = SIGCHLD;
		if (child->state == PROCESS_ZOMBIE)
			wait_wake_all(&parent->child_exit);
	}
}

/* Groups that lose their last tie to the session with this process: its children's, and its own. */
static void hang_up_orphaned_groups_locked(const struct process *process)
{
	const struct process *parent = process->parent;
	struct process *child;
	if (likely(!atomic_load(&stopped_count)))
		return;
	list_for_each(child, &process->children, sibling)
		if (child->group != process->group && child->session == process->session)
			group_hang_up_if_orphaned_locked(child->group, process);
	if (parent && parent->group != process->group && parent->session == process->session)
		group_hang_up_if_orphaned_locked(process->group, process);
}

static int exit_code_of(int status, int *value)
{
	if (!(status & 0x7f)) {
		*value = status >> 8 & 0xff;
		return CLD_EXITED;
	}
	*value = status & 0x7f;
	return status & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

static bool wants_stops(struct process *parent)
{
	irq_flags_t flags = spin_lock_irqsave(&parent->signals.lock);
	bool wants = !(parent->handlers->actions[SIGCHLD - 1].flags & SA_NOCLDSTOP);
	spin_unlock_irqrestore(&parent->signals.lock, flags);
	return wants;
}

static void notify(struct process *parent, struct process *process, int code, int value)
{
	struct signal_info info = {
	    .signal = code >= CLD_STOPPED ? SIGCHLD : process->exit_signal,
	    .code = code,
	    .pid = (int32_t)process->pid->number,
	    .uid = current_credentials()->uid,
	    .status = value,
	    .user_ticks = (int64_t)(process->split.user_ns / 10000000),
	    .system_ticks = (int64_t)(process->split.system_ns / 10000000),
	};
	if (info.signal && (code < CLD_STOPPED || wants_stops(parent)))
		signal_send_process(parent, &info);
	wait_wake_all(&parent->child_exit);
}

void process_notify_parent(struct process *process, int code, int value)
{
	spin_lock(&process_tree_lock);
	struct process *parent = process->parent;
	if (parent)
		process_get(parent);
	spin_unlock(&process_tree_lock);
	if (!parent)
		return;
	notify(parent, process, code, value);
	process_put(parent);
}

void process_reap_locked(struct process *process)
{
	/* With a barrier: a pidfd's poll sees this, or is seen. */
	(void)atomic_swap(&process->state, PROCESS_DEAD);
	list_remove(&process->sibling);
	group_leave_locked(process);
	rcu_assign(process->pid->process, NULL);
}

/* The parent said that it does not want to know: the zombie goes at once. */
static bool parent_ignores(struct process *process)
{
	if (process->exit_signal != SIGCHLD)
		return false;
	const struct signal_action *action = &process->parent->handlers->actions[SIGCHLD - 1];
	return action->handler.va == SIG_IGN || action->flags & SA_NOCLDWAIT;
}

/* Off the list of threads already, so that its share is counted once. */
static void account(struct process *process, struct task *task)
{
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	usage_add_task(&process->gone, task);
	(void)process_usage_locked(process);
	spin_unlock_irqrestore(&process->signals.lock, flags);
}

static void exit_process(struct process *process, struct task *last)
{
	if (!process->parent)
		process_first_ended(process->exit_status);
	tty_exit_session(process);
	signal_timers_cancel(&process->signals);
	posix_timers_delete_all(process);
	sysv_exit_process(process);
	if (unlikely(process->keyrings))
		keys_exit_process(process);
	release_resources(process);
	account(process, last);

	spin_lock(&process_tree_lock);
	hang_up_orphaned_groups_locked(process);
	hand_over_children_locked(process);
	bool reap = parent_ignores(process);
	if (atomic_swap(&process->state, PROCESS_ZOMBIE) == PROCESS_STOPPED)
		atomic_fetch_sub(&stopped_count, 1);
	struct process *parent = process->parent;
	process_get(parent);
	if (reap)
		process_reap_locked(process);
	spin_unlock(&process_tree_lock);

	int value, code = exit_code_of(process->exit_status, &value);
	notify(parent, process, code, value);
	process_put(parent);
	if (atomic_load(&process->is_watched))
		wait_wake_all(&process->task_exit);
	if (reap)
		process_put(process);
}

static void exit_thread(struct process *process, struct task *task)
{
	task_release_vfork(task);
	account(process, task);
}

/* What of the end others are to find out. Tree lock held. */
static void note_end_locked(
    struct process *process, const struct task *task, bool is_last, int code)
{
	if (is_last && !process->signals.group_exit)
		process->exit_status = (code & 0xff) << 8;
	else if (is_last)
		process->exit_status = process->signals.group_exit_status;
	else /* the threads that are left have it: this closes nothing */
		cap_table_put(process->capabilities);
	process->exit_uid = task->credentials->uid;
	str_copy(process->exit_name, sizeof(process->exit_name), task->thread->name);
}

NORETURN void process_exit_thread(int code)
{
	struct thread *thread = current_thread();
	struct task *task = thread->task;
	struct process *process = task->process;

	process_get(process);
	futex_exit_task(task);
	if (unlikely(task->keyring))
		keys_exit_task(task);
	spin_lock(&process_tree_lock);
	bool has_stopped = signal_task_leaves_locked(task);
	rcu_assign(task->pid->task, NULL);
	bool is_last = atomic_fetch_sub(&process->task_count, 1) == 1;
	note_end_locked(process, task, is_last, code);
	spin_unlock(&process_tree_lock);
	signal_flush(&process->signals, &task->pending);
	if (has_stopped && !is_last)
		process_notify_parent(process, CLD_STOPPED, process->signals.stop_signal);
	/* execve may wait for the others to be gone. */
	wait_wake_all(&process->task_exit);
	if (is_last)
		exit_process(process, task);
	else
		exit_thread(process, task);

	struct user_state *user = user_state_detach();
	irq_disable();
	thread->task = NULL;
	irq_enable();
	if (user)
		user_state_destroy(user);
	task_free(task);
	process_put(process);
	thread_exit(code);
}

NORETURN void process_exit_group(int wait_status)
{
	struct process *process = current_process();
	spin_lock(&process_tree_lock);
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	signal_begin_group_exit_locked(process, wait_status);
	spin_unlock_irqrestore(&process->signals.lock, flags);
	spin_unlock(&process_tree_lock);
	process_exit_thread(wait_status >> 8 & 0xff);
}

/* POSIX: the program that execve starts has the process's number, whichever thread called it. Tree lock held; the old number is the caller's to put. */
static struct pid *take_process_number_locked(struct process *process)
{
	struct pid *old = current_task()->pid;
	if (old == process->pid)
		return NULL;
	rcu_assign(old->task, NULL);
	current_task()->pid = pid_get(process->pid);
	rcu_assign(process->pid->task, current_task());
	return old;
}

int process_kill_other_threads(void)
{
	struct process *process = current_process();
	spin_lock(&process_tree_lock);
	if (process->signals.group_exit || process->exec_task) {
		spin_unlock(&process_tree_lock);
		return -EAGAIN;
	}
	process->exec_task = current_task();
	atomic_store(&process->signals.is_executing, true);
	struct task *task;
	list_for_each(task, &process->tasks, link)
		if (task != current_task())
			signal_notify_task(task);
	spin_unlock(&process_tree_lock);

	int err = wait_until(&process->task_exit,
	    atomic_load(&process->task_count) == 1 || process->signals.group_exit, NSEC_MAX);
	(void)err;
	spin_lock(&process_tree_lock);
	atomic_store(&process->signals.is_executing, false);
	process->exec_task = NULL;
	bool alone = !process->signals.group_exit;
	struct pid *old = alone ? take_process_number_locked(process) : NULL;
	spin_unlock(&process_tree_lock);
	if (old)
		pid_put(old);
	return alone ? 0 : -EAGAIN;
}
