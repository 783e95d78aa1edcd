/*
 * What a process does about a signal: rt_sigaction. The straight path is the one that sets an action and does not ask for the old one: the four
 * words go from the program to the table through registers.
 */
#include "process_impl.h"

#include <abi/errno.h>
#include <abi/linux/signal.h>
#include <arch/user_copy.h>

#define ACTION_FLAGS                                                                               \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART |        \
	    SA_NODEFER | SA_RESETHAND)

#define LOAD_FIELD(variable, field)                                                                \
	user_load(variable, from.va + offsetof(struct signal_action, field), failed)

static ALWAYS_INLINE int load_action(struct signal_action *to, uaddr_t from)
{
	uint64_t handler, flags, restorer, mask;
	if (unlikely(!user_range_ok(from, sizeof(*to))))
		return -EFAULT;
	user_access_begin();
	LOAD_FIELD(handler, handler);
	LOAD_FIELD(flags, flags);
	LOAD_FIELD(restorer, restorer);
	LOAD_FIELD(mask, mask);
	user_access_end();
	*to = (struct signal_action){
	    {handler}, flags & ACTION_FLAGS, {restorer}, mask & ~SIGNALS_UNBLOCKABLE};
	return 0;
failed:
	user_access_end();
	return -EFAULT;
}

static NOINLINE void discard(struct process *process, uint64_t set)
{
	struct list dropped;
	list_init(&dropped);
	spin_lock_irq(&process->signals.lock);
	signal_discard_locked(process, set, &dropped);
	spin_unlock_irq(&process->signals.lock);
	signal_free_messages(&dropped);
}

/* Either may be NULL. */
static ALWAYS_INLINE void exchange(
    int signal, const struct signal_action *new, struct signal_action *old)
{
	struct process *process = current_process();
	struct signal_handlers *handlers = process->handlers;
	struct signal_action *action = &handlers->actions[signal - 1];
	spin_lock_irq(&process->signals.lock);
	bool is_shared = signal_handlers_lock(handlers);
	if (old)
		*old = *action;
	if (new)
		*action = *new;
	signal_handlers_unlock(handlers, is_shared);
	spin_unlock_irq(&process->signals.lock);
	/* POSIX: what waits is thrown away when it becomes ignored, even if it is blocked. */
	if (new &&new->handler.va <= SIG_IGN &&
	    (new->handler.va == SIG_IGN || signal_bit(signal) & SIGNALS_IGNORED))
		discard(process, signal_bit(signal));
}

static NOINLINE int64_t tell_old_action(int signal, const struct signal_action *new, uaddr_t to)
{
	struct signal_action old;
	exchange(signal, new, &old);
	return copy_to_user(to, &old, sizeof(old));
}

static inline bool is_number(int signal)
{
	return (unsigned)signal - 1 < SIGNAL_COUNT;
}

int64_t signal_change_action(int signal, uaddr_t act, uaddr_t old)
{
	struct signal_action action;
	if (uaddr_is_null(act)) {
		if (!is_number(signal))
			return -EINVAL;
		return uaddr_is_null(old) ? 0 : tell_old_action(signal, NULL, old);
	}
	if (unlikely(load_action(&action, act)))
		return -EFAULT;
	if (unlikely(!is_number(signal)) || signal_bit(signal) & SIGNALS_UNBLOCKABLE)
		return -EINVAL;
	if (!uaddr_is_null(old)) {
		struct signal_action new = action;
		return tell_old_action(signal, &new, old);
	}
	exchange(signal, &action, NULL);
	return 0;
}
