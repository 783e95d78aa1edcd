/* Signals: actions, masks, waiting, stacks. Sending is in kill.c; the work is in kernel/process/signal*.c. */
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>

int64_t sys_rt_sigaction(int signal, uaddr_t act, uaddr_t old, size_t set_size)
{
	return likely(set_size == SIGSET_SIZE) ? signal_change_action(signal, act, old) : -EINVAL;
}

int64_t sys_rt_sigprocmask(int how, uaddr_t set, uaddr_t old, size_t set_size)
{
	if (set_size != SIGSET_SIZE)
		return -EINVAL;
	uint64_t before = current_task()->blocked, mask;
	if (!uaddr_is_null(set)) {
		if (get_user_u64(&mask, set))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK: mask = before | mask; break;
		case SIG_UNBLOCK: mask = before & ~mask; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		signal_set_mask(mask);
	}
	return uaddr_is_null(old) ? 0 : put_user_u64(old, before);
}

int64_t sys_rt_sigpending(uaddr_t set, size_t set_size)
{
	if (set_size > SIGSET_SIZE)
		return -EINVAL;
	uint64_t pending = signal_pending_set() & current_task()->blocked;
	return copy_to_user(set, &pending, set_size);
}

static void wait_for_signal(void)
{
	for (;;) {
		thread_prepare_to_block();
		if (signal_is_pending())
			break;
		int ignored = thread_block(NSEC_MAX);
		(void)ignored;
	}
	thread_cancel_block();
}

int64_t sys_rt_sigsuspend(uaddr_t set, size_t set_size)
{
	uint64_t mask;
	if (set_size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&mask, set))
		return -EFAULT;
	signal_mask_begin(mask);
	wait_for_signal();
	signal_mask_end(true);
	return -ERESTARTNOHAND;
}

int64_t sys_pause(void)
{
	wait_for_signal();
	return -ERESTARTNOHAND;
}

/* 0: one of the set is there; -EAGAIN: time is over; -EINTR. */
static int wait_for_set(uint64_t set, nsec_t deadline)
{
	int result;
	signal_wait_set(set);
	for (;;) {
		thread_prepare_to_block();
		result = signal_pending_set() & set ? 0 : signal_is_pending() ? -EINTR : 1;
		if (result <= 0)
			break;
		if (uptime_ns() >= deadline) {
			result = -EAGAIN;
			break;
		}
		int ignored = thread_block(deadline);
		(void)ignored;
	}
	thread_cancel_block();
	signal_wait_set(0);
	return result;
}

int64_t sys_rt_sigtimedwait(uaddr_t set_at, uaddr_t info_at, uaddr_t timeout, size_t set_size)
{
	uint64_t set;
	nsec_t duration = NSEC_MAX;
	if (set_size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, set_at))
		return -EFAULT;
	set &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	int err = uaddr_is_null(timeout) ? 0 : read_timespec(timeout, &duration);
	if (err)
		return err;
	nsec_t deadline = deadline_after(duration);
	struct signal_info info;
	while (!signal_dequeue(set, &info)) {
		err = wait_for_set(set, deadline);
		/* Another thread may have been faster. */
		if (err && !signal_dequeue(set, &info))
			return err;
		if (err)
			break;
	}
	if (!uaddr_is_null(info_at) && signal_info_put(info_at, &info))
		return -EFAULT;
	return info.signal;
}

static bool is_on_alt_stack(void)
{
	return user_on_alt_stack(user_registers(current_thread()), &current_task()->alt_stack);
}

static int set_alt_stack(uaddr_t base, size_t size, unsigned flags)
{
	struct task *task = current_task();
	unsigned mode = flags & ~SS_AUTODISARM;
	if (is_on_alt_stack())
		return -EPERM;
	if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
		return -EINVAL;
	if (mode != SS_DISABLE && size < MINSIGSTKSZ)
		return -ENOMEM;
	task->alt_stack = (struct user_alt_stack){.flags = flags & SS_AUTODISARM};
	if (mode != SS_DISABLE) {
		task->alt_stack.base = base;
		task->alt_stack.size = size;
	}
	return 0;
}

int64_t sys_sigaltstack(uaddr_t new_at, uaddr_t old_at)
{
	const struct user_alt_stack *stack = &current_task()->alt_stack;
	unsigned mode = !stack->size ? SS_DISABLE : is_on_alt_stack() ? SS_ONSTACK : 0;
	struct linux_sigaltstack new, old = {.base = stack->base.va,
					  .flags = (int)(mode | (stack->flags & SS_AUTODISARM)),
					  .size = stack->size};
	if (!uaddr_is_null(new_at)) {
		if (copy_from_user(&new, new_at, sizeof(new)))
			return -EFAULT;
		int err = set_alt_stack((uaddr_t){new.base}, new.size, (unsigned)new.flags);
		if (err)
			return err;
	}
	return uaddr_is_null(old_at) ? 0 : copy_to_user(old_at, &old, sizeof(old));
}

/* The registers are the result, so nothing is returned. */
int64_t sys_rt_sigreturn(void)
{
	struct registers *regs = user_registers(current_thread());
	const struct user_alt_stack *now = &current_task()->alt_stack;
	uint64_t mask;
	struct user_alt_stack stack;
	if (unlikely(user_signal_pop(regs, &mask, &stack))) {
		struct signal_info info = signal_info_kernel(SIGSEGV);
		signal_force(&info);
		user_registers_set_result(regs, 0);
		user_leave(regs);
	}
	signal_set_mask(mask);
	/* A handler may have changed it in its frame; nonsense there changes nothing. */
	bool is_as_before = stack.base.va == now->base.va && stack.size == now->size &&
			    !((stack.flags ^ now->flags) & SS_AUTODISARM);
	if (unlikely(!is_as_before)) {
		int ignored = set_alt_stack(stack.base, stack.size, stack.flags);
		(void)ignored;
	}
	user_leave(regs);
}
