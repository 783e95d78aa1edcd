/* Stopping and continuing a process: every thread goes to sleep on its way to user mode; the last one to do so tells the parent. */
#include "process_impl.h"

#include <abi/linux/signal.h>

void signal_stop_begin(int signal)
{
	struct process *process = current_process();
	struct signal_state *state = &process->signals;
	spin_lock(&process_tree_lock);
	/* Nobody of the session could ever continue a process of an orphaned group; only SIGSTOP means it. */
	bool is_allowed = signal == SIGSTOP || !group_is_orphaned_locked(process->group, NULL);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	if (is_allowed && state->stop_dequeued && !state->group_exit && !state->group_stop) {
		state->group_stop = true;
		state->stop_signal = signal;
		struct task *task;
		list_for_each(task, &process->tasks, link)
			signal_notify_task(task);
	}
	state->stop_dequeued = false;
	spin_unlock_irqrestore(&state->lock, flags);
	spin_unlock(&process_tree_lock);
}

bool signal_stop_complete_locked(struct process *process)
{
	struct signal_state *state = &process->signals;
	if (!state->group_stop || list_is_empty(&process->tasks))
		return false;
	struct task *task;
	list_for_each(task, &process->tasks, link)
		if (!task->is_stopped)
			return false;
	uint32_t expected = PROCESS_RUNNING;
	if (!atomic_cas(&process->state, &expected, PROCESS_STOPPED))
		return false;
	atomic_fetch_add(&stopped_count, 1);
	state->stop_reported = false;
	state->continued = false;
	state->notify_continued = false;
	return true;
}

void signal_stop_sleep(void)
{
	struct task *task = current_task();
	struct process *process = task->process;
	struct signal_state *state = &process->signals;
	spin_lock(&process_tree_lock);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	task->is_stopped = state->group_stop;
	bool is_last = signal_stop_complete_locked(process);
	spin_unlock_irqrestore(&state->lock, flags);
	spin_unlock(&process_tree_lock);
	if (is_last)
		process_notify_parent(process, CLD_STOPPED, state->stop_signal);

	for (;;) {
		thread_prepare_to_block();
		if (!atomic_load(&state->group_stop) || signal_is_fatal_pending())
			break;
		int ignored = thread_block(NSEC_MAX);
		(void)ignored;
	}
	thread_cancel_block();
	flags = spin_lock_irqsave(&state->lock);
	task->is_stopped = false;
	spin_unlock_irqrestore(&state->lock, flags);
}
