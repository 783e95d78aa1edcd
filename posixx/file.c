/* flock(2), and what files must know of the process that uses them. */
#include "path_impl.h"

#include <abi/linux/signal.h>
#include <object/capability.h>
#include <process/process.h>

int64_t sys_flock(int fd, int operation)
{
	struct cap_ref ref = cap_lookup(fd, 0);
	if (!ref.object)
		return ref.err;
	int64_t err = -EINVAL;
	if (ref.object->flags & O_PATH)
		err = -EBADF;
	else if (ref.object->ops->stat == file_stat)
		err = vfs_flock(ref.object, operation);
	cap_release(ref);
	return err;
}

uint32_t vfs_current_pid(void)
{
	return current_process()->pid->number;
}

void vfs_signal_file_size(void)
{
	struct signal_info info = {.signal = SIGXFSZ};
	int err = signal_send_task(current_task(), &info);
	(void)err; /* EFBIG tells it too */
}
