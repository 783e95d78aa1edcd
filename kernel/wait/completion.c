/* Completions: one bit and a wait queue. */
#include <wait/completion.h>

void completion_init(struct completion *completion)
{
	completion->is_done = false;
	wait_queue_init(&completion->queue);
}

void completion_signal(struct completion *completion)
{
	/* All of it under the lock, which a waiter takes last: then we are out, and the memory is his. */
	struct wait_queue *queue = &completion->queue;
	irq_flags_t flags = spin_lock_irqsave(&queue->lock);
	atomic_store_release(&completion->is_done, true);
	wait_wake_all_locked(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

int completion_wait_until(struct completion *completion, nsec_t deadline)
{
	int result = wait_until(&completion->queue, completion_is_done(completion), deadline);
	irq_flags_t flags = spin_lock_irqsave(&completion->queue.lock);
	spin_unlock_irqrestore(&completion->queue.lock, flags);
	return result;
}

void completion_wait(struct completion *completion)
{
	int result = completion_wait_until(completion, NSEC_MAX);
	(void)result;
}
