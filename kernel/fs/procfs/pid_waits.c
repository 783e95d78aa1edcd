/* Where a thread waits: /proc/PID/wchan, stack. */
#include "procfs_impl.h"

#include <abi/errno.h>
#include <debug/symbol.h>
#include <lib/string.h>

#define CALLERS_MAX 32

/* Of the thread, or the first one: 0 also when it is gone. */
static unsigned callers_of(const struct proc_subject *subject, uintptr_t *callers)
{
	const struct task *task;
	unsigned count = 0;
	spin_lock(&process_tree_lock);
	list_for_each(task, &subject->process->tasks, link)
		if (!subject->tid || task->pid->number == subject->tid) {
			count = thread_callers(task->thread, callers, CALLERS_MAX);
			break;
		}
	spin_unlock(&process_tree_lock);
	return count;
}

/* "0": it runs, or is none of the reader's business. A return address is behind its call. */
int show_wchan(struct proc_text *text, const struct proc_subject *subject)
{
	uintptr_t callers[CALLERS_MAX];
	struct symbol symbol;
	unsigned count = 0, first = 0;
	if (process_may_look(subject->process, LOOK_BY_FS_IDS))
		count = callers_of(subject, callers);
	while (first < count && address_is_of_waiting(callers[first] - 1))
		first++;
	bool is_known = first < count && symbol_lookup(callers[first] - 1, &symbol);
	proc_print(text, "%s", is_known ? symbol.name : "0");
	return 0;
}

/* Addresses are not told. */
int show_stack(struct proc_text *text, const struct proc_subject *subject)
{
	uintptr_t callers[CALLERS_MAX];
	char name[SYMBOL_TEXT_MAX];
	if (!has_power(POWER_SYS_ADMIN))
		return -EACCES;
	unsigned count = callers_of(subject, callers);
	for (unsigned i = 0; i < count; i++)
		proc_print(text, "[<0>] %s\n", symbol_format(name, callers[i] - 1));
	return 0;
}
