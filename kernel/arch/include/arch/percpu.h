/*
 * Per-CPU variables. PER_CPU(type, name) defines one, zero at first on every CPU (an initialiser does not compile: CPUs get their copies at
 * different times, so an init function that runs on each CPU sets what is not zero). They lie in a section of their own, of which every CPU gets
 * a copy; CPU 0 uses the section itself, so per-CPU variables work from the first instruction. The GS base of a CPU is the distance from the
 * section to its copy, so `gs:name` is this CPU's variable: a read, write or increment of a word is one instruction and needs no lock against
 * migration.
 *
 * this_cpu_ptr() is only meaningful while the thread cannot move: preemption or interrupts off.
 * On the host every simulated CPU has a copy too; host_cpu_select() says which one "this" is.
 */
#pragma once

#include <lib/types.h>

#define CPU_MAX 64
/* A set of CPUs: one word, because there are at most 64. */
typedef uint64_t cpumask_t;

#define PER_CPU(type, name)         SECTION(PER_CPU_SECTION) __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern SECTION(PER_CPU_SECTION) __typeof__(type) name

#ifdef EXO_KERNEL
#define PER_CPU_SECTION    ".bss.percpu"
#define this_cpu_read(var) (*(__typeof__(var) volatile __seg_gs *)(uintptr_t) & (var))
#define this_cpu_write(var, v)                                                                     \
	((void)(*(__typeof__(var) volatile __seg_gs *)(uintptr_t) & (var) = (v)))
/* For what only this CPU changes, and not from interrupts: the compiler may fold the read into the instruction that uses it, or
 * reuse an earlier one up to the next barrier. */
#define this_cpu_peek(var) (*(__typeof__(var) __seg_gs *)(uintptr_t) & (var))
/* One instruction each, so also atomic against interrupts of this CPU. */
#define this_cpu_inc(var)     this_cpu_add(var, 1)
#define this_cpu_dec(var)     this_cpu_add(var, -1)
#define this_cpu_add(var, n)  ((void)(*(__typeof__(var) __seg_gs *)(uintptr_t) & (var) += (n)))
#define this_cpu_ptr(var)     ((__typeof__(&(var)))((uintptr_t) & (var) + this_cpu_read(percpu_offset)))
#define per_cpu_ptr(var, cpu) ((__typeof__(&(var)))((uintptr_t) & (var) + percpu_offsets[cpu]))
#else
#define PER_CPU_SECTION        "percpu"
extern _Thread_local uintptr_t host_percpu_offset;
#define this_cpu_ptr(var)      ((__typeof__(&(var)))((uintptr_t) & (var) + host_percpu_offset))
#define this_cpu_read(var)     (*this_cpu_ptr(var))
#define this_cpu_peek(var)     this_cpu_read(var)
#define this_cpu_write(var, v) ((void)(*this_cpu_ptr(var) = (v)))
#define this_cpu_add(var, n)   ((void)(*this_cpu_ptr(var) += (n)))
#define this_cpu_inc(var)      this_cpu_add(var, 1)
#define this_cpu_dec(var)      this_cpu_add(var, -1)
#define per_cpu_ptr(var, cpu)  ((__typeof__(&(var)))((uintptr_t) & (var) + percpu_offsets[cpu]))
#endif

DECLARE_PER_CPU(uintptr_t, percpu_offset);
DECLARE_PER_CPU(unsigned, cpu_number);
extern uintptr_t percpu_offsets[CPU_MAX];

static inline unsigned this_cpu(void)
{
	return this_cpu_read(cpu_number);
}

/* CPUs are numbered from 0 without gaps; the numbers say nothing about APIC ids. */
extern unsigned cpu_count; /* found and usable (possible); valid after the machine was described */
extern cpumask_t cpu_online_mask; /* started and scheduling; read with atomic_load */

#define for_each_cpu_in(cpu, mask)                                                                 \
	for (cpumask_t mask_##cpu = (mask); mask_##cpu; mask_##cpu &= mask_##cpu - 1)              \
		for (unsigned cpu = (unsigned)__builtin_ctzll(mask_##cpu), once_##cpu = 1;         \
		     once_##cpu; once_##cpu = 0)

static inline cpumask_t cpumask_of(unsigned cpu)
{
	return 1ull << cpu;
}
