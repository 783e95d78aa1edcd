/*
 * The timers of timer_create(2): any number a process, each on a clock, each sending its signal. While the signal waits to be taken the timer
 * rests; what it misses meanwhile is counted, and told as the overrun when the signal is taken.
 *
 * Locking: all under the process's signal lock.
 */
#pragma once

#include <process/signal.h>

struct process;

enum posix_timer_target { POSIX_TIMER_SILENT, POSIX_TIMER_PROCESS, POSIX_TIMER_THREAD };
struct posix_timer_request {
	int clock; /* CLOCK_…, one that posix_timer_clock_ok */
	enum posix_timer_target target;
	uint32_t tid; /* POSIX_TIMER_THREAD: of the current process */
	int signal;
	uint64_t value;
	bool value_is_id; /* the value is the timer's number */
};

bool posix_timer_clock_ok(int clock);
/* Of the current process. The number, or -EAGAIN. */
MUST_USE int posix_timer_create(const struct posix_timer_request *request);
/* -EINVAL: there is none with that number. left: until it is due; absolute: left is a time on its clock. */
MUST_USE int posix_timer_set(
    int id, bool absolute, struct signal_interval value, struct signal_interval *old);
MUST_USE int posix_timer_get(int id, struct signal_interval *value);
MUST_USE int posix_timer_overrun(int id);
MUST_USE int posix_timer_delete(int id);
/* execve and the end. Context: may sleep. */
void posix_timers_delete_all(struct process *process);
/* The wall clock was set: timers that wait for a time on it have another way to go. */
void posix_timers_follow_clock(void);
