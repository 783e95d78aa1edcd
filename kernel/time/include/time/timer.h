/*
 * Timers: a function called in interrupt context at a point on the uptime clock. Each CPU keeps its armed timers in a tree
 * ordered by deadline and programs its one-shot timer for the first; a CPU without timers gets no tick at all. A periodic
 * timer is one whose handler arms it again, for its last deadline plus the period.
 *
 * Life cycle: timer_init; then armed and idle in turn. A timer may be re-armed or cancelled from any context, its own
 * handler included. timer_cancel_sync must be used before the memory goes away, because the handler
 * may be running on another CPU. (A handler may free its own timer, if nobody else knows it.)
 */
#pragma once

#include <arch/percpu.h>
#include <lib/rbtree.h>
#include <lib/types.h>

struct timer {
	struct rb_node node;                  /* b */
	nsec_t deadline;                      /* b */
	void (*handler)(struct timer *timer); /* I */
	struct timer_base *base;              /* b: a CPU's; NULL while it moves to another */
	bool is_armed;                        /* b */
	/* I: set at init; b: the lock of the base that it belongs to */
};

void timer_init(struct timer *timer, void (*handler)(struct timer *timer));
/* On this CPU (or, while its handler runs, on that one's); replaces an earlier deadline. One in the past fires at once. A handler
 * never runs on two CPUs at a time. Context: any but NMI. */
void timer_arm(struct timer *timer, nsec_t deadline);
/* True when it was armed, and so will not fire. Context: any but NMI. */
bool timer_cancel(struct timer *timer);
/* Also waits until a running handler has returned. Context: not from the handler itself, no lock that it takes. */
bool timer_cancel_sync(struct timer *timer);

/* The timer interrupt of this CPU. */
void timer_interrupt(void);
/* The first deadline of this CPU, NSEC_MAX when there is none. */
nsec_t timer_next_deadline(void);

struct timer_stats {
	uint64_t armed;                        /* now */
	uint64_t fired, cancelled, interrupts; /* since boot */
};
void timer_stats(unsigned cpu, struct timer_stats *stats);

/* Each CPU, before its first timer. */
void timer_init_cpu(void);
