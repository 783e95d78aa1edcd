/*
 * Looking into another process, which may exec or exit meanwhile: what it has is taken with a reference under the tree lock, under which it is
 * also replaced and given up. execve replaces what it has and who may see it in one step, so both are looked at in one.
 */
#include "process_impl.h"

/* All ids the same, all powers our own, and a program that anybody may look into. */
static bool is_open_to(const struct process *process, const struct credentials *other,
    const struct credentials *own, enum look_ids ids)
{
	bool by_fs = ids == LOOK_BY_FS_IDS;
	uint32_t uid = by_fs ? own->fsuid : own->uid, gid = by_fs ? own->fsgid : own->gid;
	uint64_t powers = by_fs ? own->cap_effective : own->cap_permitted;
	return other->uid == uid && other->euid == uid && other->suid == uid && other->gid == gid &&
	       other->egid == gid && other->sgid == gid && !(other->cap_permitted & ~powers) &&
	       process->dumpable == 1;
}

/* Tree lock held. */
static bool may_look_locked(const struct process *process, enum look_ids ids)
{
	if (ids == LOOK_FOR_KERNEL || process == current_process() || has_power(POWER_SYS_PTRACE))
		return true;
	if (list_is_empty(&process->tasks))
		return false;
	const struct task *task = list_first(&process->tasks, struct task, link);
	rcu_read_lock();
	bool may =
	    is_open_to(process, rcu_dereference(task->credentials), current_credentials(), ids);
	rcu_read_unlock();
	return may;
}

bool process_may_look(struct process *process, enum look_ids ids)
{
	spin_lock(&process_tree_lock);
	bool may = may_look_locked(process, ids);
	spin_unlock(&process_tree_lock);
	return may;
}

struct credentials *task_credentials_get(const struct task *task)
{
	struct credentials *creds;
	rcu_read_lock();
	/* A thread may part with them, and its reference be the last, until ours is there. */
	do
		creds = rcu_dereference(task->credentials);
	while (!credentials_try_get(creds));
	rcu_read_unlock();
	return creds;
}

struct address_space *process_space(struct process *process, enum look_ids ids)
{
	spin_lock(&process_tree_lock);
	struct address_space *space = process->space && may_look_locked(process, ids)
					  ? address_space_get(process->space)
					  : NULL;
	spin_unlock(&process_tree_lock);
	return space;
}

struct file_context *process_file_context(struct process *process, enum look_ids ids)
{
	spin_lock(&process_tree_lock);
	struct file_context *context = process->files_context && may_look_locked(process, ids)
					   ? file_context_get(process->files_context)
					   : NULL;
	spin_unlock(&process_tree_lock);
	return context;
}

struct object *process_executable(struct process *process, enum look_ids ids)
{
	spin_lock(&process_tree_lock);
	struct object *object = process->executable && may_look_locked(process, ids)
				    ? object_get(process->executable)
				    : NULL;
	spin_unlock(&process_tree_lock);
	return object;
}

bool process_capability(
    struct process *process, enum look_ids ids, int fd, struct capability *capability)
{
	spin_lock(&process_tree_lock);
	bool is_there = process->capabilities && may_look_locked(process, ids) &&
			cap_copy(process->capabilities, fd, capability);
	spin_unlock(&process_tree_lock);
	return is_there;
}

bool process_next_descriptor(struct process *process, enum look_ids ids, int *fd)
{
	spin_lock(&process_tree_lock);
	bool is_there = process->capabilities && may_look_locked(process, ids) &&
			cap_next(process->capabilities, fd);
	spin_unlock(&process_tree_lock);
	return is_there;
}

void process_replace(void *place, void *value)
{
	spin_lock(&process_tree_lock);
	atomic_store((void **)place, value);
	spin_unlock(&process_tree_lock);
}
