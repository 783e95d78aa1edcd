/* Sending signals: kill(2) and its family, and who may. The work is in kernel/process/signal*.c. */
#include <abi/linux/signal.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <procfs/procfs.h>

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
