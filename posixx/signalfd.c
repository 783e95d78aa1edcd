/* signalfd(2). The work is in kernel/process/signalfd.c. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/signal.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/signal.h>
#include <process/signalfd.h>

static int64_t install(uint64_t set, unsigned flags)
{
	struct object *object;
	int err = signalfd_create(set, flags, &object);
	if (err)
		return err;
	return cap_install_new(object, O_RDWR, flags & O_CLOEXEC ? CAP_CLOEXEC : 0);
}

int64_t sys_signalfd4(int fd, uaddr_t set_at, size_t set_size, unsigned flags)
{
	uint64_t set;
	if (set_size != SIGSET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, set_at))
		return -EFAULT;
	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	set &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	if (fd == -1)
		return install(set, flags);
	struct cap_ref ref = cap_lookup(fd, RIGHT_READ);
	if (!ref.object)
		return ref.err;
	int err = signalfd_set(ref.object, set);
	cap_release(ref);
	return err ? err : fd;
}

int64_t sys_signalfd(int fd, uaddr_t set_at, size_t set_size)
{
	return sys_signalfd4(fd, set_at, set_size, 0);
}
