/* What the current thread says of signals to come: its mask, what waits for it, and what it takes by itself. */
#include "signal_queue.h"

#include <mm/slab.h>

void signal_set_mask(uint64_t mask)
{
	struct task *task = current_task();
	struct process *process = task->process;
	mask &= ~SIGNALS_UNBLOCKABLE;
	spin_lock_irq(&process->signals.lock);
	uint64_t added = mask & ~task->blocked;
	task->blocked = mask;
	if (unlikely(task->pending.pending | process->signals.shared.pending)) {
		signal_retarget_locked(process, added);
		if ((task->pending.pending | process->signals.shared.pending) & ~mask)
			user_work_set(task->thread, USER_WORK_SIGNAL);
	}
	spin_unlock_irq(&process->signals.lock);
}

void signal_mask_begin(uint64_t mask)
{
	struct task *task = current_task();
	task->saved_mask = task->blocked;
	task->has_saved_mask = true;
	signal_set_mask(mask);
}

void signal_mask_end(bool is_interrupted)
{
	struct task *task = current_task();
	if (is_interrupted || !task->has_saved_mask)
		return; /* the way to user mode puts it back */
	task->has_saved_mask = false;
	signal_set_mask(task->saved_mask);
}

uint64_t signal_pending_set(void)
{
	const struct task *task = current_task();
	return atomic_load(&task->pending.pending) |
	       atomic_load(&task->process->signals.shared.pending);
}

bool signal_dequeue(uint64_t set, struct signal_info *info)
{
	struct task *task = current_task();
	struct signal_state *state = &task->process->signals;
	struct signal_message *done = NULL;
	spin_lock_irq(&state->lock);
	struct signal_queue *queue = signal_queue_with(task, set);
	if (queue)
		done = signal_take_locked(state, queue, set, info);
	spin_unlock_irq(&state->lock);
	kfree(done);
	return queue;
}

void signal_wait_set(uint64_t set)
{
	struct task *task = current_task();
	spin_lock_irq(&task->process->signals.lock);
	task->wait_set = set;
	spin_unlock_irq(&task->process->signals.lock);
}
