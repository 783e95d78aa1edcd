/* Allocations of chosen threads that fail, so that tests see what becomes of programs, and of the kernel, that get no memory. */
#include "process_impl.h"

#include <mm/alloc_fail.h>

static bool chooses(void)
{
	const struct thread *thread = current_thread();
	struct task *task = thread ? thread->task : NULL;
	if (!task || !task->fail_interval || in_interrupt())
		return false;
	task->fail_state = task->fail_state * 1664525 + 1013904223;
	return (task->fail_state >> 8) % task->fail_interval == 0;
}

void process_make_fail(uint32_t interval)
{
	static bool is_armed; /* a: for good */
	current_task()->fail_interval = interval;
	if (interval && !atomic_swap(&is_armed, true))
		alloc_fail_by(chooses);
}
