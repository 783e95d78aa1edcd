/* SEM_UNDO: what a process did to semaphores is taken back when it ends. */
#include "semaphore.h"

#include <mm/slab.h>
#include <process/process.h>

struct undo *undo_of(struct set *set)
{
	struct process *process = current_process();
	struct undo *undo;
	list_for_each(undo, &set->undos, link)
		if (undo->process == process)
			return undo;
	undo = kzalloc(sizeof(*undo) + set->count * sizeof(undo->changes[0]));
	if (!undo)
		return NULL;
	undo->process = process;
	process->undoes_semaphores = true;
	list_push_back(&set->undos, &undo->link);
	return undo;
}

void undo_forget(struct set *set, int number)
{
	struct undo *undo;
	list_for_each(undo, &set->undos, link)
		for (uint64_t i = 0; i < set->count; i++)
			if (number < 0 || (uint64_t)number == i)
				undo->changes[i] = 0;
}

void undo_free_all(struct set *set)
{
	struct undo *undo, *next;
	list_for_each_safe(undo, next, &set->undos, link)
		kfree(undo);
}

static void take_back(struct set *set, const struct undo *undo)
{
	for (uint64_t i = 0; i < set->count; i++) {
		if (!undo->changes[i])
			continue;
		int value = set->semaphores[i].value + undo->changes[i];
		set->semaphores[i].value = (uint16_t)min(max(value, 0), SYSV_VALUE_MAX);
		set->semaphores[i].last_pid = undo->process->pid->number;
	}
	sysv_wake(&set->object);
}

static void undo_of_process(void *ctx, struct sysv_object *object)
{
	const struct process *process = ctx;
	struct set *set = set_of(object);
	struct undo *undo, *next;
	list_for_each_safe(undo, next, &set->undos, link) {
		if (undo->process != process)
			continue;
		take_back(set, undo);
		list_remove(&undo->link);
		kfree(undo);
	}
}

void sysv_exit_process(struct process *process)
{
	if (process->undoes_semaphores)
		sysv_for_each(&sysv_semaphores, undo_of_process, process);
}
