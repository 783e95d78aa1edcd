/* ioprio_set and ioprio_get: kept for each thread and told again. No disk has a queue that could go by it. */
#include <abi/errno.h>
#include <abi/linux/process.h>
#include <posixx/syscalls.h>
#include <process/process.h>

enum { IOPRIO_NONE, IOPRIO_RT, IOPRIO_BEST_EFFORT, IOPRIO_IDLE };
enum { WHO_PROCESS = 1, WHO_GROUP, WHO_USER };
#define CLASS_SHIFT 13
#define LEVELS      8 /* the bits between them and the class are hints to disks */

struct ioprio_request {
	int which, result;
	uint32_t who;
	uint16_t value;
	bool is_set;
};

/* What was never set follows the thread's policy and nice value; but who asks for one process is told what was set. */
static int value_of(const struct task *task, int which)
{
	if (which == WHO_PROCESS || task->ioprio >> CLASS_SHIFT)
		return task->ioprio;
	int class = task->thread->policy != POLICY_FAIR ? IOPRIO_RT
		    : task->fair_policy == SCHED_IDLE   ? IOPRIO_IDLE
							: IOPRIO_BEST_EFFORT;
	return class << CLASS_SHIFT | (task->process->nice + 20) / 5;
}

/* Tree lock held. */
static void apply(struct ioprio_request *request, struct task *task)
{
	const struct credentials *own = current_credentials(), *other;
	rcu_read_lock();
	other = rcu_dereference(task->credentials);
	bool may_change = own->euid == other->uid || own->uid == other->uid;
	rcu_read_unlock();
	if (!request->is_set) {
		/* The highest of all: the least number. */
		int value = value_of(task, request->which);
		request->result = request->result < 0 ? value : min(request->result, value);
	} else if (!may_change && !has_power(POWER_SYS_NICE)) {
		request->result = -EPERM;
	} else {
		atomic_store(&task->ioprio, request->value);
		if (request->result == -ESRCH)
			request->result = 0;
	}
}

static bool visit(void *ctx, struct process *process)
{
	struct ioprio_request *request = ctx;
	struct task *task;
	spin_lock(&process_tree_lock);
	list_for_each(task, &process->tasks, link) {
		rcu_read_lock();
		bool is_meant = request->which == WHO_GROUP
				    ? process->group->number == request->who
				    : rcu_dereference(task->credentials)->uid == request->who;
		rcu_read_unlock();
		if (is_meant)
			apply(request, task);
	}
	spin_unlock(&process_tree_lock);
	return true;
}

static int64_t for_whom(struct ioprio_request *request, int who)
{
	request->result = -ESRCH;
	request->who = (uint32_t)who;
	switch (request->which) {
	case WHO_PROCESS:
		spin_lock(&process_tree_lock);
		rcu_read_lock();
		struct task *task = who ? task_find_locked(request->who) : current_task();
		if (task)
			apply(request, task);
		rcu_read_unlock();
		spin_unlock(&process_tree_lock);
		break;
	case WHO_GROUP:
		if (!who)
			request->who = current_process()->group->number;
		process_for_each(visit, request);
		break;
	case WHO_USER:
		if (!who)
			request->who = current_credentials()->uid;
		process_for_each(visit, request);
		break;
	default: return -EINVAL;
	}
	return request->result;
}

int64_t sys_ioprio_set(int which, int who, int value)
{
	int class = value >> CLASS_SHIFT & 7, level = value & (LEVELS - 1);
	if (value >> 16 || class > (int)IOPRIO_IDLE)
		return -EINVAL;
	if (class == IOPRIO_NONE && level)
		return -EINVAL;
	if (class == IOPRIO_RT && !has_power(POWER_SYS_NICE) && !has_power(POWER_SYS_ADMIN))
		return -EPERM;
	struct ioprio_request request = {.which = which, .value = (uint16_t)value, .is_set = true};
	return for_whom(&request, who);
}

int64_t sys_ioprio_get(int which, int who)
{
	struct ioprio_request request = {.which = which};
	return for_whom(&request, who);
}
