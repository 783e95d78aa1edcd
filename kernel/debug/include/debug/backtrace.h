/*
 * How a thread came to where it is: the chain of frame pointers (all code keeps RBP), each link checked before it is followed, so
 * that a damaged stack ends the list and does not fault.
 *
 * Context: any.
 */
#pragma once

#include <lib/types.h>

struct thread;

#define BACKTRACE_MAX 64

/* The checks that frame_walk makes: is a word readable there, is this an address of code, and does it return into the
 * entry of a trap? Behind the frame of the function that such an entry called lie the interrupted registers. */
struct frame_checks {
	bool (*is_readable)(uintptr_t address);
	bool (*is_code)(uintptr_t address);
	bool (*is_trap_entry)(uintptr_t address);
	size_t interrupted_ip; /* its offset in the registers */
};

/* Follows the chain from `frame` (a saved RBP). Puts up to `max` return addresses, innermost first; returns how many. What a
 * trap interrupted counts as an address too: the next instruction, like a return address. */
unsigned frame_walk(
    uintptr_t frame, const struct frame_checks *checks, uintptr_t *addresses, unsigned max);

/* With the kernel's own checks. */
unsigned backtrace_from(uintptr_t frame, uintptr_t *addresses, unsigned max);

/* Prints to the console: where `ip` is (0: not known), then its callers from `frame` on. */
void backtrace_print(uintptr_t ip, uintptr_t frame);

/* Where a thread that does not run waits. A thread that runs, runs on: then only its CPU is told. */
void backtrace_print_thread(const struct thread *thread);
/* Of every thread, with its state. */
void threads_print_backtraces(void);

/* Whether eight bytes at a kernel address can be read now. */
bool address_is_readable(uintptr_t address);
