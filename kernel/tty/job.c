/* Whose a terminal is: its session, the group in the foreground, and what others get who touch it. */
#include "tty_impl.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <vfs/vfs.h>

static void lock_tree(void)
{
	spin_lock(&process_tree_lock);
}

static void unlock_tree(void)
{
	spin_unlock(&process_tree_lock);
}

static bool is_leader(const struct process *process)
{
	return process->session == process->pid;
}

struct tty *tty_current(void)
{
	return current_thread()->task ? atomic_load(&current_process()->tty) : NULL;
}

void tty_of_process(const struct process *process, uint64_t *number, int *foreground)
{
	const struct tty *tty = atomic_load(&process->tty);
	*number = tty ? tty->number : 0;
	*foreground = tty ? (int)atomic_load(&tty->foreground) : -1;
}

static void send_to_group(uint32_t group, int signal)
{
	struct signal_info info = signal_info_kernel(signal);
	/* An empty group is nobody's fault. */
	int ignored = group ? signal_send_group(group, &info) : 0;
	(void)ignored;
}

void job_signal_foreground(struct tty *tty, int signal)
{
	send_to_group(atomic_load(&tty->foreground), signal);
}

/* Blocked or ignored: then stopping would be forgotten or never end. */
static bool takes_no_notice(int signal)
{
	const struct task *task = current_task();
	return task->blocked & signal_bit(signal) ||
	       task->process->handlers->actions[signal - 1].handler.va == SIG_IGN;
}

int job_check(struct tty *tty, int signal)
{
	struct process *process = current_process();
	lock_tree();
	bool is_background =
	    process->tty == tty && tty->foreground && process->group->number != tty->foreground;
	uint32_t group = process->group->number;
	unlock_tree();
	if (likely(!is_background))
		return 0;
	if (takes_no_notice(signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (process_group_is_orphaned())
		return -EIO;
	send_to_group(group, signal);
	/* We are in that group, but another thread may take the signal. The call begins anew when we go on. */
	user_work_set(current_thread(), USER_WORK_SIGNAL);
	return -ERESTARTSYS;
}

/* Everybody of the session loses the terminal. Lock held. */
static void detach_locked(struct tty *tty)
{
	struct process *member;
	if (!tty->session)
		return;
	for_each_in_session_locked(member, tty->session) if (member->tty == tty)
	    atomic_store(&member->tty, NULL);
	tty->session = 0;
	atomic_store(&tty->foreground, 0u);
}

static int set_controlling_locked(struct tty *tty, bool may_steal)
{
	struct process *process = current_process();
	if (is_leader(process) && process->tty == tty)
		return 0;
	if (!is_leader(process) || process->tty)
		return -EPERM;
	if (tty->session) {
		if (!may_steal)
			return -EPERM;
		detach_locked(tty);
	}
	tty->session = process->session->number;
	atomic_store(&tty->foreground, process->group->number);
	atomic_store(&process->tty, tty);
	return 0;
}

int job_set_controlling(struct tty *tty, bool steal)
{
	bool may_steal = steal && has_power(POWER_SYS_ADMIN);
	lock_tree();
	int err = set_controlling_locked(tty, may_steal);
	unlock_tree();
	return err;
}

/* The session is left without a terminal: those in front are told. */
static void abandon(struct tty *tty)
{
	lock_tree();
	uint32_t group = tty->foreground;
	detach_locked(tty);
	unlock_tree();
	send_to_group(group, SIGHUP);
	send_to_group(group, SIGCONT);
}

int job_give_up(struct tty *tty)
{
	struct process *process = current_process();
	if (atomic_load(&process->tty) != tty)
		return -ENOTTY;
	if (is_leader(process))
		abandon(tty);
	else
		atomic_store(&process->tty, NULL);
	return 0;
}

void tty_exit_session(struct process *leader)
{
	struct tty *tty = leader->tty;
	if (tty && is_leader(leader))
		abandon(tty);
}

void tty_hangup(struct tty *tty)
{
	uint32_t session = atomic_load(&tty->session);
	atomic_fetch_add(&tty->hangups, 1);
	mutex_lock(&tty->lock);
	line_flush_input(&tty->line);
	mutex_unlock(&tty->lock);
	struct process *leader = session ? process_find(session) : NULL;
	if (leader) {
		struct signal_info hangup = signal_info_kernel(SIGHUP),
				   go_on = signal_info_kernel(SIGCONT);
		int ignored = signal_send_process(leader, &hangup);
		ignored |= signal_send_process(leader, &go_on);
		(void)ignored;
		process_put(leader);
	}
	abandon(tty);
	tty_wake(&tty->read_wait);
	tty_wake(&tty->write_wait);
	tty_wake(&tty->room_wait);
}

int64_t job_foreground(struct tty *tty)
{
	if (atomic_load(&current_process()->tty) != tty)
		return -ENOTTY;
	return atomic_load(&tty->foreground);
}

int job_set_foreground(struct tty *tty, uint32_t group)
{
	struct process *process = current_process();
	/* Linux answers in this order. */
	if (atomic_load(&process->tty) != tty)
		return -ENOTTY;
	if ((int32_t)group < 0)
		return -EINVAL;
	int err = job_check(tty, SIGTTOU);
	if (err)
		return err;
	lock_tree();
	if (process->tty != tty || tty->session != process->session->number)
		err = -ENOTTY;
	else
		err = group_is_in_session_locked(group, process->session);
	if (!err)
		atomic_store(&tty->foreground, group);
	unlock_tree();
	return err;
}

int64_t job_session(struct tty *tty)
{
	if (atomic_load(&current_process()->tty) != tty)
		return -ENOTTY;
	uint32_t session = atomic_load(&tty->session);
	return session ? (int64_t)session : -ENOTTY;
}
