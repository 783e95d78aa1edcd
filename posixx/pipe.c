/* pipe(2). */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/signal.h>
#include <ipc/pipe.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/process.h>

void pipe_signal_broken(void)
{
	struct task *task = current_thread()->task;
	if (!task)
		return;
	struct signal_info info = signal_info_kernel(SIGPIPE);
	int ignored = signal_send_task(task, &info);
	(void)ignored;
}

static int64_t install_end(struct object *end, unsigned flags)
{
	return cap_install_new(end, end->flags, flags & O_CLOEXEC ? CAP_CLOEXEC : 0);
}

static void close_end(int64_t fd)
{
	int64_t ignored = cap_close((int)fd);
	(void)ignored;
}

int64_t sys_pipe2(uaddr_t fds, unsigned flags)
{
	struct object *reader, *writer;
	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	int err = pipe_create(flags, &reader, &writer);
	if (err)
		return err;
	int64_t read_fd = install_end(reader, flags), write_fd = install_end(writer, flags);
	int64_t result = min(read_fd, write_fd);
	if (result >= 0)
		result = put_user_u64(fds, (uint64_t)(uint32_t)read_fd | (uint64_t)write_fd << 32);
	if (result < 0) {
		if (read_fd >= 0)
			close_end(read_fd);
		if (write_fd >= 0)
			close_end(write_fd);
		return result;
	}
	return 0;
}

int64_t sys_pipe(uaddr_t fds)
{
	return sys_pipe2(fds, 0);
}
