/*
 * What debug builds remember about locks, and the checks that use it. Spinlocks are kept on a stack per CPU, sleeping locks
 * (kernel/wait) on a stack per thread; both are checked by the same rule: a lock's rank must be higher than
 * that of every lock already held. Release builds have none of this.
 */
#pragma once

#include <lib/atomic.h>
#include <lib/types.h>
#include <sync/lock_rank.h>

/* Letters: I immutable, a atomic, h whoever holds the lock */
struct lock_debug {
	const char *name;     /* I: NULL when the lock was never initialised */
	uint8_t rank;         /* I: enum lock_rank */
	uint32_t owner;       /* a: CPU + 1; 0 free */
	uintptr_t owner_ip;   /* h: where it was taken */
	uintptr_t irq_ip;     /* a: the first place that waits for it inside an interrupt handler */
	uintptr_t irqs_on_ip; /* a: the first place that takes it with interrupts on */
};

#define LOCK_STACK_MAX 12

struct held_lock {
	const void *lock;
	const char *name;
	uintptr_t ip;
	uint8_t rank;
};

struct lock_stack {
	unsigned depth;
	struct held_lock held[LOCK_STACK_MAX];
};

/*
 * Panic calls this first: from now on nothing is checked, and nobody waits for a spinlock for ever, because its
 * holder may have been stopped. Printing the report must not be what hangs. Context: any.
 */
void locks_break(void);
extern bool locks_are_broken; /* a */

/* The caller makes sure that nobody else uses the stack meanwhile (interrupts off, or its own thread's). */
void lock_stack_push(
    struct lock_stack *stack, const void *lock, const char *name, uint8_t rank, uintptr_t ip);
void lock_stack_remove(struct lock_stack *stack, const void *lock, const char *name, uintptr_t ip);
bool lock_stack_has(const struct lock_stack *stack, const void *lock);
/* Panics, naming both locks and both places, when a lock of this rank may not be taken now. */
void lock_stack_check(const struct lock_stack *stack, const char *name, uint8_t rank, uintptr_t ip);

/* Writes the spinlocks that this CPU holds to the console, for panic. Context: any. */
#if CONFIG_DEBUG
void locks_print_held(void);
#else
static inline void locks_print_held(void)
{
}
#endif

#define PLACE_TEXT_MAX 80
/* Names a place in the code: "function+0x1c/0x80", or its address where there are no symbols. Returns buf. */
const char *place_format(char buf[PLACE_TEXT_MAX], uintptr_t ip);
#define PLACE(ip) place_format((char[PLACE_TEXT_MAX]){0}, ip)

#define CALLER_IP() ((uintptr_t)__builtin_return_address(0))
