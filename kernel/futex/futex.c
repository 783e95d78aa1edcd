/* Keys, buckets, and waiting. */
#include "futex_impl.h"

#include <abi/errno.h>
#include <mm/slab.h>
#include <process/process.h>
#include <time/clock.h>
#include <vm/address_space.h>

struct futex_bucket futex_buckets[FUTEX_BUCKETS] = {
    [0 ... FUTEX_BUCKETS - 1] = {.lock = SPINLOCK_INIT("futex", RANK_FUTEX)}};

void futex_init(void)
{
	for (unsigned i = 0; i < FUTEX_BUCKETS; i++)
		list_init(&futex_buckets[i].queue);
}

int futex_find_shared_key(struct address_space *space, uaddr_t addr, struct futex_key *key)
{
	int err = -EFAULT;
	rwlock_read_lock(&space->lock);
	const struct area *area = vm_find_area(space, addr.va);
	if (area) {
		err = 0;
		if (area->flags & AREA_SHARED && area->cache)
			*key = (struct futex_key){page_cache_number(area->cache) << 4,
			    area->offset + (addr.va - area->start)};
	}
	rwlock_read_unlock(&space->lock);
	return err;
}

/* Queues it if the word is as expected. The page may have to be brought in first, which cannot be done under the lock. */
static ALWAYS_INLINE int enqueue(struct futex_waiter *waiter, uaddr_t addr, uint32_t expected)
{
	struct futex_bucket *bucket = waiter->bucket;
	for (;;) {
		uint32_t value;
		atomic_fetch_add(&bucket->waiters, 1);
		spin_lock(&bucket->lock);
		int err = get_user_u32_nofault(&value, addr);
		if (!err && value == expected) {
			list_push_back(&bucket->queue, &waiter->link);
			atomic_store(&waiter->is_queued, true);
			spin_unlock(&bucket->lock);
			return 0;
		}
		spin_unlock(&bucket->lock);
		atomic_fetch_sub(&bucket->waiters, 1);
		if (!err)
			return -EAGAIN;
		if (get_user_u32(&value, addr))
			return -EFAULT;
	}
}

/* Whether it was woken. Afterwards nobody knows the waiter any more. */
static ALWAYS_INLINE bool leave(struct futex_waiter *waiter)
{
	while (atomic_load_acquire(&waiter->is_queued)) {
		struct futex_bucket *bucket = atomic_load(&waiter->bucket);
		spin_lock(&bucket->lock);
		/* Requeued while we came here? */
		bool is_here = waiter->is_queued && waiter->bucket == bucket;
		if (is_here) {
			list_remove(&waiter->link);
			waiter->is_queued = false;
			atomic_fetch_sub(&bucket->waiters, 1);
		}
		spin_unlock(&bucket->lock);
	}
	return atomic_load(&waiter->is_woken);
}

/* One or several that are queued. */
static inline bool is_any_woken(const struct futex_waiter *waiters, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (atomic_load(&waiters[i].is_woken))
			return true;
	return false;
}

/* Until one is woken, which leave() tells: then, and by a signal, -EINTR; or -ETIMEDOUT. */
static ALWAYS_INLINE int block_until_any(
    const struct futex_waiter *waiters, unsigned count, nsec_t deadline)
{
	int err = 0;
	for (;;) {
		thread_prepare_to_block();
		if (is_any_woken(waiters, count) || signal_is_pending())
			break;
		if (deadline != NSEC_MAX && uptime_ns() >= deadline) {
			err = -ETIMEDOUT;
			break;
		}
		int ignored = thread_block(deadline);
		(void)ignored;
	}
	thread_cancel_block();
	return err ? err : -EINTR;
}

int futex_wait(uaddr_t addr, uint32_t expected, uint32_t bitset, bool is_private, nsec_t deadline)
{
	struct futex_waiter waiter = {.thread = current_thread(), .bitset = bitset};
	int err = futex_find_key(addr, is_private, &waiter.key);
	if (err)
		return err;
	waiter.bucket = futex_bucket_of(&waiter.key);
	err = enqueue(&waiter, addr, expected);
	if (err)
		return err;
	err = block_until_any(&waiter, 1, deadline);
	return leave(&waiter) ? 0 : err;
}

/* Queues all of them: 0. Those that are queued when it fails are the caller's to take back. */
static int enqueue_all(
    struct futex_waiter *waiters, const struct futex_wanted *wanted, unsigned count)
{
	int err = 0;
	for (unsigned i = 0; i < count && !err; i++) {
		waiters[i].thread = current_thread();
		waiters[i].bitset = FUTEX_ANY_BIT;
		err = futex_find_key(wanted[i].addr, wanted[i].is_private, &waiters[i].key);
		waiters[i].bucket = futex_bucket_of(&waiters[i].key);
	}
	for (unsigned i = 0; i < count && !err; i++)
		err = enqueue(&waiters[i], wanted[i].addr, wanted[i].expected);
	return err;
}

int futex_wait_any(const struct futex_wanted *wanted, unsigned count, nsec_t deadline)
{
	struct futex_waiter *waiters = kmalloc_array(count, sizeof(*waiters));
	if (!waiters)
		return -ENOMEM;
	int result = enqueue_all(waiters, wanted, count);
	if (!result)
		result = block_until_any(waiters, count, deadline);
	/* One that was woken meanwhile counts, whatever else happened: the wake-up is used up. */
	for (unsigned i = 0; i < count; i++)
		if (leave(&waiters[i]))
			result = result < 0 ? (int)i : result;
	kfree(waiters);
	return result;
}
