/* Bytes through a pipe: read(2) and write(2). */
#include "pipe_impl.h"

#include <abi/errno.h>
#include <mm/page.h>
#include <wait/interruptible.h>

/* The writers first: what the last one wrote before it left is seen, then. */
static bool is_over(const struct pipe *pipe)
{
	return !atomic_load_acquire(&pipe->writers) && pipe_is_empty(pipe);
}

int pipe_wait_for_bytes(struct pipe *pipe, bool nonblock)
{
	for (;;) {
		if (is_over(pipe))
			return 0;
		if (pipe_is_ready(pipe))
			return 1;
		if (nonblock)
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(&pipe->readers_wait,
		    pipe_is_ready(pipe) || is_over(pipe) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
}

/*
 * What reaches over several pages is copied at once when these lie one behind the other in memory, as they usually do: pipe_add_block. How many
 * bytes; 0: there are not two such pages, or the first meets bad memory. Lock held.
 */
static size_t take_pages(struct pipe *pipe, struct io *io)
{
	const struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
	const uint8_t *page = slot->page;
	size_t used = pipe->head - pipe->tail, max = min(io->left / PAGE_SIZE, used), count = 0;
	max = min(max, (size_t)(&pipe->slots[pipe->slot_count] - slot));
	while (count < max && slot[count].page == page + count * PAGE_SIZE &&
	       slot[count].span == SPAN_PAGE)
		count++;
	if (count < 2)
		return 0;
	count = io_write(io, page, count * PAGE_SIZE) / PAGE_SIZE;
	pipe_retire_slots(pipe, count);
	return count * PAGE_SIZE;
}

static size_t put_pages(struct pipe *pipe, struct io *io)
{
	struct pipe_slot *slot = pipe_slot_at(pipe, pipe->head);
	const struct pipe_slot *end = &pipe->slots[pipe->touched];
	size_t room = pipe->slot_count - (pipe->head - pipe->tail),
	       max = min(io->left / PAGE_SIZE, room), count = 0;
	max = min(max, (size_t)(end - slot));
	uint8_t *page = slot->page;
	while (count < max && slot[count].page == page + count * PAGE_SIZE)
		slot[count++].span = SPAN_PAGE;
	if (count < 2 || !page)
		return 0;
	count = io_read(io, page, count * PAGE_SIZE) / PAGE_SIZE;
	atomic_store(&pipe->head, pipe->head + (uint32_t)count);
	return count * PAGE_SIZE;
}

/* What is there, as far as it fits. What meets bad memory stays, as a whole. Lock held. */
static size_t take_bytes(struct pipe *pipe, struct io *io)
{
	size_t done = 0;
	while (io->left && !io->faulted && !pipe_is_empty(pipe)) {
		size_t len = take_pages(pipe, io);
		done += len;
		if (len)
			continue;
		struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
		size_t there = (size_t)(slot->end - slot->start);
		len = min(io->left, there);
		if (unlikely(io_write(io, slot->page + slot->start, len) < len))
			break;
		done += len;
		slot->start = (uint16_t)(slot->start + len);
		bool is_packet = slot->flags & SLOT_PACKET;
		if (is_packet || len == there)
			pipe_retire_slot(pipe, slot);
		if (is_packet)
			break;
	}
	return done;
}

/* Lock held; comes back without it. */
static NOINLINE int64_t read_any(struct object *end, struct pipe *pipe, struct io *io)
{
	while (!pipe_is_ready_locked(pipe)) {
		mutex_unlock(&pipe->lock);
		int ready = pipe_wait_for_bytes(pipe, object_must_not_wait(end, io));
		if (ready <= 0)
			return ready;
		if (mutex_lock_killable(&pipe->lock))
			return -EINTR;
	}
	uint32_t used = pipe->head - pipe->tail;
	size_t done = take_bytes(pipe, io);
	bool made_room = pipe->head - pipe->tail < used;
	mutex_unlock(&pipe->lock);
	if (made_room)
		pipe_wake(&pipe->writers_wait);
	return io_result(io, done);
}

/* One buffer, and what is there is in one page. Whatever is unusual is left to read_any, as if nothing had been tried. */
int64_t pipe_read(struct object *end, struct pipe *pipe, struct io *io)
{
	if (unlikely(!io->left))
		return 0;
	if (mutex_lock_killable(&pipe->lock))
		return -EINTR;
	uint32_t tail = pipe->tail, used = pipe->head - tail;
	struct pipe_slot *slot = pipe_slot_at(pipe, tail);
	size_t there = (size_t)(slot->end - slot->start), len = min(io->left, there);
	if (unlikely(!used || io->is_kernel || io->left != io->segment_left || slot->flags ||
		     (used > 1 && there < io->left) ||
		     copy_to_user_part(io->base, slot->page + slot->start, len)))
		return read_any(end, pipe, io);
	slot->start = (uint16_t)(slot->start + len);
	if (len == there)
		pipe_retire_slot(pipe, slot);
	mutex_unlock(&pipe->lock);
	if (len == there)
		pipe_wake(&pipe->writers_wait);
	return (int64_t)len;
}

/* Bytes behind those of the last slot, when all of them fit there. -ENOSPC when not. Lock held. */
static int64_t append(struct pipe *pipe, struct io *io, size_t len)
{
	if (pipe_is_empty(pipe))
		return -ENOSPC;
	struct pipe_slot *slot = pipe_slot_at(pipe, pipe->head - 1);
	if (slot->flags || slot->end + len > PAGE_SIZE)
		return -ENOSPC;
	if (unlikely(io_read(io, slot->page + slot->end, len) < len))
		return -EFAULT;
	slot->end = (uint16_t)(slot->end + len);
	return (int64_t)len;
}

/* A new slot. Lock held. */
static int64_t add_slot(struct pipe *pipe, struct io *io, bool is_packet)
{
	struct pipe_slot *slot = pipe_next_slot(pipe);
	if (unlikely(!slot))
		return -ENOMEM;
	size_t len = min(io->left, PAGE_SIZE);
	if (unlikely(io_read(io, slot->page, len) < len))
		return -EFAULT;
	slot->start = 0;
	slot->end = (uint16_t)len;
	slot->flags = is_packet ? SLOT_PACKET : 0;
	atomic_store(&pipe->head, pipe->head + 1);
	return (int64_t)len;
}

/* As much as there is room for; at least one byte, or -errno: -EAGAIN when it is full. Lock held. */
static int64_t put_bytes(struct pipe *pipe, struct io *io, bool packets)
{
	size_t done = 0;
	/* The part that does not fill a page goes behind what is there: Linux does so, and programs know how many writes fit. */
	size_t odd = io->left & (PAGE_SIZE - 1);
	if (odd && !packets) {
		int64_t n = append(pipe, io, odd);
		if (n == -EFAULT)
			return n;
		if (n > 0)
			done = (size_t)n;
	}
	if (unlikely(io->left > PAGE_SIZE && pipe->touched < pipe->slot_count))
		pipe_add_block(pipe, io->left);
	while (io->left && !io->faulted) {
		int64_t n = packets ? 0 : (int64_t)put_pages(pipe, io);
		if (!n)
			n = pipe_is_full(pipe) ? -EAGAIN : add_slot(pipe, io, packets);
		if (n < 0)
			return done ? (int64_t)done : n;
		done += (size_t)n;
	}
	return (int64_t)done;
}

/* Lock held; comes back without it. */
static NOINLINE int64_t write_any(
    struct object *end, struct pipe *pipe, struct io *io, bool packets)
{
	int64_t done = 0;
	for (;;) {
		if (unlikely(!atomic_load(&pipe->readers))) {
			mutex_unlock(&pipe->lock);
			pipe_signal_broken();
			return done ? done : -EPIPE;
		}
		int64_t n = put_bytes(pipe, io, packets);
		mutex_unlock(&pipe->lock);
		if (likely(n > 0)) {
			pipe_wake(&pipe->readers_wait);
			done += n;
			if (likely(!io->left))
				return done;
			if (io->faulted)
				return done;
		} else if (n != -EAGAIN) {
			return done ? done : n;
		}
		if (object_must_not_wait(end, io))
			return done ? done : -EAGAIN;
		if (signal_is_pending())
			return done ? done : -ERESTARTSYS;
		int ignored = wait_until(&pipe->writers_wait,
		    !pipe_is_full(pipe) || !atomic_load(&pipe->readers) || signal_is_pending(),
		    NSEC_MAX);
		(void)ignored;
		if (mutex_lock_killable(&pipe->lock))
			return done ? done : -EINTR;
	}
}

/* Where a small write goes: the last page, or a new slot that has one. NULL: neither. Lock held. */
static struct pipe_slot *slot_for_small(struct pipe *pipe, size_t len)
{
	uint32_t head = pipe->head, used = head - pipe->tail;
	struct pipe_slot *slot = pipe_slot_at(pipe, head - 1);
	if (used && !slot->flags && slot->end + len <= PAGE_SIZE)
		return slot;
	slot = pipe_slot_at(pipe, head);
	if (used >= pipe->slot_count || !slot->page)
		return NULL;
	slot->start = slot->end = 0;
	slot->flags = 0;
	return slot;
}

/* One buffer that fits into a page. Whatever is unusual is left to write_any, as if nothing had been tried. */
int64_t pipe_write(struct object *end, struct pipe *pipe, struct io *io, bool packets)
{
	size_t len = io->left;
	if (unlikely(!len))
		return 0;
	if (mutex_lock_killable(&pipe->lock))
		return -EINTR;
	if (unlikely(len > PAGE_SIZE || io->is_kernel || packets || len != io->segment_left))
		return write_any(end, pipe, io, packets);
	struct pipe_slot *slot =
	    likely(atomic_load(&pipe->readers)) ? slot_for_small(pipe, len) : NULL;
	if (unlikely(!slot || copy_from_user_part(slot->page + slot->end, io->base, len)))
		return write_any(end, pipe, io, false);
	if (!slot->end)
		atomic_store(&pipe->head, pipe->head + 1);
	slot->end = (uint16_t)(slot->end + len);
	mutex_unlock(&pipe->lock);
	pipe_wake(&pipe->readers_wait);
	return (int64_t)len;
}
