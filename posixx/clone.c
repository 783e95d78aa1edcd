/* Making processes and threads, and parting what they share: fork(2), clone(2), unshare(2). */
#include <abi/errno.h>
#include <abi/linux/process.h>
#include <abi/linux/signal.h>
#include <abi/linux/structs.h>
#include <arch/user.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#define CLONE_ARGS_SIZE_FIRST 64
#define CLONE_ARGS_SIZE_MAX   4096

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
