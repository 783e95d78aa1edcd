/*
 * Other processors: starting them and interrupting them.
 */
#pragma once

#include <arch/percpu.h>

/* The reasons for which one CPU interrupts another. Each has its own vector. */
enum ipi {
	IPI_RESCHEDULE, /* look at need_resched on the way out */
	IPI_CALL,       /* run the functions queued by smp_call() */
	IPI_TLB,        /* drop translations, see <mm/tlb.h> */
	IPI_STOP, /* panic: stop for good (sent as NMI, so that it works with interrupts off) */
	IPI_COUNT,
};

/* Context: any. Sending to the calling CPU is allowed, except IPI_STOP. */
void smp_send_ipi(unsigned cpu, enum ipi ipi);
void smp_send_ipi_mask(cpumask_t mask, enum ipi ipi);

/* Runs fn(arg) on each CPU of the mask, in interrupt context there, and waits for all of them. The calling CPU may be
 * in the mask. Context: interrupts on, no spinlock held. */
void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg);

/* Starts every CPU that the machine has and waits for each, at most a second; a CPU that does not answer is left
 * out and a message says so. Boot only. */
void smp_start_all(void);
