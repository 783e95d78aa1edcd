/* iopl(2) and ioperm(2): I/O ports for programs that drive devices themselves. */
#include <abi/errno.h>
#include <arch/user.h>
#include <credentials/credentials.h>
#include <posixx/syscalls.h>

#define IO_LEVEL_MAX 3

int64_t sys_iopl(unsigned level)
{
	if (level > IO_LEVEL_MAX)
		return -EINVAL;
	if (level > user_io_level() && !has_power(POWER_SYS_RAWIO))
		return -EPERM;
	if (level != user_io_level())
		user_set_io_level(level);
	return 0;
}

int64_t sys_ioperm(size_t first, size_t count, int allow)
{
	size_t end;
	if (add_overflows(first, count, &end) || !count || end > USER_PORT_COUNT)
		return -EINVAL;
	if (allow && !has_power(POWER_SYS_RAWIO))
		return -EPERM;
	return user_ports_allow((unsigned)first, (unsigned)count, allow);
}
