/*
 * The semaphore when threads wait. The word is either a count, which anybody changes by compare-and-swap, or
 * SEMAPHORE_HAS_WAITERS, which changes under the queue's lock only, and is set exactly while the queue is not empty.
 */
#include <abi/errno.h>
#include <wait/semaphore.h>

void semaphore_init(struct semaphore *semaphore, uint32_t count)
{
	semaphore->word = count;
	wait_queue_init(&semaphore->queue);
}

static void clear_if_nobody_waits(struct semaphore *semaphore)
{
	if (list_is_empty(&semaphore->queue.waiters))
		atomic_store_release(&semaphore->word, 0);
}

void semaphore_give_to_waiter(struct semaphore *semaphore)
{
	struct wait_queue *queue = &semaphore->queue;
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	/* Again under the lock: the last waiter may have gone. */
	if (!semaphore_try_up(semaphore)) {
		struct wait_entry *first = list_first(&queue->waiters, struct wait_entry, link);
		wait_grant_locked(first);
		clear_if_nobody_waits(semaphore);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Under the lock: takes a unit, or marks the word for those who give. */
static bool take_or_mark(struct semaphore *semaphore)
{
	uint32_t word;
	do {
		if (semaphore_try_down(semaphore))
			return true;
		word = 0;
	} while (!atomic_cas(&semaphore->word, &word, SEMAPHORE_HAS_WAITERS) &&
		 word != SEMAPHORE_HAS_WAITERS);
	return false;
}

int semaphore_wait(struct semaphore *semaphore, nsec_t deadline)
{
	struct wait_queue *queue = &semaphore->queue;
	struct wait_entry entry;
	wait_entry_init(&entry);

	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	bool is_taken = take_or_mark(semaphore);
	if (!is_taken)
		wait_enqueue_locked(&queue->waiters, &entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	if (is_taken || !wait_granted(&entry, deadline, NULL))
		return 0;

	/* Too late, unless a unit is given to us before we have the lock. */
	flags = spin_lock_irqsave(&queue->lock);
	bool is_granted = entry.is_granted;
	if (!is_granted) {
		wait_dequeue_locked(&entry);
		clear_if_nobody_waits(semaphore);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return is_granted ? 0 : -ETIMEDOUT;
}
