/* Process groups and sessions, as POSIX has them (XBD §3, setpgid, setsid). */
#include "process_impl.h"

#include <abi/linux/signal.h>

uint32_t stopped_count;

void group_join_locked(struct process *process, struct pid *group)
{
	rcu_assign(process->group, pid_get(group));
	list_push_back(&group->group, &process->group_link);
}

void session_join_locked(struct process *process, struct pid *session)
{
	rcu_assign(process->session, pid_get(session));
	list_push_back(&session->session, &process->session_link);
}

/* The process keeps its references: whoever still looks at it may ask for the numbers. */
void group_leave_locked(struct process *process)
{
	list_remove(&process->group_link);
	list_remove(&process->session_link);
}

uint32_t process_group_number(const struct process *process)
{
	rcu_read_lock();
	uint32_t number = rcu_dereference(process->group)->number;
	rcu_read_unlock();
	return number;
}

bool group_is_orphaned_locked(const struct pid *group, const struct process *ignored)
{
	struct process *member;
	list_for_each(member, &group->group, group_link) {
		const struct process *parent = member->parent;
		if (member == ignored || member->state == PROCESS_ZOMBIE || !parent ||
		    !parent->parent || parent == ignored)
			continue;
		if (parent->group != group && parent->session == member->session)
			return false;
	}
	return true;
}

static bool has_stopped(const struct pid *group)
{
	struct process *member;
	list_for_each(member, &group->group, group_link)
		if (member->state == PROCESS_STOPPED)
			return true;
	return false;
}

void group_hang_up_if_orphaned_locked(const struct pid *group, const struct process *ignored)
{
	if (!has_stopped(group) || !group_is_orphaned_locked(group, ignored))
		return;
	struct signal_info hangup = signal_info_kernel(SIGHUP), go_on = signal_info_kernel(SIGCONT);
	struct process *member;
	list_for_each(member, &group->group, group_link) {
		signal_send_process(member, &hangup);
		signal_send_process(member, &go_on);
	}
}

/* The group with that number in the caller's session; a process may also found one of its own. */
static int check_group_locked(const struct process *target, struct pid *group)
{
	struct process *caller = current_process();
	if (target->session != caller->session)
		return -EPERM;
	if (target->session == target->pid)
		return -EPERM; /* a session leader */
	if (group == target->pid)
		return 0;
	if (list_is_empty(&group->group))
		return -EPERM;
	return list_first(&group->group, struct process, group_link)->session == caller->session
		   ? 0
		   : -EPERM;
}

static int set_group_locked(struct process *target, uint32_t pgid)
{
	struct process *caller = current_process();
	if (target != caller && target->parent != caller)
		return -ESRCH;
	if (target != caller && target->has_execed)
		return -EACCES;
	rcu_read_lock();
	struct pid *group = pgid ? pid_find(pgid) : target->pid;
	int err = group ? check_group_locked(target, group) : -EPERM;
	if (!err && group != target->group) {
		struct pid *old = target->group;
		list_remove(&target->group_link);
		group_join_locked(target, group);
		pid_put(old);
	}
	rcu_read_unlock();
	return err;
}

int process_set_group(uint32_t pid, uint32_t pgid)
{
	struct process *target = process_find(pid ? pid : current_process()->pid->number);
	if (!target)
		return -ESRCH;
	spin_lock(&process_tree_lock);
	int err = target->state == PROCESS_DEAD ? -ESRCH : set_group_locked(target, pgid);
	spin_unlock(&process_tree_lock);
	process_put(target);
	return err;
}

int64_t process_new_session(void)
{
	struct process *process = current_process();
	int64_t result = -EPERM;
	spin_lock(&process_tree_lock);
	/* The number must not be in use as a group, or two groups would bear it. */
	if (list_is_empty(&process->pid->group)) {
		struct pid *group = process->group, *session = process->session;
		group_leave_locked(process);
		group_join_locked(process, process->pid);
		session_join_locked(process, process->pid);
		pid_put(group);
		pid_put(session);
		process->tty = NULL;
		result = process->pid->number;
	}
	spin_unlock(&process_tree_lock);
	return result;
}

bool process_group_is_orphaned(void)
{
	spin_lock(&process_tree_lock);
	bool is_orphaned = group_is_orphaned_locked(current_process()->group, NULL);
	spin_unlock(&process_tree_lock);
	return is_orphaned;
}

int group_is_in_session_locked(uint32_t group, const struct pid *session)
{
	int err = -ESRCH;
	rcu_read_lock();
	const struct pid *pid = pid_find(group);
	if (pid && !list_is_empty(&pid->group))
		err = list_first(&pid->group, struct process, group_link)->session == session
			  ? 0
			  : -EPERM;
	rcu_read_unlock();
	return err;
}

struct process *session_next_locked(uint32_t session, const struct process *after)
{
	struct process *next = NULL;
	rcu_read_lock();
	const struct pid *pid = pid_find(session);
	const struct list *link = !pid    ? NULL
				  : after ? after->session_link.next
					  : pid->session.next;
	if (link && link != &pid->session)
		next = container_of(link, struct process, session_link);
	rcu_read_unlock();
	return next;
}
