/*
 * What a host test may ask of the simulated machine, beyond the contract of <arch/...>.
 *
 * A test runs as CPU 0 with interrupts on. To play several CPUs it either switches with host_cpu_select(), or starts
 * Unix threads that each select a CPU of their own. Functions of higher layers that low ones call (sched_preempt,
 * smp_call, ...) exist here as weak ones; a test that cares defines its own.
 */
#pragma once

#include <arch/percpu.h>

struct boot_info;

/* The calling Unix thread becomes this CPU: its per-CPU variables, its number. */
void host_cpu_select(unsigned cpu);
/* CPUs 0..count-1 exist and are online. One, until this is called. */
void host_cpus_set(unsigned count);

/*
 * Physical memory: backs the RAM ranges of `info`; touching anything else is a fault. Destroying it makes room for
 * another one. Neither knows the page allocator: that is host_mm_start.
 */
void host_memory_create(const struct boot_info *info);
void host_memory_destroy(void);

/* A machine with one range of RAM from address 0 and the allocators started on it; finish checks that every page and
 * object was given back. */
void host_mm_start(size_t bytes);
void host_mm_finish(void);

/* The deadline that arch_timer_set was last told. */
extern uint64_t host_timer_deadline;
