/*
 * Keeping the scheduler off this CPU for a few instructions. Nests. While it is disabled the thread neither
 * moves nor sleeps, so per-CPU data is ours (from threads; interrupts are another matter).
 */
#pragma once

#include <arch/cpu.h>
#include <arch/percpu.h>
#include <lib/atomic.h>

/* preempt_count: depth of preempt_disable; need_resched: somebody should run instead of the current thread. */
DECLARE_PER_CPU(unsigned, preempt_count);
DECLARE_PER_CPU(bool, need_resched);
DECLARE_PER_CPU(unsigned, irq_depth); /* > 0 inside an interrupt handler */

/*
 * The scheduler's, one layer up. sched_preempt: from a thread; switches if it is allowed to (interrupts on, count
 * zero). sched_preempt_irq: the last act of interrupt dispatch, interrupts off and irq_depth back to 0, when need_resched is set
 * and preempt_count is 0; returns when the interrupted thread is to go on.
 */
void sched_preempt(void);
void sched_preempt_irq(void);

static inline void preempt_disable(void)
{
	this_cpu_inc(preempt_count);
	compiler_barrier();
}

static inline void preempt_enable_no_resched(void)
{
	compiler_barrier();
	this_cpu_dec(preempt_count);
}

static inline void preempt_enable(void)
{
	preempt_enable_no_resched();
	/* Count first, look second: an interrupt between the two then either preempts or is seen here. */
	compiler_barrier();
	if (unlikely(this_cpu_peek(need_resched)) && !this_cpu_read(preempt_count))
		sched_preempt();
}

/*
 * The same as the last act of a function that returns a pointer: giving way is then a tail call, so the fast path has no
 * call to come back from and saves no register. Returns p.
 */
void *preempted(void *p);
static ALWAYS_INLINE void *preempt_enable_return(void *p)
{
	preempt_enable_no_resched();
	compiler_barrier();
	return unlikely(this_cpu_peek(need_resched)) ? preempted(p) : p;
}

static inline bool in_interrupt(void)
{
	return this_cpu_read(irq_depth) > 0;
}

/*
 * Quiescent states: moments when a CPU is inside no section with preemption disabled, so holds nothing that it read in
 * one. RCU (<wait/rcu.h>) compares this counter's values: a changed one means that the CPU has passed such a moment; an odd
 * one, that it idles and is in no such section for as long as the count stays odd.
 */
DECLARE_PER_CPU(uint32_t, quiescent_count);

/* The scheduler's, whenever it decides what to run next, whether it switches or not. Context: preemption or interrupts off.
 * A full barrier: what a later section reads is newer than the count. */
static inline void quiescent_pass(void)
{
	atomic_fetch_add(this_cpu_ptr(quiescent_count), 2);
}

/*
 * Around the idle loop's halt, both with interrupts off:
 *
 *     irq_disable(); quiescent_idle_exit(); if (nothing to do) { quiescent_idle_enter(); cpu_wait_for_interrupt(); }
 */
static inline void quiescent_idle_enter(void)
{
	atomic_fetch_add(this_cpu_ptr(quiescent_count), 1);
}

static inline void quiescent_idle_exit(void)
{
	if (this_cpu_read(quiescent_count) & 1)
		atomic_fetch_add(this_cpu_ptr(quiescent_count), 1);
}

/* Around every interrupt handler. A handler that came while the CPU idled ends its quiescence. */
static inline void interrupt_enter(void)
{
	this_cpu_inc(irq_depth);
	quiescent_idle_exit();
}

static inline void interrupt_exit(void)
{
	this_cpu_dec(irq_depth);
}

/* Checks of a function's context, for its first line. Debug builds panic; release builds have nothing. */
#if CONFIG_DEBUG
void assert_may_sleep(void); /* a thread, interrupts on, preemption enabled, so no spinlock held */
void assert_irqs_off(void);
void assert_no_interrupt(void); /* any context but an interrupt handler */
#else
static inline void assert_may_sleep(void)
{
}
static inline void assert_irqs_off(void)
{
}
static inline void assert_no_interrupt(void)
{
}
#endif
