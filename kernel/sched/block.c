/*
 * Waiting: a thread says that it is about to wait, looks at its condition, and blocks; whoever makes the condition true wakes it.
 *
 * No wake-up is lost: the waiter writes is_waiting and then reads the condition, the waker writes the condition and then reads
 * is_waiting, each with a full barrier between. If the waker comes while the waiter still runs, it takes is_waiting
 * back, and thread_block, which looks at it under the run queue's lock, does not block.
 */
#include "sched_impl.h"
#include <abi/errno.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <time/clock.h>

void thread_prepare_to_block(void)
{
	/* A swap, for its barrier. */
	(void)atomic_swap(&current_thread()->is_waiting, true);
}

void thread_cancel_block(void)
{
	atomic_store(&current_thread()->is_waiting, false);
}

static bool wake_with(struct thread *thread, int result)
{
	atomic_fence();
	if (!atomic_load(&thread->is_waiting))
		return false;

	preempt_disable();
	irq_flags_t flags = irq_save();
	struct run_queue *rq = thread_lock_run_queue(thread);
	bool ends_wait = thread->is_waiting;
	if (ends_wait) {
		thread->block_result = result;
		atomic_store(&thread->is_waiting, false);
	}
	if (ends_wait && thread->state == THREAD_BLOCKED) {
		thread->state = THREAD_MOVING;
		thread->enqueued_at = cpu_timestamp();
		place_thread(rq, thread);
	} else {
		run_queue_unlock(rq);
	}
	irq_restore(flags);
	preempt_enable();
	return ends_wait;
}

bool thread_wake(struct thread *thread)
{
	return wake_with(thread, 0);
}

void block_timer_fired(struct timer *timer)
{
	wake_with(container_of(timer, struct thread, block_timer), -ETIMEDOUT);
}

int thread_block(nsec_t deadline)
{
	assert_may_sleep();
	struct thread *thread = current_thread();
	debug_assert(!thread->is_idle);
	/* Woken already, or the condition has waited for something of its own meanwhile: block_result may be that of another wait. */
	if (!atomic_load(&thread->is_waiting))
		return 0;

	if (deadline != NSEC_MAX)
		timer_arm(&thread->block_timer, deadline);
	irq_disable();
	schedule(LEAVE_BLOCKED);
	irq_enable();
	/* A handler that is late must not end the next wait. */
	if (deadline != NSEC_MAX)
		timer_cancel_sync(&thread->block_timer);
	return thread->block_result;
}

void thread_sleep_until(nsec_t deadline)
{
	assert_may_sleep();
	do {
		thread_prepare_to_block();
	} while (thread_block(deadline) != -ETIMEDOUT && uptime_ns() < deadline);
}

void thread_sleep(nsec_t duration)
{
	nsec_t deadline;
	if (add_overflows(uptime_ns(), duration, &deadline))
		deadline = NSEC_MAX;
	thread_sleep_until(deadline);
}

/* What a function leaves on the stack when it begins, where RBP points to. */
struct stack_frame {
	uintptr_t caller, return_address;
};

/* The thread's stack stands still. */
static unsigned walk_stack(const struct thread *thread, uintptr_t *addresses, unsigned max)
{
	const uintptr_t end =
	    (uintptr_t)thread->stack + KERNEL_STACK_SIZE - sizeof(struct stack_frame);
	uintptr_t ip, frame, last = (uintptr_t)thread->stack;
	unsigned count = 0;
	context_position(&thread->context, &ip, &frame);
	/* A program's RBP ends the chain, whatever it is. */
	while (count < max && frame > last && frame <= end && IS_ALIGNED(frame, sizeof(frame))) {
		const struct stack_frame *at = (const struct stack_frame *)frame;
		addresses[count++] = at->return_address;
		last = frame;
		frame = at->caller;
	}
	return count;
}

unsigned thread_callers(struct thread *thread, uintptr_t *addresses, unsigned max)
{
	unsigned count = 0;
	preempt_disable();
	irq_flags_t flags = irq_save();
	struct run_queue *rq = thread_lock_run_queue(thread);
	if (thread->state == THREAD_BLOCKED && thread->stack)
		count = walk_stack(thread, addresses, max);
	run_queue_unlock(rq);
	irq_restore(flags);
	preempt_enable();
	return count;
}

/* From the linker script: the code of kernel/sched and kernel/wait. */
extern const char __waiting_start[], __waiting_end[];

bool address_is_of_waiting(uintptr_t address)
{
	return address >= (uintptr_t)__waiting_start && address < (uintptr_t)__waiting_end;
}
