/*
 * Queues of signals, and the tables of handlers. A standard signal waits at most once; a real-time signal as often as it was sent, in
 * order. A bit says that a signal waits; its message, which may be missing when memory was short, says who sent it and why.
 */
#include "signal_queue.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <lib/string.h>
#include <mm/slab.h>

void signal_queue_init(struct signal_queue *queue)
{
	queue->pending = 0;
	list_init(&queue->messages);
}

/* Messages of `set` go to `dropped`, because memory is not freed under the signal lock. */
static void discard_from(
    struct signal_state *state, struct signal_queue *queue, uint64_t set, struct list *dropped)
{
	if (!(queue->pending & set))
		return;
	queue->pending &= ~set;
	struct signal_message *message, *next;
	list_for_each_safe(message, next, &queue->messages, link)
		if (signal_bit(message->info.signal) & set &&
		    signal_unqueue_locked(state, message, NULL))
			list_push_back(dropped, &message->link);
}

void signal_flush(struct signal_state *state, struct signal_queue *queue)
{
	struct list dropped;
	list_init(&dropped);
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	discard_from(state, queue, ~0ull, &dropped);
	spin_unlock_irqrestore(&state->lock, flags);
	signal_free_messages(&dropped);
}

void signal_discard_locked(struct process *process, uint64_t set, struct list *dropped)
{
	struct task *task;
	list_splice(dropped, &process->signals.unfreed);
	discard_from(&process->signals, &process->signals.shared, set, dropped);
	list_for_each(task, &process->tasks, link)
		discard_from(&process->signals, &task->pending, set, dropped);
}

void signal_free_messages(struct list *dropped)
{
	struct signal_message *message, *next;
	list_for_each_safe(message, next, dropped, link)
		kfree(message);
}

struct signal_handlers *signal_handlers_create(void)
{
	struct signal_handlers *handlers = kzalloc(sizeof(*handlers));
	if (!handlers)
		return NULL;
	handlers->refs = 1;
	spin_init(&handlers->lock, "signal handlers", RANK_SIGNAL_HANDLERS);
	return handlers;
}

struct signal_handlers *signal_handlers_get(struct signal_handlers *handlers)
{
	atomic_fetch_add(&handlers->refs, 1);
	return handlers;
}

struct signal_handlers *signal_handlers_clone(struct signal_handlers *from)
{
	struct signal_handlers *handlers = kmalloc(sizeof(*handlers));
	if (!handlers)
		return NULL;
	memcpy(handlers->actions, from->actions, sizeof(handlers->actions));
	handlers->refs = 1;
	spin_init(&handlers->lock, "signal handlers", RANK_SIGNAL_HANDLERS);
	return handlers;
}

void signal_handlers_put(struct signal_handlers *handlers)
{
	if (atomic_fetch_sub(&handlers->refs, 1) == 1)
		kfree(handlers);
}

void signal_handlers_reset_on_exec(struct signal_handlers *handlers)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		bool is_ignored = handlers->actions[i].handler.va == SIG_IGN;
		handlers->actions[i] =
		    (struct signal_action){.handler = {is_ignored ? SIG_IGN : SIG_DFL}};
	}
}

static_assert(offsetof(struct signal_info, pid) == offsetof(struct linux_siginfo, pid), "ABI");
static_assert(
    offsetof(struct signal_info, status) == offsetof(struct linux_siginfo, status), "ABI");
static_assert(
    offsetof(struct signal_info, user_ticks) == offsetof(struct linux_siginfo, user_ticks), "ABI");
static_assert(
    offsetof(struct signal_info, address) == offsetof(struct linux_siginfo, address), "ABI");

int signal_info_put(uaddr_t to, const struct signal_info *info)
{
	if (copy_to_user(to, info, sizeof(*info)))
		return -EFAULT;
	return clear_user(
	    uaddr_add(to, sizeof(*info)), sizeof(struct linux_siginfo) - sizeof(*info));
}
