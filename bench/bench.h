/*
 * What the measures share. A measure is a row of measures.tbl.h and a function run_NAME(n), which runs its operation `n` times. System calls are
 * made in line: libc's wrappers, some of which do much, say nothing about a kernel. Threads, vfork and exec are libc's.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

#define PAGE   4096
#define OPS(n) for (long op_ = 0; op_ < (n); op_++)

#define MEASURE(name, count, times_itself) void run_##name(long n);
#include "measures.tbl.h"
#undef MEASURE

static inline uint64_t ticks(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/* What bench.c prepares: a file of two pages, devices, a pipe, a directory of 1000 names; 256 pages that may be written, and one that may not. */
extern char buffer[65536];
extern int file_fd, zero_fd, null_fd, pipe_fds[2], dots_fd;
extern struct pollfd polled[100];
extern char *area, *protected;

extern volatile bool is_broken; /* an operation failed: its figure means nothing */
/* A measure that times only a part of itself says so here. */
extern uint64_t inner_start, inner_end;

/* A child that calls run(arg) and ends. */
pid_t child_of(void (*run)(void *), void *arg);

/* call(NUMBER, up to six arguments): what the kernel returns, a negative errno for a failure. */
static inline long call_with(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#define CALL_FILLED(number, a, b, c, d, e, f, ...)                                                 \
	call_with(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define call(...) CALL_FILLED(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* Of libc or of the kernel: -1, or a negative errno. */
#define MUST(expression)                                                                           \
	do {                                                                                       \
		if ((unsigned long)(expression) > -4096ul)                                         \
			is_broken = true;                                                          \
	} while (0)
