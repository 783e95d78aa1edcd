/*
 * The rule that locks are ordered by, and the reports when it is broken. Every report names the two locks and the two
 * places in the code: the lock wanted, and the one that stands in its way.
 */
#include <lib/fmt.h>
#include <log/assert.h>
#include <sync/lock_debug.h>

/* kernel/debug's, in layers above us; host tests do without. */
WEAK const char *symbol_format(char buf[PLACE_TEXT_MAX], uintptr_t address);

const char *place_format(char buf[PLACE_TEXT_MAX], uintptr_t ip)
{
	if (symbol_format)
		return symbol_format(buf, ip);
	snprintf(buf, PLACE_TEXT_MAX, "%#lx", ip);
	return buf;
}

static NOINLINE NORETURN void die_too_many(const char *name, uintptr_t ip)
{
	panic("%s taken at %s: %d locks held already", name, PLACE(ip), LOCK_STACK_MAX);
}

static NOINLINE NORETURN void die_not_held(const char *name, uintptr_t ip)
{
	panic("%s released at %s, where it is not held", name, PLACE(ip));
}

static NOINLINE NORETURN void die_of_order(
    const struct held_lock *held, const char *name, uint8_t rank, uintptr_t ip)
{
	panic("lock order: %s (rank %u) taken at %s while holding %s (rank %u) taken at %s", name,
	    rank, PLACE(ip), held->name, held->rank, PLACE(held->ip));
}

void lock_stack_push(
    struct lock_stack *stack, const void *lock, const char *name, uint8_t rank, uintptr_t ip)
{
	if (unlikely(stack->depth == LOCK_STACK_MAX))
		die_too_many(name, ip);
	struct held_lock *held = &stack->held[stack->depth++];
	held->lock = lock;
	held->name = name;
	held->ip = ip;
	held->rank = rank;
}

/* Usually the newest, but any order of release is fine. */
void lock_stack_remove(struct lock_stack *stack, const void *lock, const char *name, uintptr_t ip)
{
	unsigned i = stack->depth;
	while (i > 0 && stack->held[i - 1].lock != lock)
		i--;
	if (unlikely(i == 0))
		die_not_held(name, ip);
	for (; i < stack->depth; i++)
		stack->held[i - 1] = stack->held[i];
	stack->depth--;
}

bool lock_stack_has(const struct lock_stack *stack, const void *lock)
{
	for (unsigned i = 0; i < stack->depth; i++)
		if (stack->held[i].lock == lock)
			return true;
	return false;
}

void lock_stack_check(const struct lock_stack *stack, const char *name, uint8_t rank, uintptr_t ip)
{
	if (rank == RANK_NONE)
		return;
	for (unsigned i = 0; i < stack->depth; i++)
		if (unlikely(stack->held[i].rank >= rank))
			die_of_order(&stack->held[i], name, rank, ip);
}
