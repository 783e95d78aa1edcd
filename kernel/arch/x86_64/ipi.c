/*
 * Inter-processor interrupts, and functions called on other CPUs.
 *
 * smp_call puts a note into the queue of each CPU that is meant, interrupts those whose queue was empty, and waits until all
 * have run the function. While it waits, interrupts are on, so two CPUs that call each other both make progress. The
 * notes belong to the caller's CPU, one for each receiver: a CPU has one call in flight (preemption is off), so
 * nothing is allocated and nothing can run out.
 *
 * Queues are stacks that any CPU pushes to with one compare-and-swap and their owner takes as a whole.
 */
#include "lapic_impl.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <irq/controller.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <mm/tlb.h>
#include <sync/preempt.h>

/* On the caller's stack. */
struct call {
	void (*fn)(void *arg); /* I */
	void *arg;             /* I */
	unsigned pending;      /* a: CPUs that have not run it yet */
};

struct note {
	struct note *next; /* a: the receiver's queue */
	struct call *call;
};

static PER_CPU(struct note[CPU_MAX], notes); /* the caller's, one for each receiver */
static PER_CPU(struct note *, call_queue);   /* a: newest first */

static const uint8_t ipi_vectors[IPI_COUNT] = {
    [IPI_RESCHEDULE] = VECTOR_RESCHEDULE,
    [IPI_CALL] = VECTOR_CALL,
    [IPI_TLB] = VECTOR_TLB,
};

void smp_send_ipi(unsigned cpu, enum ipi ipi)
{
	uint32_t apic_id = *per_cpu_ptr(lapic_cpu_id, cpu);
	if (unlikely(ipi == IPI_STOP))
		lapic_send_nmi(apic_id);
	else
		lapic_send_ipi(apic_id, ipi_vectors[ipi]);
}

void smp_send_ipi_mask(cpumask_t mask, enum ipi ipi)
{
	for_each_cpu_in(cpu, mask)
		smp_send_ipi(cpu, ipi);
}

/* True when the queue was empty: then nobody has interrupted its owner yet. */
static bool push(unsigned cpu, struct note *note)
{
	struct note **queue = per_cpu_ptr(call_queue, cpu);
	struct note *newest = atomic_load(queue);
	do {
		note->next = newest;
	} while (!atomic_cas(queue, &newest, note));
	return !newest;
}

/* Oldest first, as they were sent. */
static struct note *reverse(struct note *note)
{
	struct note *reversed = NULL;
	while (note) {
		struct note *next = note->next;
		note->next = reversed;
		reversed = note;
		note = next;
	}
	return reversed;
}

static void run_queue(void *arg)
{
	(void)arg;
	struct note *note = reverse(atomic_swap(this_cpu_ptr(call_queue), NULL));
	while (note) {
		/* The last decrement gives note and call back to their owner. */
		struct note *next = note->next;
		struct call *call = note->call;
		call->fn(call->arg);
		atomic_fetch_sub(&call->pending, 1);
		note = next;
	}
}

static void run_here(void (*fn)(void *arg), void *arg)
{
	irq_flags_t flags = irq_save();
	interrupt_enter();
	fn(arg);
	interrupt_exit();
	irq_restore(flags);
}

static void send_call(cpumask_t mask, struct call *call)
{
	struct note *own = *this_cpu_ptr(notes);
	call->pending = (unsigned)__builtin_popcountll(mask);
	for_each_cpu_in(cpu, mask) {
		own[cpu].call = call;
		if (push(cpu, &own[cpu]))
			smp_send_ipi(cpu, IPI_CALL);
	}
}

void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg)
{
	assert_no_interrupt();
	preempt_disable();
	cpumask_t self = cpumask_of(this_cpu());
	cpumask_t others = mask & atomic_load(&cpu_online_mask) & ~self;
	struct call call = {.fn = fn, .arg = arg};

	/* With interrupts off, a CPU that calls us at the same time would wait forever. */
	assert(!others || !irqs_are_off());
	if (others)
		send_call(others, &call);
	if (mask & self)
		run_here(fn, arg);
	while (atomic_load_acquire(&call.pending))
		cpu_relax();
	preempt_enable();
}

/* Its purpose is the way out of dispatch, which looks at need_resched. */
static void handle_reschedule(void *arg)
{
	(void)arg;
}

static void handle_tlb(void *arg)
{
	(void)arg;
	tlb_handle_ipi();
}

void ipi_take_vectors(void)
{
	irq_set_cpu_vector(VECTOR_RESCHEDULE, handle_reschedule, "reschedule");
	irq_set_cpu_vector(VECTOR_CALL, run_queue, "call");
	irq_set_cpu_vector(VECTOR_TLB, handle_tlb, "TLB");
}
