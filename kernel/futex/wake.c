/* Waking those who wait for a word, and moving them to another one. */
#include "futex_impl.h"

#include <abi/errno.h>

/* Bucket's lock held. The waiter may be gone as soon as it is not queued. */
static void wake_locked(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
	list_remove(&waiter->link);
	atomic_fetch_sub(&bucket->waiters, 1);
	atomic_store(&waiter->is_woken, true);
	thread_wake(waiter->thread);
	atomic_store_release(&waiter->is_queued, false);
}

static unsigned wake_matching_locked(
    struct futex_bucket *bucket, const struct futex_key *key, unsigned count, uint32_t bitset)
{
	unsigned woken = 0;
	struct futex_waiter *waiter, *next;
	list_for_each_safe(waiter, next, &bucket->queue, link) {
		if (woken == count)
			break;
		if (!futex_key_equals(&waiter->key, key) || !(waiter->bitset & bitset))
			continue;
		wake_locked(bucket, waiter);
		woken++;
	}
	return woken;
}

static NOINLINE int64_t wake_waiters(uaddr_t addr, unsigned count, uint32_t bitset, bool is_private)
{
	struct futex_key key;
	int err = futex_find_key(addr, is_private, &key);
	if (unlikely(err))
		return err;
	struct futex_bucket *bucket = futex_bucket_of(&key);
	/* The caller's write of the word comes before this look. */
	atomic_fence();
	if (!atomic_load(&bucket->waiters))
		return 0;
	spin_lock(&bucket->lock);
	unsigned woken = wake_matching_locked(bucket, &key, count, bitset);
	spin_unlock(&bucket->lock);
	return woken;
}

/* Mostly nobody waits: to see that needs no stack. */
int64_t futex_wake(uaddr_t addr, unsigned count, uint32_t bitset, bool is_private)
{
	if (likely(is_private)) {
		struct futex_key key;
		int err = futex_find_key(addr, true, &key);
		if (unlikely(err))
			return err;
		/* The caller's write of the word comes before this look. */
		atomic_fence();
		if (likely(!atomic_load(&futex_bucket_of(&key)->waiters)))
			return 0;
	}
	return wake_waiters(addr, count, bitset, is_private);
}

static void lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_second(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static unsigned move_matching_locked(struct futex_bucket *from, const struct futex_key *from_key,
    struct futex_bucket *to, const struct futex_key *to_key, unsigned count)
{
	unsigned moved = 0;
	struct futex_waiter *waiter, *next;
	list_for_each_safe(waiter, next, &from->queue, link) {
		if (moved == count)
			break;
		if (!futex_key_equals(&waiter->key, from_key))
			continue;
		moved++;
		waiter->key = *to_key;
		if (from == to)
			continue;
		list_remove(&waiter->link);
		list_push_back(&to->queue, &waiter->link);
		atomic_fetch_add(&to->waiters, 1);
		atomic_fetch_sub(&from->waiters, 1);
		atomic_store(&waiter->bucket, to);
	}
	return moved;
}

/* Both buckets locked, and the word as expected; otherwise neither is, and -errno. */
static int lock_and_compare(
    struct futex_bucket *from, struct futex_bucket *to, const struct futex_requeue *request)
{
	for (;;) {
		uint32_t value;
		lock_both(from, to);
		if (!request->compare)
			return 0;
		int err = get_user_u32_nofault(&value, request->from);
		if (!err && value == request->expected)
			return 0;
		unlock_both(from, to);
		if (!err)
			return -EAGAIN;
		if (get_user_u32(&value, request->from))
			return -EFAULT;
	}
}

int64_t futex_requeue(const struct futex_requeue *request)
{
	struct futex_key from_key, to_key;
	int err = futex_find_key(request->from, request->is_private, &from_key);
	if (!err)
		err = futex_find_key(request->to, request->is_private, &to_key);
	if (err)
		return err;
	struct futex_bucket *from = futex_bucket_of(&from_key), *to = futex_bucket_of(&to_key);
	err = lock_and_compare(from, to, request);
	if (err)
		return err;
	unsigned woken = wake_matching_locked(from, &from_key, request->wake, FUTEX_ANY_BIT);
	unsigned moved = move_matching_locked(from, &from_key, to, &to_key, request->requeue);
	unlock_both(from, to);
	return (int64_t)woken + moved;
}

/* FUTEX_OP: operation, comparison, and two operands of twelve bits, signed. */
enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR };
enum { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };
#define OP_SHIFT_OPERAND 8

static int32_t signed_bits(uint32_t word, unsigned shift)
{
	return (int32_t)(word << (20 - shift)) >> 20;
}

static bool apply_operation(unsigned op, uint32_t old, uint32_t operand, uint32_t *new)
{
	switch (op) {
	case OP_SET: *new = operand; return true;
	case OP_ADD: *new = old + operand; return true;
	case OP_OR: *new = old | operand; return true;
	case OP_ANDN: *new = old & ~operand; return true;
	case OP_XOR: *new = old ^ operand; return true;
	default: return false;
	}
}

/* 0 or 1: how the old value compares; -ENOSYS: no such comparison. */
static int compare(unsigned how, int32_t old, int32_t operand)
{
	switch (how) {
	case CMP_EQ: return old == operand;
	case CMP_NE: return old != operand;
	case CMP_LT: return old < operand;
	case CMP_LE: return old <= operand;
	case CMP_GT: return old > operand;
	case CMP_GE: return old >= operand;
	default: return -ENOSYS;
	}
}

/* Changes the word; *old is what it was. */
static int change_word(uaddr_t addr, uint32_t operation, uint32_t *old)
{
	unsigned op = operation >> 28 & 15;
	uint32_t operand = (uint32_t)signed_bits(operation, 12);
	if (op & OP_SHIFT_OPERAND)
		operand = 1u << (operand & 31);
	uint32_t seen, expected, new;
	if (get_user_u32(&seen, addr))
		return -EFAULT;
	do {
		expected = seen;
		if (!apply_operation(op & ~(unsigned)OP_SHIFT_OPERAND, expected, operand, &new))
			return -ENOSYS;
		if (user_cas_u32(addr, expected, new, &seen))
			return -EFAULT;
	} while (seen != expected);
	*old = expected;
	return 0;
}

int64_t futex_wake_op(uaddr_t first, uaddr_t second, unsigned wake, unsigned wake_second,
    uint32_t operation, bool is_private)
{
	struct futex_key key;
	uint32_t old;
	int err = futex_find_key(first, is_private, &key);
	if (!err)
		err = futex_find_key(second, is_private, &key);
	if (!err)
		err = change_word(second, operation, &old);
	if (err)
		return err;
	int matches = compare(operation >> 24 & 15, (int32_t)old, signed_bits(operation, 0));
	if (matches < 0)
		return matches;
	int64_t woken = futex_wake(first, wake, FUTEX_ANY_BIT, is_private);
	if (woken < 0 || !matches)
		return woken;
	int64_t more = futex_wake(second, wake_second, FUTEX_ANY_BIT, is_private);
	return more < 0 ? more : woken + more;
}
