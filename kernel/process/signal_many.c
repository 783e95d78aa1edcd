/*
 * Signals to many processes at once: a group, or everybody. Nobody joins or leaves meanwhile, and a fork that is under way counts as done: the
 * child is in the group already, for whoever wants to be sure to have got all of it. So it begins with the signals that its parent was sent on
 * the way, which would be lost otherwise: its parent's queue is not its own, and the memory that it was given may be from before the handler.
 * What waits for the parent when it begins to fork is taken first.
 */
#include "process_impl.h"

#include <abi/linux/signal.h>

int signal_begin_fork(struct fork_signals *fork)
{
	struct task *task = current_task();
	struct signal_state *state = &task->process->signals;
	list_init(&fork->link);
	fork->set = 0;
	/* Not while somebody is at it: he has told the forks of this process, and is about to tell itself. */
	spin_lock(&process_tree_lock);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	/* Also what another thread has been asked to take, but has not yet. */
	bool is_pending =
	    signal_is_pending() || (task->pending.pending | state->shared.pending) & ~task->blocked;
	if (unlikely(is_pending))
		user_work_set(task->thread, USER_WORK_SIGNAL);
	else
		list_push_back(&state->forks, &fork->link);
	spin_unlock_irqrestore(&state->lock, flags);
	spin_unlock(&process_tree_lock);
	return unlikely(is_pending) ? -ERESTARTNOINTR : 0;
}

uint64_t signal_end_fork(struct fork_signals *fork)
{
	struct signal_state *state = &current_process()->signals;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	list_remove(&fork->link);
	list_init(&fork->link);
	spin_unlock_irqrestore(&state->lock, flags);
	return fork->set;
}

/* For the children that the process is about to have. Tree lock held: none of them is there before the next signal. */
static void tell_forks(struct process *process, int signal)
{
	struct signal_state *state = &process->signals;
	struct fork_signals *fork;
	uint64_t bit = signal_bit(signal), opposite = 0;
	if (likely(list_is_empty(&state->forks)))
		return;
	if (signal == SIGCONT)
		opposite = SIGNALS_STOP;
	else if (bit & SIGNALS_STOP)
		opposite = signal_bit(SIGCONT);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	if (!signal_is_ignored_locked(process, signal))
		list_for_each(fork, &state->forks, link)
			fork->set = (fork->set & ~opposite) | bit;
	spin_unlock_irqrestore(&state->lock, flags);
}

static int send_one(struct process *process, const struct signal_info *info, signal_check_t check)
{
	int err = check ? check(process, info->signal) : 0;
	if (err || !info->signal)
		return err;
	tell_forks(process, info->signal);
	return signal_send_process(process, info);
}

/* One that got it is a success. */
static int send_group_locked(uint32_t number, const struct signal_info *info, signal_check_t check)
{
	int result = -ESRCH;
	const struct pid *group = pid_find(number);
	struct process *member;
	if (group)
		list_for_each(member, &group->group, group_link) {
			int err = send_one(member, info, check);
			if (result)
				result = err;
		}
	return result;
}

/* Who means everybody means everybody that he may send to. */
static int send_all_locked(const struct signal_info *info, signal_check_t check)
{
	int result = -ESRCH;
	for (uint32_t number = process_next_pid(1); number; number = process_next_pid(number)) {
		struct process *process = rcu_dereference(pid_find(number)->process);
		if (process == current_process())
			continue;
		int err = send_one(process, info, check);
		if (result)
			result = err == -EPERM ? 0 : err;
	}
	return result;
}

int signal_send_many(uint32_t group, const struct signal_info *info, signal_check_t check)
{
	spin_lock(&process_tree_lock);
	rcu_read_lock();
	int result = group ? send_group_locked(group, info, check) : send_all_locked(info, check);
	rcu_read_unlock();
	spin_unlock(&process_tree_lock);
	return result;
}

int signal_send_group(uint32_t pgid, const struct signal_info *info)
{
	return pgid ? signal_send_many(pgid, info, NULL) : -ESRCH;
}
