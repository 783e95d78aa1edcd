/* Where threads are. */
#include <debug/backtrace.h>
#include <log/log.h>
#include <sched/thread.h>

void backtrace_print_thread(const struct thread *thread)
{
	unsigned cpu = atomic_load(&thread->cpu);
	if (thread == current_thread()) {
		backtrace_print(0, (uintptr_t)__builtin_frame_address(0));
		return;
	}
	if (atomic_load(per_cpu_ptr(current_thread_ptr, cpu)) == thread) {
		console_printf("  runs on CPU %u\n", cpu);
		return;
	}
	uintptr_t ip, frame;
	context_position(&thread->context, &ip, &frame);
	backtrace_print(ip, frame);
}

static void print_thread(struct thread *thread, void *ctx)
{
	static const char *const states[] = {[THREAD_NEW] = "new",
	    [THREAD_READY] = "ready",
	    [THREAD_RUNNING] = "running",
	    [THREAD_BLOCKED] = "blocked",
	    [THREAD_MOVING] = "moving",
	    [THREAD_TERMINATED] = "terminated"};
	(void)ctx;
	uint32_t state = atomic_load(&thread->state);
	console_printf("thread %u \"%.*s\" %s\n", thread->id, THREAD_NAME_MAX, thread->name,
	    state < ARRAY_LEN(states) ? states[state] : "?");
	if (state != THREAD_TERMINATED)
		backtrace_print_thread(thread);
}

void threads_print_backtraces(void)
{
	thread_for_each(print_thread, NULL);
}
