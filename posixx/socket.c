/*
 * Sockets. No address family exists yet: whoever asks for one hears so, which programs are prepared for (a C library looks for a name
 * service at a socket, and goes on without).
 */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <posixx/syscalls.h>

#define SOCK_TYPES     11 /* one more than the last */
#define SOCK_TYPE_MASK 15
#define SOCK_FLAGS     (O_CLOEXEC | O_NONBLOCK)

int64_t sys_socket(int family, int type, int protocol)
{
	(void)protocol;
	if (type & ~(SOCK_TYPE_MASK | SOCK_FLAGS))
		return -EINVAL;
	return family >= 0 && (type & SOCK_TYPE_MASK) >= SOCK_TYPES ? -EINVAL : -EAFNOSUPPORT;
}

int64_t sys_socketpair(int family, int type, int protocol, uaddr_t fds)
{
	(void)fds;
	return sys_socket(family, type, protocol);
}
