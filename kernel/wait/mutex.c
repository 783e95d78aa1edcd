/*
 * The mutex when it is contended.
 *
 *     word = owner | MUTEX_HAS_WAITERS | MUTEX_HANDS_OVER
 *
 * While there are waiters the word is never 0, so the fast paths of lock and unlock fail and come here. The flags change under
 * the queue's lock only; without it a thread may only turn "free, but with waiters" into "mine, with waiters". A released mutex
 * with MUTEX_HANDS_OVER set is never free in between: it passes from owner to owner.
 */
#include <abi/errno.h>
#include <wait/mutex.h>

/* How often to look again before sleeping: some microseconds, about the price of two context switches. */
#define SPIN_ROUNDS 200

/* Never follows the owner's pointer: it may have released the mutex and be gone. -1 when it runs nowhere. */
static int cpu_running(uintptr_t owner)
{
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		if ((uintptr_t)atomic_load(per_cpu_ptr(current_thread_ptr, cpu)) == owner)
			return (int)cpu;
	return -1;
}

static bool runs_on(uintptr_t owner, int cpu)
{
	return cpu >= 0 &&
	       (uintptr_t)atomic_load(per_cpu_ptr(current_thread_ptr, (unsigned)cpu)) == owner;
}

/* True when the mutex is ours. False: it is time to sleep. */
static bool spin_while_owner_runs(struct mutex *mutex)
{
	uintptr_t last_owner = 0;
	int cpu = -1;

	for (unsigned round = 0; round < SPIN_ROUNDS; round++) {
		uintptr_t word = atomic_load(&mutex->word), owner = word & ~MUTEX_FLAGS;
		if (!owner) {
			if (atomic_cas(&mutex->word, &word, word | (uintptr_t)current_thread()))
				return true;
			continue;
		}
		if (word & MUTEX_HANDS_OVER || this_cpu_read(need_resched))
			return false;
		if (owner != last_owner)
			cpu = cpu_running(owner);
		last_owner = owner;
		if (!runs_on(owner, cpu))
			return false;
		cpu_relax();
	}
	return false;
}

/* With the entry on the queue, under its lock. Takes the mutex, or marks it so that its release will wake us. */
static bool take_or_mark(struct mutex *mutex, struct wait_entry *entry, bool was_woken)
{
	uintptr_t word = atomic_load(&mutex->word), wanted;
	bool is_free;
	do {
		is_free = !(word & ~MUTEX_FLAGS);
		if (is_free) {
			bool is_alone = entry->link.next == entry->link.prev;
			wanted = (uintptr_t)current_thread() | (is_alone ? 0 : MUTEX_HAS_WAITERS);
		} else {
			wanted = word | MUTEX_HAS_WAITERS | (was_woken ? MUTEX_HANDS_OVER : 0);
		}
	} while (wanted != word && !atomic_cas(&mutex->word, &word, wanted));

	if (is_free)
		wait_dequeue_locked(entry);
	return is_free;
}

/* The deadline has passed, or there is a reason to give up, and the mutex is still another's. */
static void give_up(struct mutex *mutex, struct wait_entry *entry)
{
	wait_dequeue_locked(entry);
	if (list_is_empty(&mutex->queue.waiters))
		atomic_fetch_and(&mutex->word, ~MUTEX_FLAGS);
}

int mutex_wait(struct mutex *mutex, nsec_t deadline, give_up_t gives_up)
{
	if (spin_while_owner_runs(mutex))
		return 0;

	struct wait_queue *queue = &mutex->queue;
	struct wait_entry entry;
	wait_entry_init(&entry);
	int result = 0;
	bool was_woken = false;

	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	wait_enqueue_locked(&queue->waiters, &entry);
	for (;;) {
		/* Before giving up, too: the wake-up that came with the deadline may have been the only one. */
		if (take_or_mark(mutex, &entry, was_woken)) {
			result = 0;
			break;
		}
		thread_prepare_to_block();
		/* Behind that: whoever makes the reason to give up wakes us from now on. */
		if (!result && gives_up && gives_up())
			result = -EINTR;
		if (result) {
			thread_cancel_block();
			give_up(mutex, &entry);
			break;
		}
		spin_unlock_irqrestore(&queue->lock, flags);
		result = thread_block(deadline);
		flags = spin_lock_irqsave(&queue->lock);
		if (entry.is_granted) {
			result = 0;
			break;
		}
		was_woken = true;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return result;
}

/*
 * Release with the queue not empty, or just emptied. The word is ours to store: it has an owner, so nobody takes it, and
 * the flags need the lock.
 */
void mutex_release_to_waiter(struct mutex *mutex)
{
	struct wait_queue *queue = &mutex->queue;
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	uintptr_t word = atomic_load(&mutex->word);

	if (list_is_empty(&queue->waiters)) {
		atomic_store_release(&mutex->word, 0);
	} else {
		struct wait_entry *first = list_first(&queue->waiters, struct wait_entry, link);
		bool is_only = first->link.next == first->link.prev;
		if (word & MUTEX_HANDS_OVER) {
			uintptr_t others = is_only ? 0 : MUTEX_HAS_WAITERS;
			atomic_store_release(&mutex->word, (uintptr_t)first->thread | others);
			wait_grant_locked(first);
		} else {
			atomic_store_release(&mutex->word, MUTEX_HAS_WAITERS);
			thread_wake(first->thread);
		}
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}
