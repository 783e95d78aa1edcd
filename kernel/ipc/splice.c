/*
 * Bytes between pipes and other objects, inside the kernel: splice(2), tee(2). What is written elsewhere stays in its pipe until it has been, so that
 * nothing is lost that cannot be written. That may last: the pipe is not locked meanwhile, but nobody else takes from it.
 */
#include "pipe_impl.h"

#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <lib/string.h>
#include <vfs/inode.h>
#include <wait/interruptible.h>

static struct pipe *pipe_of(struct object *end)
{
	return end->ops->stat == file_stat ? file_of(end)->data : end->data;
}

bool pipe_is_same(struct object *end, struct object *other)
{
	return pipe_of(end) == pipe_of(other);
}

static size_t room(const struct pipe *pipe)
{
	uint32_t used = atomic_load(&pipe->head) - atomic_load(&pipe->tail),
		 count = atomic_load(&pipe->slot_count);
	return used < count ? (count - used) * PAGE_SIZE : 0;
}

int64_t pipe_wait_for_room(struct object *end, bool nonblock)
{
	struct pipe *pipe = pipe_of(end);
	nonblock |= !!(end->flags & O_NONBLOCK);
	for (;;) {
		if (!atomic_load(&pipe->readers)) {
			pipe_signal_broken();
			return -EPIPE;
		}
		size_t bytes = room(pipe);
		if (bytes)
			return (int64_t)bytes;
		if (nonblock)
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(&pipe->writers_wait,
		    room(pipe) || !atomic_load(&pipe->readers) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
}

/* The first `len` bytes of the first slot have been moved. Lock held. */
static void consume(struct pipe *pipe, struct pipe_slot *slot, size_t len)
{
	slot->start = (uint16_t)(slot->start + len);
	if (slot->start == slot->end)
		pipe_retire_slot(pipe, slot);
}

/* The first slot can be read without the lock from now on. Lock held. */
static struct io begin_leaving(struct pipe *pipe, size_t len)
{
	struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
	slot->flags |= SLOT_LEAVES;
	atomic_store(&pipe->is_leaving, true);
	return io_kernel(slot->page + slot->start, min(len, (size_t)(slot->end - slot->start)));
}

/* n: how many bytes of it were written, or -errno. Lock held. */
static void end_leaving(struct pipe *pipe, int64_t n)
{
	/* The same slot, though F_SETPIPE_SZ may have put it elsewhere. */
	struct pipe_slot *slot = pipe_slot_at(pipe, pipe->tail);
	slot->flags &= ~SLOT_LEAVES;
	atomic_store(&pipe->is_leaving, false);
	if (n > 0)
		consume(pipe, slot, (size_t)n);
}

/* end_leaving of who was killed while he waited for the lock: the next who takes from the pipe does it for him. */
static void leave_to_others(struct pipe *pipe, int64_t n)
{
	pipe->gone = n > 0 ? (uint32_t)n : 0;
	/* A swap, for its barrier: pipe_wake. */
	(void)atomic_swap(&pipe->is_leaving, false);
}

bool pipe_finish_leaving(struct pipe *pipe)
{
	end_leaving(pipe, pipe->gone);
	return !pipe_is_empty(pipe);
}

/* There is something to take. Lock held; comes back without it. */
static int64_t write_out(struct pipe *pipe, struct object *out, uint64_t *pos, size_t len)
{
	size_t done = 0;
	bool goes_on = true, is_killed = false;
	int64_t n = 0;
	while (goes_on) {
		struct io io = begin_leaving(pipe, len - done);
		size_t part = io.left;
		mutex_unlock(&pipe->lock);
		if (done)
			pipe_wake(&pipe->writers_wait);
		n = out->ops->write(out, &io, pos);
		done += n > 0 ? (size_t)n : 0;
		is_killed = mutex_lock_killable(&pipe->lock) != 0;
		if (is_killed) {
			leave_to_others(pipe, n);
			break;
		}
		end_leaving(pipe, n);
		goes_on = n == (int64_t)part && done < len && !pipe_is_empty(pipe) &&
			  !signal_is_pending();
	}
	if (!is_killed)
		mutex_unlock(&pipe->lock);
	pipe_wake(&pipe->writers_wait);
	pipe_wake(&pipe->readers_wait);
	return done ? (int64_t)done : n;
}

int64_t pipe_splice_to(
    struct object *end, struct object *out, uint64_t *out_pos, size_t len, bool nonblock)
{
	struct pipe *pipe = pipe_of(end);
	for (;;) {
		int ready = pipe_wait_for_bytes(pipe, nonblock || end->flags & O_NONBLOCK);
		if (ready <= 0)
			return ready;
		if (mutex_lock_killable(&pipe->lock))
			return -EINTR;
		if (pipe_is_ready_locked(pipe))
			return write_out(pipe, out, out_pos, len);
		mutex_unlock(&pipe->lock); /* another reader was faster */
	}
}

int64_t pipe_splice_from(
    struct object *in, uint64_t *in_pos, struct object *end, size_t len, bool nonblock)
{
	int64_t bytes = pipe_wait_for_room(end, nonblock);
	return bytes < 0 ? bytes : object_copy(in, in_pos, end, NULL, min(len, (size_t)bytes));
}

/* Neither has to be locked first: whoever finds the second taken waits for that one, and asks for the other then. */
static int lock_both(struct pipe *a, struct pipe *b)
{
	for (;;) {
		if (mutex_lock_killable(&a->lock))
			return -EINTR;
		if (mutex_try_lock(&b->lock))
			return 0;
		mutex_unlock(&a->lock);
		struct pipe *swap = a;
		a = b;
		b = swap;
	}
}

/* Up to `len` bytes of a slot become a slot of `out`: the page itself, or a copy. How many, or -ENOMEM. Both locks held. */
static int64_t pass_slot(
    struct pipe *in, struct pipe_slot *slot, struct pipe *out, size_t len, bool keep)
{
	size_t there = (size_t)(slot->end - slot->start), part = min(len, there);
	struct pipe_slot *fresh = pipe_slot_at(out, out->head);
	if (!keep && part == there) {
		uint8_t *spare = fresh->page;
		pipe_set_page(out, fresh, slot->page);
		slot->page = spare;
		fresh->start = slot->start;
	} else {
		if (!pipe_next_slot(out))
			return -ENOMEM;
		memcpy(fresh->page, slot->page + slot->start, part);
		fresh->start = 0;
	}
	fresh->end = (uint16_t)(fresh->start + part);
	fresh->flags = slot->flags;
	if (!keep)
		consume(in, slot, part);
	atomic_store(&out->head, out->head + 1);
	return (int64_t)part;
}

static int64_t pass(struct pipe *in, struct pipe *out, size_t len, bool keep)
{
	size_t done = 0;
	int64_t n = 0;
	uint32_t index = in->tail;
	while (done < len && index != in->head && !pipe_is_full(out)) {
		uint32_t tail = in->tail;
		n = pass_slot(in, pipe_slot_at(in, index), out, len - done, keep);
		if (n < 0)
			break;
		done += (size_t)n;
		index = keep ? index + 1 : in->tail;
		if (!keep && tail == in->tail)
			break; /* a part of a slot: the last */
	}
	return done ? (int64_t)done : n;
}

int64_t pipe_splice_pipes(
    struct object *in_end, struct object *out_end, size_t len, bool keep, bool nonblock)
{
	struct pipe *in = pipe_of(in_end), *out = pipe_of(out_end);
	for (;;) {
		int ready = pipe_wait_for_bytes(in, nonblock || in_end->flags & O_NONBLOCK);
		if (ready <= 0)
			return ready;
		int64_t bytes = pipe_wait_for_room(out_end, nonblock);
		if (bytes < 0)
			return bytes;
		if (lock_both(in, out))
			return -EINTR;
		int64_t n = pipe_is_ready_locked(in) ? pass(in, out, len, keep) : 0;
		mutex_unlock(&in->lock);
		mutex_unlock(&out->lock);
		pipe_wake(&in->writers_wait);
		pipe_wake(&out->readers_wait);
		if (n)
			return n;
	}
}
