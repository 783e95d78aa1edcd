/* Private to kernel/irq: the table of vectors that dispatch reads, and the lock of those who change it. */
#pragma once

#include <arch/irq.h>
#include <irq/controller.h>
#include <sync/spinlock.h>

/* One vector of one CPU. 32 bytes, so that dispatch touches one cache line. */
struct irq_vector {
	irq_handler_t handler; /* a: NULL when nobody wants it; set last, cleared first */
	void *arg;             /* lock, while handler is NULL */
	const char *name;      /* lock */
	uint64_t count;        /* the CPU's */
};

/* Vectors, lines and controllers. */
extern struct spinlock irq_lock;

/* Allocates `count` vectors on the CPU and installs handler(args[i]) there, under the lock. The first vector, or -errno. */
MUST_USE int irq_vectors_install_locked(
    unsigned cpu, unsigned count, irq_handler_t handler, void *const *args, const char *name);
/* Which line leads to a vector, under the lock: stats->gsi, is_level. */
void irq_line_tell_locked(struct irq_stats *stats);
/* Takes it back where no interrupt can have come yet. */
void irq_vectors_undo_locked(unsigned cpu, unsigned vector, unsigned count);
/* When this returns, no handler of these vectors runs, and others may have the vectors. Context: thread, interrupts on, no
 * spinlock. */
void irq_vectors_release(unsigned cpu, unsigned vector, unsigned count);
/* Returns when handlers that were running on the CPU have returned. Context: thread, interrupts on, no spinlock. */
void irq_synchronize(unsigned cpu);
