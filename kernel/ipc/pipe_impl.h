/* Private to kernel/ipc. */
#pragma once

#include <ipc/pipe.h>
#include <object/poll.h>
#include <wait/mutex.h>
#include <wait/wait_queue.h>

#define PIPE_SLOTS 16 /* 64 KiB */

/* A page of the ring, and what of it is to be read. */
struct pipe_slot {
	uint8_t *page; /* may stay when it was read, for the next write; NULL: none */
	union {
		struct {
			uint16_t start, end;
			uint32_t flags;
		};
		uint64_t span; /* all three at once */
	};
};

/* A whole page of a stream. */
#define SPAN_PAGE (((struct pipe_slot){.end = PAGE_SIZE}).span)

#define SLOT_PACKET 1u /* O_DIRECT: a read takes no more than this, and what it leaves is gone */
/* The first: it is being written elsewhere, without the lock, and what could not be written stays. Nobody else takes from the pipe meanwhile. */
#define SLOT_LEAVES 2u

/* Letters: I immutable, a atomic, l lock (read without it by those who wait) */
struct pipe {
	struct mutex lock;
	uint32_t head, tail;     /* l: slots written and read; an emptied one may be next again */
	uint32_t readers;        /* a: open ends */
	uint32_t writers;        /* a */
	uint32_t reader_opens;   /* l: FIFO: how often a side was opened since ever */
	uint32_t writer_opens;   /* l */
	uint32_t slot_count;     /* l: a power of two */
	uint32_t touched;        /* l: slots before this one, and it, say what page they have */
	bool is_leaving;         /* a: the first slot is SLOT_LEAVES, and being written */
	uint32_t gone;           /* that of its bytes were, where it is not is_leaving any more */
	bool keeps_pages;        /* l: those of all slots; else of the next one only */
	uint32_t refs;           /* a: objects that name it */
	struct pipe_slot *slots; /* l: few, or an array of their own */
	struct wait_queue readers_wait, writers_wait;
	uint64_t ino;      /* I: of a nameless pipe */
	uint32_t uid, gid; /* I: who made it */
	int64_t born_ns;
	const struct inode *inode;         /* I: of a FIFO */
	struct list fifo_link;             /* the list of FIFOs' lock */
	struct object read_end, write_end; /* of a nameless pipe */
	struct pipe_slot few[PIPE_SLOTS];
};

MUST_USE struct pipe *pipe_alloc(void); /* no ends, one reference */
void pipe_put(struct pipe *pipe);
/* An end is closed: those who wait at the other one are told. */
void pipe_leave(struct pipe *pipe, bool was_reader, bool was_writer);

/* The pipe of a place that a nameless one was given in /proc, or NULL. */
struct pipe *pipe_of_place(const struct inode *inode);

/* 1: there are some to take. 0: there will never be. Or -EAGAIN, -ERESTARTSYS. */
MUST_USE int pipe_wait_for_bytes(struct pipe *pipe, bool nonblock);

int64_t pipe_read(struct object *end, struct pipe *pipe, struct io *io);
int64_t pipe_write(struct object *end, struct pipe *pipe, struct io *io, bool packets);
static inline bool pipe_is_empty(const struct pipe *pipe)
{
	return atomic_load(&pipe->head) == atomic_load(&pipe->tail);
}

/* There is something to take. */
static inline bool pipe_is_ready(const struct pipe *pipe)
{
	return !pipe_is_empty(pipe) && !atomic_load_acquire(&pipe->is_leaving);
}

static inline bool pipe_is_full(const struct pipe *pipe)
{
	return atomic_load(&pipe->head) - atomic_load(&pipe->tail) >=
	       atomic_load(&pipe->slot_count);
}

static inline struct pipe_slot *pipe_slot_at(struct pipe *pipe, uint32_t position)
{
	return &pipe->slots[position & (pipe->slot_count - 1)];
}

/* Takes out of the first slot what has left. Is there something left to take? Lock held. */
bool pipe_finish_leaving(struct pipe *pipe);

/* pipe_is_ready for who is about to take it: the lock is held. */
static inline bool pipe_is_ready_locked(struct pipe *pipe)
{
	if (!pipe_is_ready(pipe))
		return false;
	bool has_left = pipe_slot_at(pipe, pipe->tail)->flags & SLOT_LEAVES;
	return likely(!has_left) || pipe_finish_leaving(pipe);
}

/* The slot at head gets a page. False: no memory. Lock held. */
MUST_USE bool pipe_add_page(struct pipe *pipe, struct pipe_slot *slot);
/* Slots that were never written to get pages for so many bytes, one behind the other in memory as far as can be: what reaches over
 * several of them is copied at once. As far as the pipe may keep them. Lock held. */
void pipe_add_block(struct pipe *pipe, size_t len);
/* It may not stay with what was the first slot to read, unless there are few pipes that keep theirs. Lock held. */
void pipe_drop_page(struct pipe *pipe, struct pipe_slot *slot);
/* The slot at head has this page from now on. */
void pipe_set_page(struct pipe *pipe, struct pipe_slot *slot, uint8_t *page);

/* What to write to next, or NULL: no memory. It is not full. Lock held. */
static inline struct pipe_slot *pipe_next_slot(struct pipe *pipe)
{
	struct pipe_slot *slot = pipe_slot_at(pipe, pipe->head);
	return likely(slot->page) || pipe_add_page(pipe, slot) ? slot : NULL;
}

/* What was the first slot to read goes. The last one is written to again next: its page is warm. Lock held. */
static inline void pipe_retire_slot(struct pipe *pipe, struct pipe_slot *slot)
{
	uint32_t next = pipe->tail + 1;
	if (next == pipe->head) {
		atomic_store(&pipe->head, pipe->tail);
		return;
	}
	if (unlikely(!pipe->keeps_pages))
		pipe_drop_page(pipe, slot);
	atomic_store(&pipe->tail, next);
}

static inline void pipe_retire_slots(struct pipe *pipe, size_t count)
{
	if (likely(pipe->keeps_pages))
		atomic_store(&pipe->tail, pipe->tail + (uint32_t)count);
	else
		while (count--)
			pipe_retire_slot(pipe, pipe_slot_at(pipe, pipe->tail));
}

static inline unsigned pipe_poll_read(const struct pipe *pipe)
{
	return pipe_is_empty(pipe) ? 0 : POLLIN | POLLRDNORM;
}

static inline unsigned pipe_poll_write(const struct pipe *pipe)
{
	unsigned events = pipe_is_full(pipe) ? 0 : POLLOUT | POLLWRNORM;
	return likely(atomic_load(&pipe->readers)) ? events : events | POLLERR;
}

int64_t pipe_ioctl(struct pipe *pipe, uint64_t request, uaddr_t arg);
int64_t pipe_control(struct pipe *pipe, int command, uint64_t arg);

/* Whoever waits puts itself on the queue before it looks at the pipe; whoever changed the pipe has passed a barrier since, as giving its lock back is
 * one: a look at the list is enough. */
static inline void pipe_wake(struct wait_queue *queue)
{
	if (unlikely(atomic_load(&queue->waiters.next) != &queue->waiters))
		wait_wake_all(queue);
}
