/*
 * Private to kernel/process: putting messages on a queue and taking them off, in line because sending and delivering a signal are little else.
 * The signal lock is held.
 */
#pragma once

#include "process_impl.h"

#include <abi/linux/signal.h>

static inline void signal_enqueue_locked(
    struct signal_state *state, struct signal_queue *queue, struct signal_message *message)
{
	queue->pending |= signal_bit(message->info.signal);
	list_push_back(&queue->messages, &message->link);
	message->is_queued = true;
	state->queued += message->is_counted;
}

/* The message to free, NULL when it is somebody's own. info: what is delivered; NULL: nothing is. */
static inline struct signal_message *signal_unqueue_locked(
    struct signal_state *state, struct signal_message *message, struct signal_info *info)
{
	list_remove(&message->link);
	message->is_queued = false;
	state->queued -= message->is_counted;
	if (unlikely(message->taken))
		message->taken(message, info);
	return likely(message->is_static) ? NULL : message;
}

/* Faults first: the handler of another signal must not run on top of an instruction that did not complete. */
static inline int signal_first(uint64_t pending)
{
	uint64_t faults = pending & SIGNALS_FAULT;
	return __builtin_ctzll(faults ? faults : pending) + 1;
}

/* The first message for the signal that comes behind `after`. */
static inline struct signal_message *signal_next_message(
    const struct signal_queue *queue, int signal, const struct list *after)
{
	for (struct list *link = after->next; link != &queue->messages; link = link->next) {
		struct signal_message *message = container_of(link, struct signal_message, link);
		if (likely(message->info.signal == signal))
			return message;
	}
	return NULL;
}

/* The first of `set`, one of which waits there. The message to free, or NULL. */
static ALWAYS_INLINE struct signal_message *signal_take_locked(
    struct signal_state *state, struct signal_queue *queue, uint64_t set, struct signal_info *info)
{
	int signal = signal_first(queue->pending & set);
	struct signal_message *found = signal_next_message(queue, signal, &queue->messages);
	/* Only a real-time signal waits more than once. */
	if (likely(signal < SIGRTMIN) || !found ||
	    !signal_next_message(queue, signal, &found->link))
		queue->pending &= ~signal_bit(signal);
	if (unlikely(!found)) {
		*info = (struct signal_info){.signal = signal, .code = SI_USER};
		return NULL;
	}
	*info = found->info;
	return signal_unqueue_locked(state, found, info);
}

/* The current thread's own queue comes first. NULL: none waits. */
static inline struct signal_queue *signal_queue_with(struct task *task, uint64_t set)
{
	if (task->pending.pending & set)
		return &task->pending;
	struct signal_queue *shared = &task->process->signals.shared;
	return shared->pending & set ? shared : NULL;
}
