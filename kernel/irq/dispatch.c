/*
 * From a vector to its handler. Every CPU has a table of its own, so a machine has 191 device vectors per CPU rather than 191
 * altogether, and counting needs no atomic operation.
 *
 * Locking: tables are changed under irq_lock. Dispatch takes no lock: it reads the handler, then what belongs to it. An
 * entry is reused only after irq_synchronize(), when no dispatch can still hold its old contents.
 */
#include "irq_impl.h"
#include "vector_space.h"

#include <abi/errno.h>
#include <arch/smp.h>
#include <log/assert.h>
#include <log/log.h>

struct spinlock irq_lock = SPINLOCK_INIT("irq", RANK_IRQ);

static PER_CPU(struct irq_vector[IRQ_VECTOR_COUNT], irq_vectors);
static PER_CPU(struct vector_space, irq_vector_space); /* irq_lock */
static PER_CPU(uint64_t, irq_unclaimed);
static PER_CPU(uint64_t[BITMAP_WORDS(IRQ_VECTOR_COUNT)], irq_reported); /* the CPU's */

static struct irq_vector *vector_of(unsigned cpu, unsigned vector)
{
	return &(*per_cpu_ptr(irq_vectors, cpu))[vector - IRQ_VECTOR_FIRST];
}

/* Once per vector is enough: a stuck line would otherwise fill the log. */
static NOINLINE void unclaimed(unsigned vector)
{
	uint64_t *reported = *this_cpu_ptr(irq_reported);
	this_cpu_inc(irq_unclaimed);
	if (bitmap_test(reported, vector - IRQ_VECTOR_FIRST))
		return;
	bitmap_set(reported, vector - IRQ_VECTOR_FIRST);
	log_warn("irq", "vector %u on CPU %u: nobody's interrupt", vector, this_cpu());
}

void irq_dispatch(unsigned vector)
{
	debug_assert(vector >= IRQ_VECTOR_FIRST && vector <= IRQ_VECTOR_LAST && irqs_are_off());
	struct irq_vector *entry = &(*this_cpu_ptr(irq_vectors))[vector - IRQ_VECTOR_FIRST];

	interrupt_enter();
	entry->count++;
	irq_handler_t handler = atomic_load_acquire(&entry->handler);
	if (likely(handler))
		handler(entry->arg);
	else
		unclaimed(vector);
	/* After the handler, which has quieted a level-triggered line; before a switch to another thread. */
	arch_irq_end(vector);
	interrupt_exit();

	if (unlikely(this_cpu_read(need_resched)) && !this_cpu_read(preempt_count))
		sched_preempt_irq();
}

static void install(struct irq_vector *entry, irq_handler_t handler, void *arg, const char *name)
{
	entry->arg = arg;
	entry->name = name;
	entry->count = 0;
	atomic_store_release(&entry->handler, handler);
}

void irq_set_cpu_vector(unsigned vector, irq_handler_t handler, const char *name)
{
	debug_assert(irqs_are_off());
	install(vector_of(this_cpu(), vector), handler, NULL, name);
}

int irq_vectors_install_locked(
    unsigned cpu, unsigned count, irq_handler_t handler, void *const *args, const char *name)
{
	/* Early at boot no CPU is online, and this one wants interrupts all the same. */
	cpumask_t usable = atomic_load(&cpu_online_mask) | cpumask_of(this_cpu());
	if (cpu >= CPU_MAX || !(usable & cpumask_of(cpu)))
		return -EINVAL;

	int vector = vector_space_alloc(per_cpu_ptr(irq_vector_space, cpu), count);
	for (unsigned i = 0; vector >= 0 && i < count; i++)
		install(vector_of(cpu, (unsigned)vector + i), handler, args[i], name);
	return vector;
}

static void silence_locked(unsigned cpu, unsigned vector, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct irq_vector *entry = vector_of(cpu, vector + i);
		atomic_store(&entry->handler, NULL);
		entry->name = NULL;
	}
}

void irq_vectors_undo_locked(unsigned cpu, unsigned vector, unsigned count)
{
	silence_locked(cpu, vector, count);
	vector_space_free(per_cpu_ptr(irq_vector_space, cpu), vector, count);
}

void irq_vectors_release(unsigned cpu, unsigned vector, unsigned count)
{
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	silence_locked(cpu, vector, count);
	spin_unlock_irqrestore(&irq_lock, flags);

	irq_synchronize(cpu);
	flags = spin_lock_irqsave(&irq_lock);
	vector_space_free(per_cpu_ptr(irq_vector_space, cpu), vector, count);
	spin_unlock_irqrestore(&irq_lock, flags);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Handlers run with interrupts off, so a CPU that answers a call has left them; and calls have the lowest priority, so it has taken
 * what was pending. */
void irq_synchronize(unsigned cpu)
{
	smp_call(cpumask_of(cpu), nothing, NULL);
}

/* A copy under the lock, so that fn may print. */
static bool stats_of(unsigned cpu, unsigned vector, struct irq_stats *stats)
{
	const struct irq_vector *entry = vector_of(cpu, vector);
	irq_flags_t flags = spin_lock_irqsave(&irq_lock);
	*stats = (struct irq_stats){
	    .vector = vector, .cpu = cpu, .name = entry->name, .count = atomic_load(&entry->count)};
	if (stats->name)
		irq_line_tell_locked(stats);
	spin_unlock_irqrestore(&irq_lock, flags);
	return stats->name;
}

void irq_for_each_stats(void (*fn)(const struct irq_stats *stats, void *ctx), void *ctx)
{
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct irq_stats stats;
		for (unsigned vector = IRQ_VECTOR_FIRST; vector <= IRQ_VECTOR_LAST; vector++)
			if (stats_of(cpu, vector, &stats))
				fn(&stats, ctx);
	}
}

uint64_t irq_unclaimed_count(void)
{
	uint64_t sum = 0;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		sum += atomic_load(per_cpu_ptr(irq_unclaimed, cpu));
	return sum;
}
