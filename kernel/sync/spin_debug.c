/*
 * The checked spinlocks of debug builds: the same waiting as in spinlock.h, between a look before and a note after.
 * What is noted per CPU is touched with interrupts off, since handlers take locks too.
 */
#include <log/assert.h>
#include <log/log.h>
#include <sync/spinlock.h>

static PER_CPU(struct lock_stack, spinlocks_held);

/* How long a debug build waits for a spinlock before it calls that a deadlock: some ten seconds. */
#define DEADLOCK_TICKS 40000000000ull

enum how {
	FIRST,
	SECOND_OF_RANK, /* another of the same rank may be held */
	TRY,            /* does not wait, so it cannot be part of a deadlock */
};

void lock_debug_watch(const struct spinlock *lock, uint64_t since)
{
	if (likely(cpu_timestamp() - since < DEADLOCK_TICKS) || atomic_load(&locks_are_broken))
		return;
	locks_print_held();
	panic("deadlock? CPU %u waits for %s, held by CPU %d since %s", this_cpu(),
	    lock->debug.name, (int)atomic_load(&lock->debug.owner) - 1,
	    PLACE(lock->debug.owner_ip));
}

/* What may be wrong before a lock is taken. */
static NOINLINE NORETURN void die_taking(const struct spinlock *lock, uintptr_t ip)
{
	const struct lock_debug *debug = &lock->debug;
	if (!debug->name)
		panic(
		    "spinlock %p taken at %s was never initialised", (const void *)lock, PLACE(ip));
	if (atomic_load(&debug->owner) == this_cpu() + 1)
		panic("%s taken at %s by CPU %u, which holds it since %s", debug->name, PLACE(ip),
		    this_cpu(), PLACE(debug->owner_ip));
	panic(
	    "%s: an interrupt handler waits for it at %s, but it is taken with interrupts on at %s",
	    debug->name, PLACE(debug->irq_ip), PLACE(debug->irqs_on_ip));
}

static NOINLINE NORETURN void die_releasing(const struct spinlock *lock, uintptr_t ip)
{
	const struct lock_debug *debug = &lock->debug;
	panic("%s released at %s by CPU %u; its holder is CPU %d, since %s", debug->name, PLACE(ip),
	    this_cpu(), (int)atomic_load(&debug->owner) - 1, PLACE(debug->owner_ip));
}

/* Whether handlers wait for it, and whether it is taken where they may come: never both. */
static ALWAYS_INLINE bool note_interrupts(struct lock_debug *debug, uintptr_t ip, enum how how)
{
	if (unlikely(in_interrupt())) {
		if (how != TRY && !atomic_load(&debug->irq_ip))
			atomic_store(&debug->irq_ip, ip);
	} else if (!atomic_load(&debug->irqs_on_ip) && !irqs_are_off()) {
		atomic_store(&debug->irqs_on_ip, ip);
	}
	return !atomic_load(&debug->irq_ip) || !atomic_load(&debug->irqs_on_ip);
}

/* Before waiting, so that a deadlock is reported instead of entered. */
static ALWAYS_INLINE void check_lock(struct spinlock *lock, uintptr_t ip, enum how how)
{
	struct lock_debug *debug = &lock->debug;
	bool is_ours = atomic_load(&debug->owner) == this_cpu() + 1;
	if (unlikely(!debug->name || (is_ours && how != TRY) || !note_interrupts(debug, ip, how)))
		die_taking(lock, ip);
	if (how != TRY && debug->rank != RANK_NONE && this_cpu_read(spinlocks_held.depth))
		lock_stack_check(this_cpu_ptr(spinlocks_held), debug->name,
		    (uint8_t)(debug->rank + (how == SECOND_OF_RANK)), ip);
}

static void note_taken(struct spinlock *lock, uintptr_t ip)
{
	struct lock_debug *debug = &lock->debug;
	irq_flags_t flags = irq_save();
	atomic_store(&debug->owner, this_cpu() + 1);
	debug->owner_ip = ip;
	lock_stack_push(this_cpu_ptr(spinlocks_held), lock, debug->name, debug->rank, ip);
	irq_restore(flags);
}

static ALWAYS_INLINE void take(struct spinlock *lock, uintptr_t ip, enum how how)
{
	preempt_disable();
	bool checked = !atomic_load(&locks_are_broken);
	if (checked)
		check_lock(lock, ip, how);
	spin_acquire(lock);
	if (checked)
		note_taken(lock, ip);
}

/* With preemption still off. */
static ALWAYS_INLINE void give_back(struct spinlock *lock, uintptr_t ip)
{
	struct lock_debug *debug = &lock->debug;
	if (!atomic_load(&locks_are_broken)) {
		if (unlikely(atomic_load(&debug->owner) != this_cpu() + 1))
			die_releasing(lock, ip);
		irq_flags_t flags = irq_save();
		lock_stack_remove(this_cpu_ptr(spinlocks_held), lock, debug->name, ip);
		atomic_store(&debug->owner, 0);
		irq_restore(flags);
	}
	spin_release(lock);
}

void spin_lock(struct spinlock *lock)
{
	take(lock, CALLER_IP(), FIRST);
}

void spin_lock_second(struct spinlock *lock)
{
	take(lock, CALLER_IP(), SECOND_OF_RANK);
}

bool spin_try_lock(struct spinlock *lock)
{
	preempt_disable();
	bool checked = !atomic_load(&locks_are_broken);
	if (checked)
		check_lock(lock, CALLER_IP(), TRY);
	if (spin_try_acquire(lock)) {
		if (checked)
			note_taken(lock, CALLER_IP());
		return true;
	}
	preempt_enable();
	return false;
}

void spin_unlock(struct spinlock *lock)
{
	give_back(lock, CALLER_IP());
	preempt_enable();
}

irq_flags_t spin_lock_irqsave(struct spinlock *lock)
{
	irq_flags_t flags = irq_save();
	take(lock, CALLER_IP(), FIRST);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *lock, irq_flags_t flags)
{
	give_back(lock, CALLER_IP());
	irq_restore(flags);
	preempt_enable();
}

void spin_lock_irq(struct spinlock *lock)
{
	assert(!irqs_are_off());
	irq_disable();
	take(lock, CALLER_IP(), FIRST);
}

void spin_unlock_irq(struct spinlock *lock)
{
	give_back(lock, CALLER_IP());
	irq_enable();
	preempt_enable();
}

void assert_held(const struct spinlock *lock)
{
	if (unlikely(atomic_load(&lock->debug.owner) != this_cpu() + 1) &&
	    !atomic_load(&locks_are_broken))
		panic("%s must be held at %s", lock->debug.name, PLACE(CALLER_IP()));
}

void locks_print_held(void)
{
	const struct lock_stack *stack = this_cpu_ptr(spinlocks_held);
	for (unsigned i = 0; i < min(stack->depth, (unsigned)LOCK_STACK_MAX); i++)
		console_printf(
		    "  holding %s, taken at %s\n", stack->held[i].name, PLACE(stack->held[i].ip));
}
