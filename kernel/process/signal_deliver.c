/*
 * Signals on the way to user mode: the one place where they act. Takes them off the queues one by one: what has a handler gets a frame on the
 * user's stack, the rest its default action. What a system call left unfinished is begun again, or ends with EINTR.
 */
#include "signal_queue.h"

#include <abi/linux/signal.h>
#include <lib/string.h>
#include <mm/slab.h>

bool signal_is_fatal_pending(void)
{
	if (!signal_is_pending())
		return false;
	const struct task *task = current_task();
	const struct process *process = task->process;
	const struct task *exec_task = atomic_load(&process->exec_task);
	return atomic_load(&process->signals.group_exit) || (exec_task && exec_task != task);
}

void process_inherit_schedule(struct task *task)
{
	const struct thread *parent = current_thread();
	struct thread *thread = task->thread;
	thread_inherit(thread);
	/* What was valid for the parent is so for the child. */
	task->fair_policy = current_task()->fair_policy;
	int err = 0;
	if (parent->affinity != thread->affinity)
		err = thread_set_affinity(thread, parent->affinity);
	if (parent->policy != POLICY_FAIR)
		err |= thread_set_policy(thread, parent->policy, parent->rt_priority);
	else if (parent->priority != thread->priority)
		err |= thread_set_priority(thread, parent->priority);
	(void)err;
}

/* What the call that a signal has interrupted will be after its handler: `may_restart` is the handler's SA_RESTART. */
static void settle_syscall_for_handler(struct registers *regs, bool may_restart)
{
	if (!user_registers_in_syscall(regs))
		return;
	switch (user_registers_result(regs)) {
	case -ERESTARTSYS:
		if (may_restart)
			user_registers_restart_syscall(regs);
		else
			user_registers_set_result(regs, -EINTR);
		break;
	case -ERESTARTNOINTR: user_registers_restart_syscall(regs); break;
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK: user_registers_set_result(regs, -EINTR); break;
	}
}

static void settle_syscall_without_handler(struct registers *regs)
{
	if (!user_registers_in_syscall(regs))
		return;
	switch (user_registers_result(regs)) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND: user_registers_restart_syscall(regs); break;
	case -ERESTART_RESTARTBLOCK: user_registers_call_restart_syscall(regs); break;
	}
}

/* A frame that cannot be written is a fault of its own; one for SIGSEGV itself leaves no way but the end. */
static NOINLINE void fail_frame(int signal)
{
	struct task *task = current_task();
	if (signal == SIGSEGV) {
		struct signal_handlers *handlers = task->process->handlers;
		spin_lock_irq(&task->process->signals.lock);
		bool is_shared = signal_handlers_lock(handlers);
		handlers->actions[SIGSEGV - 1].handler.va = SIG_DFL;
		signal_handlers_unlock(handlers, is_shared);
		spin_unlock_irq(&task->process->signals.lock);
	}
	struct signal_info info = signal_info_kernel(SIGSEGV);
	signal_force(&info);
}

/* What take_next has found for the thread. */
struct delivery {
	struct signal_info info;
	struct signal_action action;
	uint64_t blocked; /* before the handler's mask was added */
};

static void run_handler(struct registers *regs, const struct delivery *delivery)
{
	struct task *task = current_task();
	const struct signal_action *action = &delivery->action;
	settle_syscall_for_handler(regs, action->flags & SA_RESTART);
	const struct user_signal signal = {
	    .number = delivery->info.signal,
	    .handler = action->handler,
	    .restorer = action->restorer,
	    .mask = task->has_saved_mask ? task->saved_mask : delivery->blocked,
	    .use_alt_stack = action->flags & SA_ONSTACK,
	    .alt_stack = &task->alt_stack,
	    .exception = &task->exception,
	    .siginfo = (const uint64_t *)&delivery->info,
	};
	int err = action->flags & SA_RESTORER ? user_signal_push(regs, &signal) : -EFAULT;
	if (unlikely(err)) {
		signal_set_mask(delivery->blocked);
		fail_frame(delivery->info.signal);
		return;
	}
	task->has_saved_mask = false;
	if (task->alt_stack.flags & SS_AUTODISARM)
		task->alt_stack = (struct user_alt_stack){.flags = SS_DISABLE};
}

static NOINLINE void default_action(const struct registers *regs, const struct signal_info *info)
{
	int signal = info->signal;
	struct process *process = current_process();
	uint64_t bit = signal_bit(signal);
	if (bit & SIGNALS_IGNORED || (process->pid->number == 1 && !(bit & SIGNALS_FAULT)))
		return;
	if (bit & SIGNALS_STOP)
		signal_stop_begin(signal);
	else
		process_exit_group(core_is_wanted(process, signal) && core_dump(regs, info)
				       ? signal | 0x80
				       : signal);
}

/* First the mark, then another look at what is told without the lock: nothing gets lost between. */
static void clear_mark_locked(struct task *task)
{
	const struct process *process = task->process;
	user_work_clear(task->thread, USER_WORK_SIGNAL);
	if (likely(!atomic_load(&process->signals.for_all)))
		return;
	const struct task *exec_task = atomic_load(&process->exec_task);
	if (process->signals.group_exit || process->signals.group_stop ||
	    process->signals.notify_continued || (exec_task && exec_task != task))
		user_work_set(task->thread, USER_WORK_SIGNAL);
}

/* What the handler blocks while it runs is blocked from now on. */
static ALWAYS_INLINE void begin_handler_locked(
    struct task *task, struct signal_action *current, const struct delivery *delivery)
{
	const struct signal_action *action = &delivery->action;
	uint64_t mask = action->mask;
	if (!(action->flags & SA_NODEFER))
		mask |= signal_bit(delivery->info.signal);
	task->blocked |= mask;
	if (unlikely(task->process->signals.shared.pending))
		signal_retarget_locked(task->process, mask & ~delivery->blocked);
	if (unlikely(action->flags & SA_RESETHAND))
		current->handler.va = SIG_DFL;
}

/* The next one for this thread. When there is no other, the mark that made us look is taken away. */
static ALWAYS_INLINE bool take_next(struct task *task, struct delivery *delivery)
{
	struct signal_state *state = &task->process->signals;
	struct signal_message *done = NULL;
	spin_lock_irq(&state->lock);
	uint64_t blocked = task->blocked;
	struct signal_queue *queue = signal_queue_with(task, ~blocked);
	if (queue) {
		done = signal_take_locked(state, queue, ~blocked, &delivery->info);
		struct signal_handlers *handlers = task->process->handlers;
		struct signal_action *current = &handlers->actions[delivery->info.signal - 1];
		bool is_shared = signal_handlers_lock(handlers);
		delivery->action = *current;
		delivery->blocked = blocked;
		if (likely(current->handler.va > SIG_IGN))
			begin_handler_locked(task, current, delivery);
		else if (signal_bit(delivery->info.signal) & SIGNALS_STOP)
			state->stop_dequeued = true;
		signal_handlers_unlock(handlers, is_shared);
	}
	if (likely(!((task->pending.pending | state->shared.pending) & ~task->blocked)))
		clear_mark_locked(task);
	spin_unlock_irq(&state->lock);
	if (unlikely(done != NULL))
		kfree(done);
	return queue;
}

static NOINLINE void tell_parent_of_continue(struct process *process)
{
	spin_lock_irq(&process->signals.lock);
	bool is_due = process->signals.notify_continued;
	process->signals.notify_continued = false;
	spin_unlock_irq(&process->signals.lock);
	if (is_due)
		process_notify_parent(process, CLD_CONTINUED, SIGCONT);
}

/* False: the process has stopped, and goes on now, or it ends. */
static NOINLINE bool do_for_all(struct task *task, const struct registers *regs)
{
	struct signal_state *state = &task->process->signals;
	const struct task *exec_task = atomic_load(&task->process->exec_task);
	if (atomic_load(&state->group_exit))
		process_exit_thread(state->group_exit_status >> 8 & 0xff);
	if (exec_task && exec_task != task) {
		if (!atomic_load(&task->process->is_dumping))
			process_exit_thread(0);
		core_park(regs);
		return false;
	}
	if (atomic_load(&state->notify_continued))
		tell_parent_of_continue(task->process);
	if (!atomic_load(&state->group_stop))
		return true;
	signal_stop_sleep();
	return false;
}

void user_work_signal(struct registers *regs)
{
	struct task *task = current_task();
	const struct signal_state *state = &task->process->signals;
	struct delivery delivery;
	do {
		if (unlikely(atomic_load(&state->for_all)) && !do_for_all(task, regs))
			continue;
		if (!take_next(task, &delivery)) {
			settle_syscall_without_handler(regs);
			signal_mask_end(false);
			return;
		}
		if (likely(delivery.action.handler.va > SIG_IGN)) {
			run_handler(regs, &delivery);
			return; /* for the next one we come back, on top of this frame */
		}
		if (delivery.action.handler.va == SIG_DFL)
			default_action(regs, &delivery.info);
	} while (true);
}
