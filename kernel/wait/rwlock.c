/*
 * The reader-writer lock when it is contended. RWLOCK_HAS_WAITERS is set and cleared under readers.lock; while it is set
 * the word changes only there, but for readers that leave. It always comes with a holder, or with a last reader that is on its way
 * to rwlock_release_to_waiters: whoever queues will be let in by somebody. Those who give up may leave it set with nobody there: then that
 * reader clears it.
 */
#include <wait/rwlock.h>

/* Under the lock: takes it if `blocked_by` leaves room, else says that somebody waits. */
static bool take_or_mark(struct rwlock *lock, uint32_t blocked_by, uint32_t amount)
{
	uint32_t word = atomic_load(&lock->word), wanted;
	do
		wanted = word & blocked_by ? word | RWLOCK_HAS_WAITERS : word + amount;
	while (!atomic_cas(&lock->word, &word, wanted));
	return !(word & blocked_by);
}

static bool somebody_waits(const struct rwlock *lock)
{
	return !list_is_empty(&lock->readers.waiters) || !list_is_empty(&lock->writers);
}

/* Under the lock: nobody waits any more. The last reader, if it is on its way, expects the mark. */
static void clear_mark(struct rwlock *lock)
{
	uint32_t word = atomic_load(&lock->word);
	while (word & ~RWLOCK_HAS_WAITERS &&
	       !atomic_cas(&lock->word, &word, word & ~RWLOCK_HAS_WAITERS))
		;
}

static void grant_to_readers(struct rwlock *lock)
{
	while (!list_is_empty(&lock->readers.waiters))
		wait_grant_locked(list_first(&lock->readers.waiters, struct wait_entry, link));
}

static uint32_t waiting_readers(const struct rwlock *lock)
{
	uint32_t count = 0;
	for (const struct list *link = lock->readers.waiters.next; link != &lock->readers.waiters;
	     link = link->next)
		count++;
	return count;
}

/* Under the lock: no writer waits any more, and what waits behind one may join the readers that have it. A last one that is on its way lets them in. */
static void join_readers(struct rwlock *lock)
{
	uint32_t word = atomic_load(&lock->word), count = waiting_readers(lock);
	do
		if (word & RWLOCK_WRITER || word == RWLOCK_HAS_WAITERS)
			return;
	while (!atomic_cas(&lock->word, &word, (word & ~RWLOCK_HAS_WAITERS) + count));
	grant_to_readers(lock);
}

/* False: it was let in after all. */
static bool leave(struct rwlock *lock, struct wait_entry *entry)
{
	irq_flags_t flags = spin_lock_irqsave(&lock->readers.lock);
	bool is_granted = entry->is_granted;
	if (!is_granted)
		wait_dequeue_locked(entry);
	if (!somebody_waits(lock))
		clear_mark(lock);
	else if (list_is_empty(&lock->writers))
		join_readers(lock);
	spin_unlock_irqrestore(&lock->readers.lock, flags);
	return !is_granted;
}

static int wait_in(struct rwlock *lock, struct list *waiters, uint32_t blocked_by, uint32_t amount,
    give_up_t gives_up)
{
	struct wait_entry entry;
	wait_entry_init(&entry);

	irq_flags_t flags = spin_lock_irqsave(&lock->readers.lock);
	bool is_taken = take_or_mark(lock, blocked_by, amount);
	if (!is_taken)
		wait_enqueue_locked(waiters, &entry);
	spin_unlock_irqrestore(&lock->readers.lock, flags);

	int err = is_taken ? 0 : wait_granted(&entry, NSEC_MAX, gives_up);
	return err && leave(lock, &entry) ? err : 0;
}

int rwlock_wait_read(struct rwlock *lock, give_up_t gives_up)
{
	return wait_in(
	    lock, &lock->readers.waiters, RWLOCK_WRITER | RWLOCK_HAS_WAITERS, 1, gives_up);
}

int rwlock_wait_write(struct rwlock *lock, give_up_t gives_up)
{
	return wait_in(lock, &lock->writers, UINT32_MAX, RWLOCK_WRITER, gives_up);
}

static void let_in_readers(struct rwlock *lock)
{
	atomic_store_release(&lock->word,
	    waiting_readers(lock) | (list_is_empty(&lock->writers) ? 0 : RWLOCK_HAS_WAITERS));
	grant_to_readers(lock);
}

static void let_in_writer(struct rwlock *lock)
{
	struct wait_entry *first = list_first(&lock->writers, struct wait_entry, link);
	bool others =
	    first->link.next != first->link.prev || !list_is_empty(&lock->readers.waiters);
	atomic_store_release(&lock->word, RWLOCK_WRITER | (others ? RWLOCK_HAS_WAITERS : 0));
	wait_grant_locked(first);
}

/* After the last reader left, or before the writer does. The turn is the other side's, if somebody waits there. */
void rwlock_release_to_waiters(struct rwlock *lock)
{
	irq_flags_t flags = spin_lock_irqsave(&lock->readers.lock);
	bool writer_leaves = atomic_load(&lock->word) & RWLOCK_WRITER;
	bool readers_wait = !list_is_empty(&lock->readers.waiters);
	if (!somebody_waits(lock))
		atomic_store_release(&lock->word, 0);
	else if (readers_wait && (writer_leaves || list_is_empty(&lock->writers)))
		let_in_readers(lock);
	else
		let_in_writer(lock);
	spin_unlock_irqrestore(&lock->readers.lock, flags);
}
