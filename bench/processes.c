/* New processes and programs. */
#include "bench.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void run_fork_exit_wait(long n)
{
	OPS(n)
	{
		long pid = call(SYS_fork);
		if (pid == 0)
			call(SYS_exit_group, 0);
		MUST(call(SYS_wait4, pid, NULL, 0, NULL));
	}
}
void run_fork_64m_exit_wait(long n)
{
	char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 64 << 20; i += PAGE)
		p[i] = 1;
	inner_start = ticks();
	run_fork_exit_wait(n);
	inner_end = ticks();
	call(SYS_munmap, p, 64 << 20);
}
static void exec_wait(bool with_vfork, const char *path, char *const argv[])
{
	int status = 1;
	pid_t pid = with_vfork ? vfork() : fork();
	if (pid == 0) {
		execv(path, argv);
		_exit(99);
	}
	MUST(waitpid(pid, &status, 0));
	is_broken |= status != 0;
}
void run_vfork_exec_wait(long n)
{
	char *argv[] = {"user-tiny", NULL};
	OPS(n) exec_wait(true, "/bin/user-tiny", argv);
}
void run_fork_exec_wait(long n)
{
	char *argv[] = {"user-tiny", NULL};
	OPS(n) exec_wait(false, "/bin/user-tiny", argv);
}
void run_fork_exec_shell(long n)
{
	char *argv[] = {"sh", "-c", ":", NULL};
	OPS(n) exec_wait(false, "/bin/busybox", argv);
}
