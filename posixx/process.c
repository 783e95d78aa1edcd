/* Making, ending and waiting for processes and threads; who they are; what they have used. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <arch/user.h>
#include <posixx/syscalls.h>
#include <posixx/time.h>
#include <process/process.h>
#include <tty/tty.h>

#define CLONE_ARGS_SIZE_FIRST 64
#define CLONE_ARGS_SIZE_MAX   4096
#define RUSAGE_SELF           0
#define RUSAGE_CHILDREN       (-1)
#define RUSAGE_THREAD         1
#define ROBUST_LIST_HEAD_SIZE 24
#define TICKS_PER_SECOND      100

int64_t sys_fork(void)
{
	struct clone_request request = {.exit_signal = SIGCHLD};
	return process_clone(&request, user_registers(current_thread()));
}

int64_t sys_vfork(void)
{
	struct clone_request request = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};
	return process_clone(&request, user_registers(current_thread()));
}

int64_t sys_clone(
    uint64_t flags, uaddr_t stack, uaddr_t parent_tid, uaddr_t child_tid, uint64_t tls)
{
	struct clone_request request = {
	    .flags = (uint32_t)flags & ~(uint64_t)CSIGNAL,
	    .exit_signal = (int)(flags & CSIGNAL),
	    .stack = stack,
	    .tls = tls,
	    .parent_tid = parent_tid,
	    .child_tid = child_tid,
	    .pidfd = parent_tid,
	};
	if (request.exit_signal > SIGRTMAX)
		return -EINVAL;
	/* They would be told in the same place. */
	if (flags & CLONE_PIDFD && flags & (CLONE_PARENT_SETTID | CLONE_DETACHED))
		return -EINVAL;
	return process_clone(&request, user_registers(current_thread()));
}

/* A structure that grows with time: what we do not know must be zero. */
static int read_clone_args(struct linux_clone_args *args, uaddr_t from, size_t size)
{
	if (size < CLONE_ARGS_SIZE_FIRST)
		return -EINVAL;
	if (size > CLONE_ARGS_SIZE_MAX)
		return -E2BIG;
	*args = (struct linux_clone_args){0};
	if (copy_from_user(args, from, min(size, sizeof(*args))))
		return -EFAULT;
	for (size_t at = sizeof(*args); at < size; at++) {
		uint8_t byte;
		if (get_user_u8(&byte, uaddr_add(from, at)))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

int64_t sys_clone3(uaddr_t from, size_t size)
{
	struct linux_clone_args args;
	int err = read_clone_args(&args, from, size);
	if (err)
		return err;
	uint64_t known = 0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
	if (args.flags & ~known || args.flags & (CLONE_DETACHED | CSIGNAL) ||
	    args.exit_signal > SIGRTMAX)
		return -EINVAL;
	if (args.flags & (CLONE_THREAD | CLONE_PARENT) && args.exit_signal)
		return -EINVAL;
	if (!args.stack != !args.stack_size ||
	    !user_range_ok((uaddr_t){args.stack}, args.stack_size))
		return -EINVAL;
	if (args.set_tid || args.set_tid_size)
		return -EINVAL; /* choosing one's number is not done */
	struct clone_request request = {
	    .flags = args.flags,
	    .exit_signal = (int)args.exit_signal,
	    .stack = {args.stack + args.stack_size},
	    .tls = args.tls,
	    .parent_tid = {args.parent_tid},
	    .child_tid = {args.child_tid},
	    .pidfd = {args.pidfd},
	};
	return process_clone(&request, user_registers(current_thread()));
}

int64_t sys_exit(int status)
{
	process_exit_thread(status & 0xff);
}

int64_t sys_exit_group(int status)
{
	process_exit_group((status & 0xff) << 8);
}

static int write_usage(uaddr_t to, const struct process_usage *usage)
{
	struct linux_rusage rusage = {
	    .user = timeval_of_ns(usage->time.user_ns),
	    .system = timeval_of_ns(usage->time.system_ns),
	    .max_rss_kib = (int64_t)usage->peak_resident * 4,
	    .minor_faults = (int64_t)usage->minor_faults,
	    .major_faults = (int64_t)usage->major_faults,
	    .voluntary_switches = (int64_t)usage->voluntary_switches,
	    .involuntary_switches = (int64_t)usage->involuntary_switches,
	};
	return copy_to_user(to, &rusage, sizeof(rusage));
}

int64_t sys_wait4(int pid, uaddr_t status, unsigned options, uaddr_t rusage)
{
	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	struct wait_request request = {.options = options | WEXITED, .which = P_ALL};
	if (pid > 0) {
		request.which = P_PID;
		request.id = (uint32_t)pid;
	} else if (pid != -1) {
		request.which = P_PGID;
		request.id = pid ? (uint32_t)-pid : process_group_number(current_process());
	}
	struct wait_report report;
	int found = process_wait(&request, &report);
	if (found <= 0)
		return found;
	if (!uaddr_is_null(status) && put_user_u32(status, (uint32_t)report.status))
		return -EFAULT;
	if (!uaddr_is_null(rusage) && write_usage(rusage, &report.usage))
		return -EFAULT;
	return report.pid;
}

/* A descriptor that does not block makes the call one that does not, with an error where WNOHANG has none. */
static int wait_for_pidfd(struct wait_request *request, int fd, struct wait_report *report)
{
	unsigned flags;
	struct process *process = pidfd_process(fd, &flags);
	if (!process)
		return -EBADF;
	bool is_eager = flags & O_NONBLOCK && !(request->options & WNOHANG);
	request->process = process;
	if (is_eager)
		request->options |= WNOHANG;
	int found = process_wait(request, report);
	process_put(process);
	return found || !is_eager ? found : -EAGAIN;
}

int64_t sys_waitid(int which, int id, uaddr_t info, unsigned options, uaddr_t rusage)
{
	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			  __WCLONE | __WALL) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if ((which != P_ALL && which != P_PID && which != P_PGID && which != P_PIDFD) ||
	    (which == P_PID && id <= 0) || ((which == P_PGID || which == P_PIDFD) && id < 0))
		return -EINVAL;
	struct wait_request request = {.which = which, .id = (uint32_t)id, .options = options};
	if (which == P_PGID && !id)
		request.id = process_group_number(current_process());
	struct wait_report report;
	int found = which == P_PIDFD ? wait_for_pidfd(&request, id, &report)
				     : process_wait(&request, &report);
	if (found < 0)
		return found;
	struct linux_siginfo siginfo = {0};
	if (found) {
		siginfo.signal = SIGCHLD;
		siginfo.code = report.code;
		siginfo.pid = (int32_t)report.pid;
		siginfo.uid = report.uid;
		siginfo.status = report.value;
		if (!uaddr_is_null(rusage) && write_usage(rusage, &report.usage))
			return -EFAULT;
	}
	return uaddr_is_null(info) ? 0 : copy_to_user(info, &siginfo, sizeof(siginfo));
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

static int64_t ticks_of_ns(uint64_t ns)
{
	return (int64_t)(ns / (NSEC_PER_SEC / TICKS_PER_SECOND));
}

int64_t sys_times(uaddr_t buf)
{
	struct process *process = current_process();
	struct process_usage usage = process_usage(process);
	int64_t ticks[4] = {ticks_of_ns(usage.time.user_ns), ticks_of_ns(usage.time.system_ns),
	    ticks_of_ns(process->reaped.time.user_ns), ticks_of_ns(process->reaped.time.system_ns)};
	if (!uaddr_is_null(buf) && copy_to_user(buf, ticks, sizeof(ticks)))
		return -EFAULT;
	return ticks_of_ns(uptime_ns());
}

int64_t sys_getrusage(int who, uaddr_t to)
{
	struct process *process = current_process();
	struct process_usage usage;
	switch (who) {
	case RUSAGE_SELF: usage = process_usage(process); break;
	case RUSAGE_THREAD:
		usage = task_usage(current_task());
		usage.peak_resident = process_usage(process).peak_resident;
		break;
	case RUSAGE_CHILDREN: usage = process->reaped; break;
	default: return -EINVAL;
	}
	return write_usage(to, &usage);
}

#define NAMESPACE_FLAGS                                                                            \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	    CLONE_NEWPID | CLONE_NEWNET)

static int unshare_file_context(void)
{
	struct process *process = current_process();
	struct file_context *old = process->files_context,
			    *own = file_context_clone(process->files_context);
	if (!own)
		return -ENOMEM;
	process_replace(&process->files_context, own);
	file_context_put(old);
	return 0;
}

/* Descriptors and directories belong to processes here: a thread among others cannot have its own. */
int64_t sys_unshare(unsigned flags)
{
	const unsigned threads = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	bool is_alone = atomic_load(&current_process()->task_count) == 1;
	if (flags & ~(unsigned)(threads | CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | NAMESPACE_FLAGS))
		return -EINVAL;
	if (flags & NAMESPACE_FLAGS)
		return flags & CLONE_NEWUSER || has_power(POWER_SYS_ADMIN) ? -EINVAL : -EPERM;
	if (flags && !is_alone)
		return -EINVAL;
	int err = 0;
	if (flags & CLONE_FILES)
		err = unshare_capabilities();
	if (!err && flags & CLONE_FS)
		err = unshare_file_context();
	return err;
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
