/* Changes of an object, as signals to its owner: a thread, a process, or all of a group. */
#include "io_tell.h"
#include "process_impl.h"

#include <abi/linux/signal.h>
#include <object/poll.h>

/* As Linux asks: whoever named the owner may signal it. RCU or the tree lock held. */
static bool may_tell(const struct io_told *told, const struct task *task)
{
	const struct credentials *creds = rcu_dereference(task->credentials);
	return !told->euid || told->euid == creds->suid || told->euid == creds->uid ||
	       told->uid == creds->suid || told->uid == creds->uid;
}

/* only: the thread alone. Tree lock held. */
static void tell_one(
    const struct io_told *told, struct process *process, struct task *only, enum io_change change)
{
	if (list_is_empty(&process->tasks))
		return;
	rcu_read_lock();
	bool may = may_tell(told, only ? only : list_first(&process->tasks, struct task, link));
	rcu_read_unlock();
	if (!may)
		return;
	struct signal_info info = {.signal = told->signal, .code = (int32_t)change};
	info.words[0] =
	    change == IO_CHANGE_OUTPUT ? POLLOUT | POLLWRNORM | POLLWRBAND : POLLIN | POLLRDNORM;
	info.words[1] = (uint32_t)told->fd;
	if (told->signal &&
	    !(only ? signal_send_task(only, &info) : signal_send_process(process, &info)))
		return;
	/* Too many wait already, or nothing else is wanted. */
	info = signal_info_kernel(SIGIO);
	int ignored = only ? signal_send_task(only, &info) : signal_send_process(process, &info);
	(void)ignored;
}

void io_tell(const struct io_told *told, enum io_change change)
{
	struct pid *pid = told->owner;
	struct process *member;
	spin_lock(&process_tree_lock);
	rcu_read_lock();
	struct process *process = rcu_dereference(pid->process);
	struct task *task = rcu_dereference(pid->task);
	rcu_read_unlock();
	if (told->kind == IO_OWNER_THREAD && task)
		tell_one(told, task->process, task, change);
	else if (told->kind == IO_OWNER_PROCESS && process)
		tell_one(told, process, NULL, change);
	else if (told->kind == IO_OWNER_GROUP)
		list_for_each(member, &pid->group, group_link)
			tell_one(told, member, NULL, change);
	spin_unlock(&process_tree_lock);
}
