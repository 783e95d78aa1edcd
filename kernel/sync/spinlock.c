/*
 * Waiting for a spinlock: an MCS queue in the upper half of the lock's word.
 *
 *     31           16 15      8 7       0
 *    +---------------+---------+---------+
 *    | last waiter   | 0       | held    |     word == 0: free, nobody waits
 *    +---------------+---------+---------+
 *
 * A waiter takes one of its CPU's nodes, swaps the node's number into the upper half, and links itself behind
 * whoever was there. It spins on its own node until its predecessor says that it is at the head, and only then on the
 * lock's word, which the head alone watches. While anybody waits the word is not 0, so the compare-and-swap
 * of the fast path fails and newcomers cannot overtake the queue.
 *
 * A CPU waits in one thread at most, plus one interrupt handler above it, plus one NMI or machine check above that: four nodes.
 * A node is only in use while its context spins, however many locks that context holds.
 *
 * Under a hypervisor a queue is poison: when the CPU at its head is not running, everybody behind it waits for that CPU's
 * next turn, which is thousands of times longer than the lock is ever held. There, waiters take the lock in whatever
 * order they find it free. The choice is made once at boot, but both kinds of waiters may meet.
 *
 * After: Mellor-Crummey and Scott, "Algorithms for scalable synchronization on shared-memory multiprocessors", 1991.
 */
#include <log/assert.h>
#include <sync/spinlock.h>

#define NODES_PER_CPU 4

struct spin_node {
	struct spin_node *next; /* a: who waits behind us */
	bool is_head;           /* a: set by our predecessor */
};

struct spin_nodes {
	struct spin_node node[NODES_PER_CPU];
	unsigned depth; /* nodes in use: contexts of this CPU that wait, one above the other */
} ALIGNED(64);

static PER_CPU(struct spin_nodes, spin_nodes);

bool locks_are_broken;
static bool waits_in_no_order; /* a */

bool spin_set_queueing(bool does_queue)
{
	return !atomic_swap(&waits_in_no_order, !does_queue);
}

void locks_break(void)
{
	atomic_store(&locks_are_broken, true);
}

static uint16_t *tail_of(struct spinlock *lock)
{
	return (uint16_t *)&lock->word + 1;
}

/* Never 0, which means that nobody waits. */
static uint16_t node_number(unsigned cpu, unsigned index)
{
	return (uint16_t)((cpu + 1) * NODES_PER_CPU + index);
}

static struct spin_node *node_of_number(uint16_t number)
{
	struct spin_nodes *nodes = per_cpu_ptr(spin_nodes, number / NODES_PER_CPU - 1);
	return &nodes->node[number % NODES_PER_CPU];
}

/* While this holds the byte must not be taken alone: the queue would keep its last, absent waiter. */
static bool only_we_queue(struct spinlock *lock, uint16_t number)
{
	return atomic_load(tail_of(lock)) == number;
}

/* One round of a spinning loop. False: panic has broken the locks, stop waiting. */
static bool keep_waiting(const struct spinlock *lock, uint64_t since)
{
	cpu_relax();
	if (IS_ENABLED(CONFIG_DEBUG))
		lock_debug_watch(lock, since);
	return likely(!atomic_load(&locks_are_broken));
}

/* Without a queue: whoever comes by when the lock is free. */
static void wait_in_no_order(struct spinlock *lock)
{
	uint64_t since = IS_ENABLED(CONFIG_DEBUG) ? cpu_timestamp() : 0;
	uint8_t *held = (uint8_t *)&lock->word, expected;
	do {
		while (atomic_load(held))
			if (!keep_waiting(lock, since))
				return;
		expected = 0;
	} while (!atomic_cas(held, &expected, (uint8_t)SPIN_HELD));
}

static void wait_in_queue(struct spinlock *lock, struct spin_node *node, uint16_t number)
{
	uint64_t since = IS_ENABLED(CONFIG_DEBUG) ? cpu_timestamp() : 0;
	uint16_t ahead = atomic_swap(tail_of(lock), number);

	if (ahead) {
		atomic_store_release(&node_of_number(ahead)->next, node);
		while (!atomic_load_acquire(&node->is_head))
			if (!keep_waiting(lock, since))
				return;
	}

	/* At the head. Last in the queue too: the queue and the wait end in one step. Else we take the byte only. Either
	 * fails when somebody came by who does not queue. */
	uint8_t *held = (uint8_t *)&lock->word, expected;
	do {
		while (atomic_load(held))
			if (!keep_waiting(lock, since))
				return;
		uint32_t only_us = (uint32_t)number << 16;
		if (atomic_cas(&lock->word, &only_us, SPIN_HELD))
			return;
		expected = 0;
	} while (only_we_queue(lock, number) || !atomic_cas(held, &expected, (uint8_t)SPIN_HELD));

	/* Somebody swapped himself in behind us; the link follows within a few instructions. */
	struct spin_node *next;
	while (!(next = atomic_load_acquire(&node->next)))
		if (!keep_waiting(lock, since))
			return;
	atomic_store_release(&next->is_head, true);
}

NOINLINE void spin_wait(struct spinlock *lock)
{
	if (atomic_load(&waits_in_no_order)) {
		wait_in_no_order(lock);
		return;
	}

	struct spin_nodes *nodes = this_cpu_ptr(spin_nodes);
	unsigned index = nodes->depth++;
	assert(index < NODES_PER_CPU);
	/* An interrupt from here on finds our node taken, and gives its own back before it returns. */
	compiler_barrier();

	struct spin_node *node = &nodes->node[index];
	atomic_store(&node->next, NULL);
	atomic_store(&node->is_head, false);
	wait_in_queue(lock, node, node_number(this_cpu(), index));

	compiler_barrier();
	nodes->depth--;
}
