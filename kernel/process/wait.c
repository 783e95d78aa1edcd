/* Waiting for children: to end, to stop, to go on. */
#include "process_impl.h"

#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <wait/interruptible.h>

enum found { FOUND_NOTHING, FOUND_CHILD, FOUND_EVENT };

static bool matches(const struct process *child, const struct wait_request *request)
{
	if (request->which == P_PIDFD && child != request->process)
		return false;
	if (request->which == P_PID && child->pid->number != request->id)
		return false;
	if (request->which == P_PGID && child->group->number != request->id)
		return false;
	if (request->options & __WALL)
		return true;
	/* A "clone child" is one that announces its end by something else than SIGCHLD. */
	return (child->exit_signal != SIGCHLD) == !!(request->options & __WCLONE);
}

static void fill_report(
    struct wait_report *report, struct process *child, int code, int value, int status)
{
	rcu_read_lock();
	struct task *task = rcu_dereference(child->pid->task);
	*report = (struct wait_report){
	    .pid = child->pid->number,
	    .uid = task ? task->credentials->uid : child->exit_uid,
	    .code = code,
	    .value = value,
	    .status = status,
	};
	rcu_read_unlock();
	report->usage = process_usage(child);
	usage_add(&report->usage, &child->reaped);
}

static enum found check_zombie(
    struct process *child, const struct wait_request *request, struct wait_report *report)
{
	int status = child->exit_status;
	bool exited = !(status & 0x7f);
	int code = exited ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;
	fill_report(report, child, code, exited ? status >> 8 & 0xff : status & 0x7f, status);
	if (!(request->options & WNOWAIT)) {
		usage_add(&current_process()->reaped, &report->usage);
		process_reap_locked(child);
	}
	return FOUND_EVENT;
}

static enum found check_stopped(
    struct process *child, const struct wait_request *request, struct wait_report *report)
{
	struct signal_state *signals = &child->signals;
	if (request->options & WSTOPPED && child->state == PROCESS_STOPPED &&
	    !signals->stop_reported) {
		fill_report(report, child, CLD_STOPPED, signals->stop_signal,
		    signals->stop_signal << 8 | 0x7f);
		signals->stop_reported = !(request->options & WNOWAIT);
		return FOUND_EVENT;
	}
	if (request->options & WCONTINUED && signals->continued) {
		fill_report(report, child, CLD_CONTINUED, SIGCONT, 0xffff);
		signals->continued = !!(request->options & WNOWAIT);
		return FOUND_EVENT;
	}
	return FOUND_CHILD;
}

/* Looks at all children once. *reaped: whose last reference is ours to put. Tree lock held. */
static enum found look(
    const struct wait_request *request, struct wait_report *report, struct process **reaped)
{
	enum found result = FOUND_NOTHING;
	struct process *child;
	list_for_each(child, &current_process()->children, sibling) {
		if (!matches(child, request))
			continue;
		enum found found = FOUND_CHILD;
		if (child->state == PROCESS_ZOMBIE) {
			if (request->options & WEXITED)
				found = check_zombie(child, request, report);
		} else {
			found = check_stopped(child, request, report);
		}
		if (found == FOUND_EVENT) {
			*reaped = child->state == PROCESS_DEAD ? child : NULL;
			return found;
		}
		result = FOUND_CHILD;
	}
	return result;
}

static enum found look_and_reap(const struct wait_request *request, struct wait_report *report)
{
	struct process *reaped = NULL;
	spin_lock(&process_tree_lock);
	enum found found = look(request, report, &reaped);
	spin_unlock(&process_tree_lock);
	if (reaped) {
		if (unlikely(atomic_load(&reaped->is_watched)))
			wait_wake_all(&reaped->task_exit);
		process_put(reaped);
	}
	return found;
}

int process_wait(const struct wait_request *request, struct wait_report *report)
{
	struct process *process = current_process();
	struct wait_entry entry;
	int result;
	wait_entry_init(&entry);
	for (;;) {
		wait_prepare(&process->child_exit, &entry);
		enum found found = look_and_reap(request, report);
		result = found == FOUND_EVENT         ? 1
			 : found == FOUND_NOTHING     ? -ECHILD
			 : request->options & WNOHANG ? 0
						      : -ERESTARTSYS;
		if (found != FOUND_CHILD || request->options & WNOHANG || signal_is_pending())
			break;
		thread_block(NSEC_MAX);
	}
	wait_finish(&process->child_exit, &entry);
	return result;
}
