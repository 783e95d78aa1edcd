/* Limits of resources, and the nice value. */
#include <abi/errno.h>
#include <abi/linux/process.h>
#include <abi/linux/structs.h>
#include <arch/user_copy.h>
#include <posixx/posixx.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#define OPEN_FILES_MAX (1u << 20)
#define PRIO_PROCESS   0
#define PRIO_PGRP      1
#define PRIO_USER      2
#define NICE_MIN       (-20)
#define NICE_MAX       19

/* Both at once, under the lock that keeps the pair together. */
static int exchange_limit(struct process *process, unsigned resource,
    const struct linux_rlimit *new, struct linux_rlimit *old)
{
	int err = 0;
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct rlimit_pair *limit = &process->limits[resource];
	*old = (struct linux_rlimit){limit->current, limit->maximum};
	if (new &&new->maximum > limit->maximum && !has_power(POWER_SYS_RESOURCE))
		err = -EPERM;
	if (new && !err) {
		atomic_store(&limit->current, new->current);
		atomic_store(&limit->maximum, new->maximum);
	}
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return err;
}

static int change_limit(struct process *process, unsigned resource, uaddr_t new_at, uaddr_t old_at)
{
	struct linux_rlimit new, old;
	bool is_set = !uaddr_is_null(new_at);
	if (is_set && copy_from_user(&new, new_at, sizeof(new)))
		return -EFAULT;
	if (resource >= RLIMIT_COUNT || (is_set && new.current > new.maximum))
		return -EINVAL;
	if (is_set && resource == RLIMIT_NOFILE && new.maximum > OPEN_FILES_MAX)
		return -EPERM;
	int err = exchange_limit(process, resource, is_set ? &new : NULL, &old);
	if (!err && !uaddr_is_null(old_at))
		err = copy_to_user(old_at, &old, sizeof(old));
	return err;
}

int64_t sys_getrlimit(unsigned resource, uaddr_t limit)
{
	struct linux_rlimit old;
	if (resource >= RLIMIT_COUNT)
		return -EINVAL;
	int err = exchange_limit(current_process(), resource, NULL, &old);
	return err ? err : copy_to_user(limit, &old, sizeof(old));
}

int64_t sys_setrlimit(unsigned resource, uaddr_t limit)
{
	struct linux_rlimit probe;
	if (copy_from_user(&probe, limit, sizeof(probe)))
		return -EFAULT;
	return change_limit(current_process(), resource, limit, (uaddr_t){0});
}

/* All ids of the target are the caller's real ones. */
static bool owns(const struct process *process)
{
	const struct credentials *creds = current_credentials();
	rcu_read_lock();
	const struct task *task = rcu_dereference(process->pid->task);
	const struct credentials *other = task ? rcu_dereference(task->credentials) : NULL;
	bool is_own = other && creds->uid == other->uid && creds->uid == other->euid &&
		      creds->uid == other->suid && creds->gid == other->gid &&
		      creds->gid == other->egid && creds->gid == other->sgid;
	rcu_read_unlock();
	return is_own;
}

int64_t sys_prlimit64(int pid, unsigned resource, uaddr_t new_limit, uaddr_t old_limit)
{
	if (resource >= RLIMIT_COUNT)
		return -EINVAL;
	if (!pid)
		return change_limit(current_process(), resource, new_limit, old_limit);
	struct process *process = pid > 0 ? process_find((uint32_t)pid) : NULL;
	if (!process)
		return -ESRCH;
	int err = process == current_process() || owns(process) || has_power(POWER_SYS_RESOURCE)
		      ? 0
		      : -EPERM;
	if (!err)
		err = change_limit(process, resource, new_limit, old_limit);
	process_put(process);
	return err;
}

/* Our scheduler has four fair priorities; nice values are gathered in them. */
enum thread_priority posixx_priority_of_nice(int nice)
{
	return nice <= -5        ? PRIORITY_HIGH
	       : nice < 5        ? PRIORITY_NORMAL
	       : nice < NICE_MAX ? PRIORITY_LOW
				 : PRIORITY_IDLE;
}

static void apply_nice(struct process *process)
{
	process_set_priority(process, posixx_priority_of_nice(process->nice));
}

struct priority_request {
	int which, result, value;
	uint32_t who;
	bool is_set;
};

static bool is_meant(const struct priority_request *request, const struct process *process)
{
	if (process->state == PROCESS_DEAD)
		return false;
	if (request->which == PRIO_PROCESS)
		return process->pid->number == request->who;
	if (request->which == PRIO_PGRP)
		return process_group_number(process) == request->who;
	rcu_read_lock();
	const struct task *task = rcu_dereference(process->pid->task);
	bool is_user = task && rcu_dereference(task->credentials)->uid == request->who;
	rcu_read_unlock();
	return is_user;
}

static int set_nice(struct process *process, int nice)
{
	const struct credentials *creds = current_credentials();
	rcu_read_lock();
	const struct task *task = rcu_dereference(process->pid->task);
	const struct credentials *other = task ? rcu_dereference(task->credentials) : creds;
	bool is_own = other->uid == creds->euid || other->euid == creds->euid;
	rcu_read_unlock();
	if (!is_own && !has_power(POWER_SYS_NICE))
		return -EPERM;
	if (nice < process->nice && !has_power(POWER_SYS_NICE) &&
	    (uint64_t)(20 - nice) > process_limit(process, RLIMIT_NICE))
		return -EACCES;
	process->nice = (int8_t)nice;
	apply_nice(process);
	return 0;
}

static bool visit(void *ctx, struct process *process)
{
	struct priority_request *request = ctx;
	spin_lock(&process_tree_lock);
	bool meant = is_meant(request, process);
	spin_unlock(&process_tree_lock);
	if (!meant)
		return true;
	if (!request->is_set) {
		request->result = max(request->result, 20 - process->nice);
		return true;
	}
	int err = set_nice(process, request->value);
	if (err || request->result == -ESRCH)
		request->result = err;
	return true;
}

static int64_t for_each_meant(struct priority_request *request, int who)
{
	const struct process *self = current_process();
	if (request->which < PRIO_PROCESS || request->which > PRIO_USER)
		return -EINVAL;
	request->result = -ESRCH;
	request->who = (uint32_t)who;
	if (!who)
		request->who = request->which == PRIO_PROCESS ? self->pid->number
			       : request->which == PRIO_PGRP  ? process_group_number(self)
							      : current_credentials()->uid;
	process_for_each(visit, request);
	return request->result;
}

/* 1 to 40, so that no value looks like an error: libraries take it from 20. */
int64_t sys_getpriority(int which, int who)
{
	struct priority_request request = {.which = which};
	return for_each_meant(&request, who);
}

int64_t sys_setpriority(int which, int who, int value)
{
	struct priority_request request = {
	    .which = which, .is_set = true, .value = min(max(value, NICE_MIN), NICE_MAX)};
	return for_each_meant(&request, who);
}
