/* Signals: actions, masks, sending, waiting, and the timers that send them. The work is in kernel/process/signal*.c. */
#include <abi/linux/signal.h>
#include <arch/user.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>
#include <procfs/procfs.h>

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

/* POSIX: the sender's real or effective user is the target's real or saved one; within a session anybody may continue. */
static bool may_signal(const struct process *target, int signal)
{
	const struct credentials *creds = current_credentials();
	rcu_read_lock();
	const struct task *task = rcu_dereference(target->pid->task);
	const struct credentials *other = task ? rcu_dereference(task->credentials) : NULL;
	uint32_t uid = other ? other->uid : target->exit_uid, suid = other ? other->suid : uid;
	bool is_session = signal == SIGCONT && target->session == current_process()->session;
	rcu_read_unlock();
	return target == current_process() || creds->euid == suid || creds->euid == uid ||
	       creds->uid == suid || creds->uid == uid || is_session || has_power(POWER_KILL);
}

static int check_target(struct process *target, int signal)
{
	return may_signal(target, signal) ? 0 : -EPERM;
}

static int send_checked(struct process *target, const struct signal_info *info)
{
	int err = check_target(target, info->signal);
	return err || !info->signal ? err : signal_send_process(target, info);
}

static int send_to_pid(int pid, const struct signal_info *info)
{
	struct process *target = pid > 0 ? process_find((uint32_t)pid) : NULL;
	if (!target) {
		/* The number of a thread stands for its process. */
		int err = -ESRCH;
		rcu_read_lock();
		struct task *task = pid > 0 ? task_find_locked((uint32_t)pid) : NULL;
		if (task)
			err = send_checked(task->process, info);
		rcu_read_unlock();
		return err;
	}
	int err = send_checked(target, info);
	process_put(target);
	return err;
}

int64_t sys_kill(int pid, int signal)
{
	if (signal < 0 || signal > SIGNAL_COUNT)
		return -EINVAL;
	struct signal_info info = signal_info_user(signal, SI_USER);
	if (signal && pid > 0 && (uint32_t)pid == current_process()->pid->number)
		return signal_send_process(current_process(), &info);
	if (pid > 0)
		return send_to_pid(pid, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	uint32_t group = 0;
	if (pid != -1)
		group = pid ? (uint32_t)-pid : process_group_number(current_process());
	return signal_send_many(group, &info, check_target);
}

static int send_to_thread(int tgid, int tid, const struct signal_info *info)
{
	int err = -ESRCH;
	rcu_read_lock();
	struct task *task = task_find_locked((uint32_t)tid);
	if (task && (!tgid || task->process->pid->number == (uint32_t)tgid)) {
		err = may_signal(task->process, info->signal) ? 0 : -EPERM;
		if (!err && info->signal)
			err = signal_send_task(task, info);
	}
	rcu_read_unlock();
	return err;
}

int64_t sys_tkill(int tid, int signal)
{
	if (tid <= 0 || signal < 0 || signal > SIGNAL_COUNT)
		return -EINVAL;
	struct signal_info info = signal_info_user(signal, SI_TKILL);
	return send_to_thread(0, tid, &info);
}

int64_t sys_tgkill(int tgid, int tid, int signal)
{
	if (tid <= 0 || tgid <= 0 || signal < 0 || signal > SIGNAL_COUNT)
		return -EINVAL;
	struct signal_info info = signal_info_user(signal, SI_TKILL);
	return send_to_thread(tgid, tid, &info);
}

/* What a program may say of itself to others: nothing that only the kernel says. */
static int read_queued_info(struct signal_info *info, int signal, int target, uaddr_t from)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	if ((info->code >= 0 || info->code == SI_TKILL) &&
	    (uint32_t)target != current_process()->pid->number)
		return -EPERM;
	if (signal < 0 || signal > SIGNAL_COUNT)
		return -EINVAL;
	info->signal = signal;
	return 0;
}

int64_t sys_rt_sigqueueinfo(int pid, int signal, uaddr_t from)
{
	struct signal_info info;
	int err = read_queued_info(&info, signal, pid, from);
	return err ? err : send_to_pid(pid, &info);
}

int64_t sys_rt_tgsigqueueinfo(int tgid, int tid, int signal, uaddr_t from)
{
	struct signal_info info;
	if (tid <= 0 || tgid <= 0)
		return -EINVAL;
	int err = read_queued_info(&info, signal, tgid, from);
	return err ? err : send_to_thread(tgid, tid, &info);
}

/* A descriptor that pidfd_open gave, or an open directory /proc/PID, which Linux takes as well. */
static int process_of_fd(int fd, struct process **process)
{
	unsigned flags;
	*process = pidfd_process(fd, &flags);
	if (*process)
		return 0;
	struct cap_ref ref = cap_lookup(fd, RIGHT_POLL);
	if (!ref.object)
		return -EBADF;
	int err = procfs_process(ref.object, process);
	cap_release(ref);
	return err;
}

int64_t sys_pidfd_send_signal(int pidfd, int signal, uaddr_t from, unsigned flags)
{
	struct process *target;
	if (flags)
		return -EINVAL;
	int err = process_of_fd(pidfd, &target);
	if (err)
		return err;
	bool is_there = target->pid && atomic_load(&target->state) != PROCESS_DEAD;
	err = !is_there ? -ESRCH : signal < 0 || signal > SIGNAL_COUNT ? -EINVAL : 0;
	struct signal_info info = signal_info_user(signal, SI_USER);
	if (!err && !uaddr_is_null(from)) {
		uint32_t told;
		err = read_queued_info(&info, signal, (int)target->pid->number, from);
		if (!err && (get_user_u32(&told, from) || told != (uint32_t)signal))
			err = -EINVAL;
	}
	if (!err)
		err = send_checked(target, &info);
	process_put(target);
	return err;
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

int64_t sys_alarm(unsigned seconds)
{
	struct signal_interval old = signal_set_timer(
	    SIGNAL_TIMER_REAL, (struct signal_interval){.left = seconds * NSEC_PER_SEC});
	nsec_t left = (old.left + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return (int64_t)(old.left && !left ? 1 : left);
}

struct linux_itimerval {
	struct linux_timeval interval, value;
};

static int write_itimer(uaddr_t to, struct signal_interval timer)
{
	/* Less than a microsecond is told as one: zero would mean that it is off. */
	if (timer.left && timer.left < NSEC_PER_USEC)
		timer.left = NSEC_PER_USEC;
	struct linux_itimerval value = {timeval_of_ns(timer.interval), timeval_of_ns(timer.left)};
	return copy_to_user(to, &value, sizeof(value));
}

int64_t sys_getitimer(int which, uaddr_t value)
{
	if (which < 0 || which >= SIGNAL_TIMER_COUNT)
		return -EINVAL;
	return write_itimer(value, signal_timer((enum signal_timer_kind)which));
}

int64_t sys_setitimer(int which, uaddr_t value, uaddr_t old)
{
	struct linux_itimerval user = {0};
	struct signal_interval new;
	if (!uaddr_is_null(value) && copy_from_user(&user, value, sizeof(user)))
		return -EFAULT;
	if (which < 0 || which >= SIGNAL_TIMER_COUNT || ns_of_timeval(&user.value, &new.left) ||
	    ns_of_timeval(&user.interval, &new.interval))
		return -EINVAL;
	struct signal_interval before = signal_set_timer((enum signal_timer_kind)which, new);
	return uaddr_is_null(old) ? 0 : write_itimer(old, before);
}
