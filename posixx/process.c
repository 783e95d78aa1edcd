/* Ending processes and threads, and who they are: numbers, groups, sessions, robust lists. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <tty/tty.h>

#define ROBUST_LIST_HEAD_SIZE 24

int64_t sys_exit(int status)
{
	process_exit_thread(status & 0xff);
}

int64_t sys_exit_group(int status)
{
	process_exit_group((status & 0xff) << 8);
}

int64_t sys_pidfd_open(int pid, unsigned flags)
{
	if (flags & ~(unsigned)O_NONBLOCK || pid <= 0)
		return -EINVAL; /* PIDFD_THREAD among them */
	struct process *process = process_find((uint32_t)pid);
	if (!process) {
		rcu_read_lock();
		bool is_thread = task_find_locked((uint32_t)pid);
		rcu_read_unlock();
		return is_thread ? -EINVAL : -ESRCH;
	}
	int64_t fd = pidfd_install(process, flags);
	process_put(process);
	return fd;
}

int64_t sys_getpid(void)
{
	return current_process()->pid->number;
}

int64_t sys_gettid(void)
{
	return current_task()->pid->number;
}

int64_t sys_getppid(void)
{
	rcu_read_lock();
	const struct process *parent = rcu_dereference(current_process()->parent);
	uint32_t number = parent ? parent->pid->number : 0;
	rcu_read_unlock();
	return number;
}

int64_t sys_setpgid(int pid, int pgid)
{
	if (pgid < 0)
		return -EINVAL;
	if (pid < 0)
		return -ESRCH;
	return process_set_group((uint32_t)pid, (uint32_t)pgid);
}

int64_t sys_getpgrp(void)
{
	return process_group_number(current_process());
}

static int64_t number_of(int pid, const struct pid *own, size_t member)
{
	if (!pid)
		return own->number;
	struct process *process = pid > 0 ? process_find((uint32_t)pid) : NULL;
	if (!process)
		return -ESRCH;
	spin_lock(&process_tree_lock);
	const struct pid *number = *(struct pid **)((char *)process + member);
	int64_t result = process->state == PROCESS_DEAD ? -ESRCH : (int64_t)number->number;
	spin_unlock(&process_tree_lock);
	process_put(process);
	return result;
}

int64_t sys_getpgid(int pid)
{
	return number_of(pid, current_process()->group, offsetof(struct process, group));
}

int64_t sys_getsid(int pid)
{
	return number_of(pid, current_process()->session, offsetof(struct process, session));
}

int64_t sys_setsid(void)
{
	return process_new_session();
}

int64_t sys_set_tid_address(uaddr_t addr)
{
	current_task()->clear_child_tid = addr;
	return current_task()->pid->number;
}

int64_t sys_set_robust_list(uaddr_t head, size_t len)
{
	if (len != ROBUST_LIST_HEAD_SIZE)
		return -EINVAL;
	current_task()->robust_list = head;
	return 0;
}

int64_t sys_get_robust_list(int pid, uaddr_t head, uaddr_t len)
{
	const struct credentials *creds = current_credentials();
	int64_t result = -ESRCH;
	uaddr_t list = {0};
	rcu_read_lock();
	const struct task *task =
	    pid ? pid > 0 ? task_find_locked((uint32_t)pid) : NULL : current_task();
	if (task) {
		const struct credentials *other = rcu_dereference(task->credentials);
		bool is_same = creds->uid == other->uid && creds->uid == other->euid &&
			       creds->uid == other->suid;
		result = is_same || has_power(POWER_SYS_PTRACE) ? 0 : -EPERM;
		list = task->robust_list;
	}
	rcu_read_unlock();
	if (result)
		return result;
	if (put_user_u64(len, ROBUST_LIST_HEAD_SIZE) || put_user_u64(head, list.va))
		return -EFAULT;
	return 0;
}

int64_t sys_vhangup(void)
{
	if (!has_power(POWER_SYS_TTY_CONFIG))
		return -EPERM;
	struct tty *tty = tty_current();
	if (tty)
		tty_hangup(tty);
	return 0;
}
