/* The life of a pipe, its pages and its size: <ipc/pipe.h>. */
#include "pipe_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <credentials/credentials.h>
#include <lib/string.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <wait/interruptible.h>

#define FIONREAD      0x541b
#define PIPE_SIZE_MAX (1u << 31) /* of the argument of F_SETPIPE_SZ */

#define KEPT_PART 64 /* of all memory may stay with pipes that are not in use */

static uint32_t size_limit = PIPE_SIZE_MAX_OWN; /* a */
static uint32_t keepers;                        /* a: pipes that keep their pages */

uint32_t pipe_size_limit(void)
{
	return atomic_load(&size_limit);
}

static uint32_t slots_for(uint64_t size)
{
	uint32_t count = 1;
	while ((uint64_t)count * PAGE_SIZE < size)
		count *= 2;
	return count;
}

int pipe_set_size_limit(uint64_t size)
{
	if (size > PIPE_SIZE_MAX)
		return -EINVAL;
	atomic_store(&size_limit, (uint32_t)(slots_for(size) * PAGE_SIZE));
	return 0;
}

/* The limit holds for new pipes too, but not for whoever may go beyond it. */
static uint32_t first_slot_count(void)
{
	uint32_t limit = pipe_size_limit();
	if (likely(limit >= PIPE_SLOTS * PAGE_SIZE) || has_power(POWER_SYS_RESOURCE))
		return PIPE_SLOTS;
	return (uint32_t)(limit / PAGE_SIZE);
}

struct pipe *pipe_alloc(void)
{
	static uint64_t last_ino;
	struct pipe *pipe = kmalloc(sizeof(*pipe));
	if (!pipe)
		return NULL;
	mutex_init(&pipe->lock, "pipe", RANK_PIPE);
	pipe->head = pipe->tail = 0;
	pipe->readers = pipe->writers = 0;
	pipe->reader_opens = pipe->writer_opens = 0;
	pipe->slot_count = first_slot_count();
	pipe->refs = 1;
	pipe->slots = pipe->few;
	pipe->touched = 0;
	pipe->few[0].page = NULL;
	pipe->is_leaving = pipe->keeps_pages = false;
	wait_queue_init(&pipe->readers_wait);
	wait_queue_init(&pipe->writers_wait);
	pipe->ino = atomic_fetch_add(&last_ino, 1) + 1;
	pipe->born_ns = (int64_t)unix_time_ns();
	pipe->inode = NULL;
	return pipe;
}

void pipe_set_page(struct pipe *pipe, struct pipe_slot *slot, uint8_t *page)
{
	slot->page = page;
	if (slot != &pipe->slots[pipe->touched])
		return;
	if (++pipe->touched < pipe->slot_count)
		pipe->slots[pipe->touched].page = NULL;
}

bool pipe_add_page(struct pipe *pipe, struct pipe_slot *slot)
{
	struct page *page = page_alloc(0, 0);
	if (page)
		pipe_set_page(pipe, slot, page_to_virt(page));
	return page;
}

static uint32_t keepers_max(void)
{
	static uint32_t max; /* a */
	if (unlikely(!atomic_load(&max))) {
		struct page_stats stats;
		page_stats_total(&stats);
		atomic_store(&max, (uint32_t)(stats.total / (KEPT_PART * PIPE_SLOTS) + 1));
	}
	return atomic_load(&max);
}

/* Idle pipes must not fill the memory. */
static bool may_keep_pages(struct pipe *pipe)
{
	if (pipe->slot_count > PIPE_SLOTS || atomic_load(&keepers) >= keepers_max())
		return false;
	if (atomic_fetch_add(&keepers, 1) < keepers_max()) {
		pipe->keeps_pages = true;
		return true;
	}
	atomic_fetch_sub(&keepers, 1);
	return false;
}

void pipe_add_block(struct pipe *pipe, size_t len)
{
	if (!pipe->keeps_pages && !may_keep_pages(pipe))
		return;
	size_t wanted = min(DIV_ROUND_UP(len, PAGE_SIZE), pipe->slot_count - pipe->touched);
	while (wanted) {
		unsigned order = log2_floor(wanted);
		struct page *block = page_alloc(order, PAGE_IF_EASY);
		if (!block)
			return;
		page_split(block, order);
		for (size_t i = 0; i < 1ull << order; i++)
			pipe_set_page(pipe, &pipe->slots[pipe->touched], page_to_virt(&block[i]));
		wanted -= 1ull << order;
	}
}

static void stop_keeping(struct pipe *pipe)
{
	if (pipe->keeps_pages)
		atomic_fetch_sub(&keepers, 1);
	pipe->keeps_pages = false;
}

void pipe_drop_page(struct pipe *pipe, struct pipe_slot *slot)
{
	if (!slot->page || may_keep_pages(pipe))
		return;
	page_put(virt_to_page(slot->page));
	slot->page = NULL;
}

/* All but those in use. */
static void free_pages(struct pipe *pipe)
{
	for (uint32_t i = pipe->head; i != pipe->tail + pipe->slot_count; i++) {
		const struct pipe_slot *slot = pipe_slot_at(pipe, i);
		if (slot < &pipe->slots[pipe->touched] && slot->page)
			page_put(virt_to_page(slot->page));
	}
}

void pipe_put(struct pipe *pipe)
{
	if (atomic_fetch_sub(&pipe->refs, 1) != 1)
		return;
	for (uint32_t i = 0; i < pipe->touched; i++)
		if (pipe->slots[i].page)
			page_put(virt_to_page(pipe->slots[i].page));
	stop_keeping(pipe);
	if (pipe->slots != pipe->few)
		kfree(pipe->slots);
	kfree(pipe);
}

void pipe_leave(struct pipe *pipe, bool was_reader, bool was_writer)
{
	/* Without the lock, which somebody may have for long. Barriers, too: pipe_wake. */
	if (was_reader)
		atomic_fetch_sub(&pipe->readers, 1);
	if (was_writer)
		atomic_fetch_sub(&pipe->writers, 1);
	pipe_wake(&pipe->readers_wait);
	pipe_wake(&pipe->writers_wait);
}

/* Or -EINTR. */
static int64_t bytes_waiting(struct pipe *pipe)
{
	int64_t sum = 0;
	if (mutex_lock_killable(&pipe->lock))
		return -EINTR;
	(void)pipe_is_ready_locked(pipe); /* what is gone is not counted */
	for (uint32_t i = pipe->tail; i != pipe->head; i++) {
		const struct pipe_slot *slot = pipe_slot_at(pipe, i);
		sum += slot->end - slot->start;
	}
	mutex_unlock(&pipe->lock);
	return sum;
}

int64_t pipe_ioctl(struct pipe *pipe, uint64_t request, uaddr_t arg)
{
	if (request != FIONREAD)
		return -ENOTTY;
	int64_t sum = bytes_waiting(pipe);
	return sum < 0 ? sum : put_user_u32(arg, (uint32_t)sum);
}

/* Moves what waits into `slots`. Lock held. */
static void replace_slots(struct pipe *pipe, struct pipe_slot *slots, uint32_t count)
{
	uint32_t used = pipe->head - pipe->tail;
	for (uint32_t i = 0; i < used; i++)
		slots[i] = *pipe_slot_at(pipe, pipe->tail + i);
	free_pages(pipe);
	stop_keeping(pipe);
	if (pipe->slots != pipe->few)
		kfree(pipe->slots);
	if (used < count)
		slots[used].page = NULL;
	pipe->slots = slots;
	pipe->touched = used;
	atomic_store(&pipe->slot_count, count);
	atomic_store(&pipe->tail, 0);
	atomic_store(&pipe->head, used);
}

static int64_t set_size(struct pipe *pipe, uint64_t size)
{
	if (size > PIPE_SIZE_MAX)
		return -EINVAL;
	uint32_t count = slots_for(size);
	bool is_growing = count > atomic_load(&pipe->slot_count);
	if (is_growing && (uint64_t)count * PAGE_SIZE > pipe_size_limit() &&
	    !has_power(POWER_SYS_RESOURCE))
		return -EPERM;
	struct pipe_slot *slots = kmalloc_array(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	int err = mutex_lock_killable(&pipe->lock);
	if (!err) {
		err = pipe->head - pipe->tail <= count ? 0 : -EBUSY;
		if (!err)
			replace_slots(pipe, slots, count);
		mutex_unlock(&pipe->lock);
	}
	if (err) {
		kfree(slots);
		return err;
	}
	if (is_growing)
		pipe_wake(&pipe->writers_wait);
	return (int64_t)count * (int64_t)PAGE_SIZE;
}

int64_t pipe_control(struct pipe *pipe, int command, uint64_t arg)
{
	switch (command) {
	case F_SETPIPE_SZ: return set_size(pipe, (uint32_t)arg);
	case F_GETPIPE_SZ: return (int64_t)atomic_load(&pipe->slot_count) * (int64_t)PAGE_SIZE;
	default: return -EINVAL;
	}
}
