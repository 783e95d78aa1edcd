/* Private to kernel/futex. */
#pragma once

#include <abi/errno.h>
#include <futex/futex.h>
#include <lib/list.h>
#include <process/process.h>
#include <sched/thread.h>
#include <sync/spinlock.h>

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

/*
 * What a futex is. Somebody may still wait on memory that is gone, so it is not named by an address that other memory may have by then: where the
 * number of a page cache, or the address of a space, in which a waiter lives.
 */
struct futex_key {
	uint64_t where, offset;
};

/* Letters: I immutable, a atomic, b the bucket's lock */
struct futex_bucket {
	uint32_t waiters; /* a: counted before they read the word */
	struct spinlock lock;
	struct list queue; /* b: first come, first served */
} ALIGNED(64);

/* On the waiter's stack. Whoever wakes it clears is_queued and does not touch it after that. */
struct futex_waiter {
	struct list link;            /* b */
	struct futex_key key;        /* b */
	struct futex_bucket *bucket; /* a: changed under the locks of both */
	struct thread *thread;       /* I */
	uint32_t bitset;             /* I */
	bool is_woken;               /* a */
	bool is_queued;              /* a */
};

#define FUTEX_BUCKETS 256
extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

static inline struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	static_assert(FUTEX_BUCKETS == 256, "eight bits of the hash");
	uint64_t mixed = (key->where >> 4 ^ key->offset >> 2) * 0x9e3779b97f4a7c15ull;
	return &futex_buckets[mixed >> 56];
}

/* Memory that others may see elsewhere: what backs it, when it is shared. */
MUST_USE int futex_find_shared_key(
    struct address_space *space, uaddr_t addr, struct futex_key *key);

static inline MUST_USE int futex_find_key(uaddr_t addr, bool is_private, struct futex_key *key)
{
	if (addr.va % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok(addr, sizeof(uint32_t)))
		return -EFAULT;
	struct address_space *space = current_process()->space;
	*key = (struct futex_key){(uintptr_t)space, addr.va};
	return likely(is_private) ? 0 : futex_find_shared_key(space, addr, key);
}

static inline bool futex_key_equals(const struct futex_key *a, const struct futex_key *b)
{
	return a->where == b->where && a->offset == b->offset;
}
