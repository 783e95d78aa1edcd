/* threads and backtrace. */
#include "command.h"

#include <debug/backtrace.h>
#include <lib/string.h>
#include <log/log.h>
#include <sched/thread.h>
#include <time/clock.h>

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {[THREAD_NEW] = "new",
	    [THREAD_READY] = "ready",
	    [THREAD_RUNNING] = "running",
	    [THREAD_BLOCKED] = "blocked",
	    [THREAD_MOVING] = "moving",
	    [THREAD_TERMINATED] = "ended"};
	return state < ARRAY_LEN(names) ? names[state] : "?";
}

static const char *queue_name(const struct thread *thread)
{
	static const char *const names[] = {
	    [QUEUE_HOT] = "hot", [QUEUE_NORMAL] = "normal", [QUEUE_COLD] = "cold"};
	if (thread->is_idle)
		return "idle";
	if (thread->policy != POLICY_FAIR)
		return thread->policy == POLICY_FIFO ? "fifo" : "rr";
	return thread->queue < ARRAY_LEN(names) ? names[thread->queue] : "?";
}

static const char *priority_name(unsigned priority)
{
	static const char *const names[] = {[PRIORITY_IDLE] = "idle",
	    [PRIORITY_LOW] = "low",
	    [PRIORITY_NORMAL] = "normal",
	    [PRIORITY_HIGH] = "high",
	    [PRIORITY_REALTIME] = "realtime"};
	return priority < ARRAY_LEN(names) ? names[priority] : "?";
}

static void print_thread(struct thread *thread, void *ctx)
{
	(void)ctx;
	console_printf("%5u  %-15.*s  %-8s  %3u  %-8s  %-6s  %8llu  %8lu\n", thread->id,
	    THREAD_NAME_MAX, thread->name, state_name(atomic_load(&thread->state)),
	    atomic_load(&thread->cpu), priority_name(thread->priority), queue_name(thread),
	    tsc_to_ns(thread->run_ticks) / NSEC_PER_USEC, thread->switches);
}

void command_threads(unsigned argc, char **argv)
{
	(void)argc, (void)argv;
	console_printf(
	    "   id  name             state     CPU  priority  queue     run us  switches\n");
	thread_for_each(print_thread, NULL);
}

struct wanted {
	uint64_t id;
	bool found;
};

static void print_if_wanted(struct thread *thread, void *ctx)
{
	struct wanted *wanted = ctx;
	if (thread->id != wanted->id)
		return;
	wanted->found = true;
	backtrace_print_thread(thread);
}

void command_backtrace(unsigned argc, char **argv)
{
	struct wanted wanted = {0};
	if (argc < 2) {
		threads_print_backtraces();
		return;
	}
	if (str_to_u64(argv[1], 0, &wanted.id))
		thread_for_each(print_if_wanted, &wanted);
	if (!wanted.found)
		console_printf("backtrace: no thread %s\n", argv[1]);
}
