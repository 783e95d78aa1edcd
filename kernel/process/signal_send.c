/*
 * Sending signals: whether it counts, which queue it goes to, which thread is to look at it. What kills without a handler begins the end of
 * the process here, so that it does not depend on any thread looking at its queue.
 */
#include "signal_queue.h"

#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <arch/smp.h>
#include <mm/slab.h>

void signal_state_init(struct process *process)
{
	struct signal_state *state = &process->signals;
	spin_init(&state->lock, "signals", RANK_SIGNAL);
	signal_queue_init(&state->shared);
	state->own = (struct signal_message){.is_static = true, .is_counted = true};
	signal_timers_init(process);
	list_init(&state->posix_timers);
	list_init(&state->forks);
	list_init(&state->unfreed);
	wait_queue_init(&state->watchers);
}

void signal_state_destroy(struct signal_state *state)
{
	wait_queue_abandon(&state->watchers);
	signal_timers_cancel(state);
	signal_flush(state, &state->shared);
	signal_free_messages(&state->unfreed);
}

struct signal_info signal_info_kernel(int signal)
{
	return (struct signal_info){.signal = signal, .code = SI_KERNEL};
}

struct signal_info signal_info_user(int signal, int code)
{
	const struct task *task = current_task();
	struct signal_info info;
	info.signal = signal;
	info.error = info.padding = 0;
	info.code = code;
	info.pid = (int32_t)task->process->pid->number;
	info.uid = task->credentials->uid;
	info.value = 0;
	info.user_ticks = info.system_ticks = 0;
	return info;
}

void signal_notify_task(struct task *task)
{
	struct thread *thread = task->thread;
	user_work_set(thread, USER_WORK_SIGNAL);
	if (thread == current_thread() || thread_wake(thread))
		return;
	/* It runs: in user mode it would not look before its next entry. */
	preempt_disable();
	unsigned cpu = atomic_load(&thread->cpu);
	if (thread_is_running(thread) && cpu != this_cpu())
		smp_send_ipi(cpu, IPI_RESCHEDULE);
	preempt_enable();
}

static bool is_first(const struct process *process)
{
	return process->pid && process->pid->number == 1;
}

/* Nothing would happen: neither a handler nor a default action. Nobody may have blocked it either, because who does may yet change
 * his mind about the handler. */
static NOINLINE bool is_ignored_locked(
    const struct process *process, const struct task *only, uintptr_t handler, uint64_t bit)
{
	bool is_ignored = handler == SIG_IGN || bit & SIGNALS_IGNORED || is_first(process);
	if (!is_ignored)
		return false;
	if (only)
		return !((only->blocked | only->wait_set) & bit);
	const struct task *task;
	list_for_each(task, &process->tasks, link)
		if ((task->blocked | task->wait_set) & bit)
			return false;
	return true;
}

bool signal_is_ignored_locked(const struct process *process, int signal)
{
	uintptr_t handler = process->handlers->actions[signal - 1].handler.va;
	return handler <= SIG_IGN && is_ignored_locked(process, NULL, handler, signal_bit(signal));
}

static bool wants(const struct task *task, int signal)
{
	uint64_t bit = signal_bit(signal);
	if (task->is_gone || (task->blocked & bit && !(task->wait_set & bit)))
		return false;
	return !task->is_stopped || signal == SIGKILL;
}

static NOINLINE struct task *find_other_locked(const struct process *process, int signal)
{
	struct task *task;
	list_for_each(task, &process->tasks, link)
		if (wants(task, signal))
			return task;
	return NULL;
}

static inline struct task *find_target_locked(
    const struct process *process, struct task *only, int signal)
{
	if (only)
		return wants(only, signal) ? only : NULL;
	/* POSIX: a signal to the own process has arrived when kill returns, if this thread takes it. */
	struct task *self = current_thread()->task;
	if (self && self->process == process && wants(self, signal))
		return self;
	return find_other_locked(process, signal);
}

void signal_begin_group_exit_locked(struct process *process, int wait_status)
{
	if (process->signals.group_exit)
		return;
	process->signals.group_exit = true;
	process->signals.group_exit_status = wait_status;
	process->signals.group_stop = false;
	struct task *task;
	list_for_each(task, &process->tasks, link)
		signal_notify_task(task);
}

static void continue_locked(struct process *process)
{
	struct signal_state *state = &process->signals;
	state->stop_dequeued = false;
	if (!state->group_stop)
		return;
	state->group_stop = false;
	uint32_t expected = PROCESS_STOPPED;
	if (atomic_cas(&process->state, &expected, PROCESS_RUNNING)) {
		atomic_fetch_sub(&stopped_count, 1);
		state->continued = true;
		state->notify_continued = true;
	}
	struct task *task;
	list_for_each(task, &process->tasks, link)
		signal_notify_task(task);
}

static inline bool is_stop_or_continue(int signal)
{
	return signal_bit(signal) & (SIGNALS_STOP | signal_bit(SIGCONT));
}

/* Stop and continue cancel each other when they are sent, whatever becomes of them later. */
static NOINLINE void cancel_opposites_locked(
    struct process *process, int signal, struct list *dropped)
{
	if (signal == SIGCONT) {
		signal_discard_locked(process, SIGNALS_STOP, dropped);
		continue_locked(process);
	} else if (signal_bit(signal) & SIGNALS_STOP) {
		signal_discard_locked(process, signal_bit(SIGCONT), dropped);
	}
}

/* It has no handler. While a core dump is written, nothing but SIGKILL is. */
static inline bool is_fatal(const struct process *process, const struct task *target, int signal)
{
	uint64_t bit = signal_bit(signal);
	return !(bit & (SIGNALS_IGNORED | SIGNALS_STOP)) &&
	       !((target->blocked | target->wait_set) & bit) && !core_is_wanted(process, signal) &&
	       (signal == SIGKILL || !atomic_load(&process->is_dumping));
}

/* message: NULL when memory is short. It has been queued if it says so afterwards. */
static ALWAYS_INLINE int send_locked(struct process *process, struct task *only, int signal,
    bool from_kill, struct signal_message *message)
{
	struct signal_state *state = &process->signals;
	if (only ? only->is_gone : list_is_empty(&process->tasks))
		return 0;
	uint64_t bit = signal_bit(signal);
	uintptr_t handler = process->handlers->actions[signal - 1].handler.va;
	if (unlikely(handler <= SIG_IGN) && is_ignored_locked(process, only, handler, bit))
		return 0;
	struct signal_queue *queue = only ? &only->pending : &state->shared;
	if (signal < SIGRTMIN && queue->pending & bit)
		return 0;
	/* A standard signal waits once, so there is no need to limit them. */
	bool is_full = !message || (signal >= SIGRTMIN && message->is_counted &&
				       state->queued >= process_limit(process, RLIMIT_SIGPENDING));
	if (unlikely(is_full) && signal >= SIGRTMIN && !from_kill)
		return -EAGAIN;
	struct task *target = find_target_locked(process, only, signal);
	if (unlikely(handler == SIG_DFL) && target && is_fatal(process, target, signal)) {
		signal_begin_group_exit_locked(process, signal);
		return 0;
	}
	if (unlikely(is_full))
		queue->pending |= bit;
	else
		signal_enqueue_locked(state, queue, message);
	if (target)
		signal_notify_task(target);
	if (unlikely(!list_is_empty(&state->watchers.waiters)))
		wait_wake_all(&state->watchers);
	return 0;
}

static struct signal_message *new_message(const struct signal_info *info)
{
	struct signal_message *message = kmalloc(sizeof(*message));
	if (message)
		*message = (struct signal_message){.info = *info, .is_counted = true};
	return message;
}

/* The process's own message waits already. Gives the lock up meanwhile. */
static NOINLINE struct signal_message *new_message_locked(
    struct signal_state *state, const struct signal_info *info, irq_flags_t *flags)
{
	spin_unlock_irqrestore(&state->lock, *flags);
	struct signal_message *message = new_message(info);
	*flags = spin_lock_irqsave(&state->lock);
	return message;
}

/* dropped: for stop and continue, which cancel each other. */
static ALWAYS_INLINE int send_with(struct process *process, struct task *only,
    const struct signal_info *info, struct list *dropped)
{
	struct signal_state *state = &process->signals;
	struct signal_message *message = &state->own, *unused = NULL;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	if (likely(!message->is_queued))
		message->info = *info;
	else
		message = unused = new_message_locked(state, info, &flags);
	if (dropped)
		cancel_opposites_locked(process, info->signal, dropped);
	int err = send_locked(process, only, info->signal, info->code == SI_USER, message);
	if (unlikely(unused != NULL) && unused->is_queued)
		unused = NULL;
	spin_unlock_irqrestore(&state->lock, flags);
	if (unlikely(unused != NULL))
		kfree(unused);
	return err;
}

static NOINLINE int send_stop_or_continue(
    struct process *process, struct task *only, const struct signal_info *info)
{
	struct list dropped;
	list_init(&dropped);
	int err = send_with(process, only, info, &dropped);
	signal_free_messages(&dropped);
	return err;
}

static ALWAYS_INLINE int send(
    struct process *process, struct task *only, const struct signal_info *info)
{
	if (unlikely(is_stop_or_continue(info->signal)))
		return send_stop_or_continue(process, only, info);
	return send_with(process, only, info, NULL);
}

int signal_send_process(struct process *process, const struct signal_info *info)
{
	return send(process, NULL, info);
}

int signal_send_task(struct task *task, const struct signal_info *info)
{
	return send(task->process, task, info);
}

static NOINLINE void cancel_opposites_from_timer_locked(struct process *process, int signal)
{
	struct list dropped;
	list_init(&dropped);
	cancel_opposites_locked(process, signal, &dropped);
	list_splice(&process->signals.unfreed, &dropped);
}

static void send_message(struct process *process, struct task *only, struct signal_message *message)
{
	struct signal_state *state = &process->signals;
	int signal = message->info.signal;
	message->is_static = true;
	irq_flags_t flags = spin_lock_irqsave(&state->lock);
	if (!message->is_queued) {
		if (unlikely(is_stop_or_continue(signal)))
			cancel_opposites_from_timer_locked(process, signal);
		int ignored = send_locked(process, only, signal, false, message);
		(void)ignored;
	}
	spin_unlock_irqrestore(&state->lock, flags);
}

void signal_send_message(struct process *process, struct signal_message *message)
{
	send_message(process, NULL, message);
}

void signal_send_message_to(struct task *task, struct signal_message *message)
{
	send_message(task->process, task, message);
}

bool signal_force(const struct signal_info *info)
{
	struct task *task = current_task();
	struct process *process = task->process;
	uint64_t bit = signal_bit(info->signal);
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	struct signal_handlers *handlers = process->handlers;
	struct signal_action *action = &handlers->actions[info->signal - 1];
	bool is_shared = signal_handlers_lock(handlers);
	if (unlikely(task->blocked & bit || action->handler.va == SIG_IGN))
		action->handler.va = SIG_DFL;
	bool is_handled = action->handler.va != SIG_DFL;
	signal_handlers_unlock(handlers, is_shared);
	task->blocked &= ~bit;
	if (!is_handled && !core_is_wanted(process, info->signal)) {
		signal_begin_group_exit_locked(process, info->signal);
	} else if (!(task->pending.pending & bit)) {
		task->fault.info = *info;
		task->fault.is_static = true;
		if (!task->fault.is_queued)
			signal_enqueue_locked(&process->signals, &task->pending, &task->fault);
		task->pending.pending |= bit;
	}
	user_work_set(task->thread, USER_WORK_SIGNAL);
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return is_handled;
}

bool user_exception(const struct user_exception *exception)
{
	current_task()->exception = *exception;
	struct signal_info info = {
	    .signal = exception->signal, .code = exception->code, .address = exception->address};
	return signal_force(&info);
}

void signal_task_joins_locked(struct task *task)
{
	struct process *process = task->process;
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	list_push_back(&process->tasks, &task->link);
	/* It may have been born into the middle of a stop, or of the end, which others have been told of already. */
	if (process->signals.for_all || process->signals.shared.pending)
		user_work_set(task->thread, USER_WORK_SIGNAL);
	spin_unlock_irqrestore(&process->signals.lock, flags);
}

NOINLINE void signal_retarget_locked(struct process *process, uint64_t set)
{
	struct task *task;
	if (process->signals.shared.pending & set)
		list_for_each(task, &process->tasks, link)
			if (task != current_thread()->task)
				signal_notify_task(task);
}

bool signal_task_leaves_locked(struct task *task)
{
	struct process *process = task->process;
	irq_flags_t flags = spin_lock_irqsave(&process->signals.lock);
	list_remove(&task->link);
	task->is_gone = true;
	signal_retarget_locked(process, ~0ull);
	bool has_stopped = signal_stop_complete_locked(process);
	spin_unlock_irqrestore(&process->signals.lock, flags);
	return has_stopped;
}
