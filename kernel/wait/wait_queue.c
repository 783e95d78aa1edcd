/* Wait queues: putting threads on a list, and waking them off it. */
#include <abi/errno.h>
#include <wait/wait_queue.h>

/* How many threads wait_wake_all wakes with interrupts off, at a stretch. */
#define WAKE_BATCH 16

void wait_entry_init(struct wait_entry *entry)
{
	*entry = (struct wait_entry){.thread = current_thread()};
	list_init(&entry->link);
}

void wait_enqueue_locked(struct list *waiters, struct wait_entry *entry)
{
	list_push_back(waiters, &entry->link);
	atomic_store(&entry->is_queued, true);
}

void wait_dequeue_locked(struct wait_entry *entry)
{
	list_remove(&entry->link);
	atomic_store(&entry->is_queued, false);
}

void wait_add(struct wait_queue *queue, struct wait_entry *entry)
{
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	wait_enqueue_locked(&queue->waiters, entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	/* Giving the lock back is only a store, which the caller's look at its condition might overtake. */
	atomic_fence();
}

void wait_remove(struct wait_queue *queue, struct wait_entry *entry)
{
	/* Cleared by a waker that is done with us, or never set. */
	if (!atomic_load_acquire(&entry->is_queued))
		return;
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	if (atomic_load(&entry->is_queued))
		wait_dequeue_locked(entry);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_queue_abandon(struct wait_queue *queue)
{
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	while (!list_is_empty(&queue->waiters))
		wait_dequeue_locked(list_first(&queue->waiters, struct wait_entry, link));
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_prepare(struct wait_queue *queue, struct wait_entry *entry)
{
	thread_prepare_to_block();
	/* Under the lock even when is_queued is set: a waker that has unlinked us may be about to clear it. */
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	if (!atomic_load(&entry->is_queued))
		wait_enqueue_locked(&queue->waiters, entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	/* Queued and about to block: both seen by whoever changes the condition after we read it. */
	atomic_fence();
}

void wait_finish(struct wait_queue *queue, struct wait_entry *entry)
{
	thread_cancel_block();
	wait_remove(queue, entry);
}

/*
 * A thread comes off the queue, even one that was not asleep any more: it will look at its condition, and
 * queue again if it must. It may run, and leave, as soon as is_queued is clear; until then its entry, and so the thread
 * itself, stays where it is.
 */
static bool wake_thread(struct wait_entry *entry)
{
	list_remove(&entry->link);
	bool woken = thread_wake(entry->thread);
	atomic_store_release(&entry->is_queued, false);
	return woken;
}

/* is_taken: one of those that want to be told one at a time has said yes. */
static bool call(struct wait_queue *queue, struct wait_entry *entry, bool *is_taken)
{
	if (!entry->is_exclusive)
		return entry->wake(entry);
	if (*is_taken || !entry->wake(entry))
		return false;
	*is_taken = true;
	list_remove(&entry->link);
	list_push_back(&queue->waiters, &entry->link);
	return true;
}

/* Pairs with wait_prepare: either we see the waiter, or it sees what our caller changed. */
static bool nobody_waits(const struct wait_queue *queue)
{
	atomic_fence();
	return atomic_load(&queue->waiters.next) == &queue->waiters;
}

unsigned wait_wake_some(struct wait_queue *queue, unsigned count)
{
	if (nobody_waits(queue))
		return 0;

	unsigned woken = 0;
	bool is_taken = false;
	struct wait_entry *entry, *next;
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	list_for_each_safe(entry, next, &queue->waiters, link) {
		if (woken == count)
			break;
		woken += entry->wake ? call(queue, entry, &is_taken) : wake_thread(entry);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return woken;
}

/* Calls the functions, and moves the threads to a list of their own. */
static unsigned gather_threads(struct wait_queue *queue, struct list *threads)
{
	unsigned woken = 0;
	bool is_taken = false;
	struct wait_entry *entry, *next;
	list_for_each_safe(entry, next, &queue->waiters, link) {
		if (entry->wake) {
			woken += call(queue, entry, &is_taken);
			continue;
		}
		list_remove(&entry->link);
		list_push_back(threads, &entry->link);
	}
	return woken;
}

unsigned wait_wake_all(struct wait_queue *queue)
{
	if (nobody_waits(queue))
		return 0;

	/* A thread of which the deadline passes meanwhile removes itself from our list, under the same lock. */
	struct list threads = LIST_INIT(threads);
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	unsigned woken = gather_threads(queue, &threads);
	for (unsigned n = 1; !list_is_empty(&threads); n++) {
		woken += wake_thread(list_first(&threads, struct wait_entry, link));
		if (n % WAKE_BATCH == 0) {
			spin_unlock_irqrestore(&queue->lock, flags);
			flags = spin_lock_irqsave(&queue->lock);
		}
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return woken;
}

unsigned wait_wake_all_locked(struct wait_queue *queue)
{
	unsigned woken = 0;
	bool is_taken = false;
	struct wait_entry *entry, *next;
	list_for_each_safe(entry, next, &queue->waiters, link)
		woken += entry->wake ? call(queue, entry, &is_taken) : wake_thread(entry);
	return woken;
}

void wait_grant_locked(struct wait_entry *entry)
{
	list_remove(&entry->link);
	atomic_store_release(&entry->is_granted, true);
	thread_wake(entry->thread);
	atomic_store_release(&entry->is_queued, false);
}

int wait_granted(struct wait_entry *entry, nsec_t deadline, give_up_t gives_up)
{
	int result = 0;
	do {
		thread_prepare_to_block();
		if (atomic_load_acquire(&entry->is_granted)) {
			thread_cancel_block();
			break;
		}
		if (!result && gives_up && gives_up())
			result = -EINTR;
		if (result) {
			thread_cancel_block();
			return result;
		}
		result = thread_block(deadline);
	} while (!atomic_load_acquire(&entry->is_granted));
	/* The giver is inside thread_wake with interrupts off, if it is not done: a matter of instructions. */
	while (atomic_load_acquire(&entry->is_queued))
		cpu_relax();
	return 0;
}
