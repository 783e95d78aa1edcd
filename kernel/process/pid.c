/*
 * Numbers of processes, threads, groups and sessions. A table of two levels from number to struct pid, filled on demand, read under RCU; numbers are
 * given out in turn, so that one is not used again soon.
 */
#include "process_impl.h"

#include <lib/bitmap.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

#define PID_FIRST_REUSED                                                                           \
	300 /* after the numbers ran out: leaves the low ones to daemons, as Linux does */
#define LEAF_SIZE 512

static struct spinlock pid_lock = SPINLOCK_INIT("pids", RANK_PIDS);
static uint64_t used[BITMAP_WORDS(PID_LIMIT)] = {1}; /* pid_lock; 0 is nobody */
static struct pid **leaves[PID_LIMIT / LEAF_SIZE];   /* pid_lock to change, RCU; never freed */
static unsigned next_number = 1;                     /* pid_lock */
static unsigned count, count_max = PID_LIMIT;        /* pid_lock; I after the first process */

/* Stacks of threads may take an eighth of the memory: then what processes have besides fits too, and a fork bomb meets -EAGAIN, not
 * the end of the memory. */
#define STACKS_PART 8
#define COUNT_LEAST 128u

void pid_init(void)
{
	struct page_stats pages;
	page_stats_total(&pages);
	uint64_t stacks = pages.total * PAGE_SIZE / STACKS_PART / KERNEL_STACK_SIZE;
	count_max = (unsigned)min(max(stacks, (uint64_t)COUNT_LEAST), (uint64_t)PID_LIMIT);
}

unsigned process_thread_limit(void)
{
	return count_max;
}

uint32_t process_last_number(void)
{
	spin_lock(&pid_lock);
	uint32_t last = next_number - 1;
	spin_unlock(&pid_lock);
	return last;
}

void process_set_last_number(uint32_t last)
{
	spin_lock(&pid_lock);
	next_number = last + 1;
	spin_unlock(&pid_lock);
}

struct pid *pid_find(uint32_t number)
{
	if (number >= PID_LIMIT)
		return NULL;
	struct pid **leaf = rcu_dereference(leaves[number / LEAF_SIZE]);
	return leaf ? rcu_dereference(leaf[number % LEAF_SIZE]) : NULL;
}

/* Lock held. */
static size_t find_free(void)
{
	if (count >= count_max)
		return BITMAP_NONE;
	size_t number = bitmap_find_clear(used, PID_LIMIT, next_number);
	if (number == BITMAP_NONE)
		number = bitmap_find_clear(used, PID_LIMIT, PID_FIRST_REUSED);
	return number;
}

static bool have_leaf(size_t number)
{
	return leaves[number / LEAF_SIZE];
}

struct pid *pid_create(void)
{
	struct pid *pid = kzalloc(sizeof(*pid));
	if (!pid)
		return NULL;
	struct pid **leaf = NULL;
	spin_lock(&pid_lock);
	size_t number = find_free();
	if (number != BITMAP_NONE && !have_leaf(number)) {
		spin_unlock(&pid_lock);
		leaf = kmalloc_array(LEAF_SIZE, sizeof(*leaf));
		spin_lock(&pid_lock);
		number = find_free();
		if (number != BITMAP_NONE && !have_leaf(number)) {
			if (!leaf)
				number = BITMAP_NONE;
			else
				rcu_assign(leaves[number / LEAF_SIZE], leaf);
			leaf = NULL;
		}
	}
	if (number != BITMAP_NONE) {
		bitmap_set(used, number);
		count++;
		next_number = (unsigned)number + 1;
		pid->number = (uint32_t)number;
		pid->refs = 1;
		list_init(&pid->group);
		list_init(&pid->session);
		rcu_assign(leaves[number / LEAF_SIZE][number % LEAF_SIZE], pid);
	}
	spin_unlock(&pid_lock);
	kfree(leaf);
	if (number == BITMAP_NONE) {
		kfree(pid);
		return NULL;
	}
	return pid;
}

struct pid *pid_get(struct pid *pid)
{
	atomic_fetch_add(&pid->refs, 1);
	return pid;
}

static void free_pid(struct rcu_head *head)
{
	kfree(container_of(head, struct pid, rcu));
}

void pid_put(struct pid *pid)
{
	if (atomic_fetch_sub(&pid->refs, 1) != 1)
		return;
	spin_lock(&pid_lock);
	rcu_assign(leaves[pid->number / LEAF_SIZE][pid->number % LEAF_SIZE], NULL);
	bitmap_clear(used, pid->number);
	count--;
	spin_unlock(&pid_lock);
	rcu_call(&pid->rcu, free_pid);
}

uint32_t process_next_pid(uint32_t number)
{
	uint32_t found = 0;
	rcu_read_lock();
	for (uint32_t i = number + 1; i < PID_LIMIT && !found; i++) {
		if (i % LEAF_SIZE == 0 && !leaves[i / LEAF_SIZE]) {
			i += LEAF_SIZE - 1;
			continue;
		}
		struct pid *pid = pid_find(i);
		if (pid && rcu_dereference(pid->process))
			found = i;
	}
	rcu_read_unlock();
	return found;
}
