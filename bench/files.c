/* Files by descriptor and by name; poll and epoll. */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

void run_read_zero_1(long n)
{
	OPS(n) MUST(call(SYS_read, zero_fd, buffer, 1));
}
void run_write_null_1(long n)
{
	OPS(n) MUST(call(SYS_write, null_fd, buffer, 1));
}
void run_pread_1(long n)
{
	OPS(n) MUST(call(SYS_pread64, file_fd, buffer, 1, 0));
}
void run_pread_4k(long n)
{
	OPS(n) MUST(call(SYS_pread64, file_fd, buffer, PAGE, 0));
}
void run_write_4k(long n)
{
	OPS(n) MUST(call(SYS_pwrite64, file_fd, buffer, PAGE, 0));
}
void run_open_close(long n)
{
	OPS(n) MUST(call(SYS_close, call(SYS_open, "/tmp/file", O_RDONLY)));
}
void run_stat_1(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_stat, "/tmp", &st));
}
void run_stat_7(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_stat, "/tmp/a/b/c/d/e/f", &st));
}
void run_fstat(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_fstat, file_fd, &st));
}
void run_lseek(long n)
{
	OPS(n) MUST(call(SYS_lseek, file_fd, 0, SEEK_SET));
}
void run_dup_close(long n)
{
	OPS(n) MUST(call(SYS_close, call(SYS_dup, file_fd)));
}
void run_access(long n)
{
	OPS(n) MUST(call(SYS_access, "/tmp/file", R_OK));
}
void run_getcwd(long n)
{
	OPS(n) MUST(call(SYS_getcwd, buffer, sizeof(buffer)));
}
void run_getdents_1002(long n)
{
	OPS(n)
	{
		MUST(call(SYS_lseek, dots_fd, 0, SEEK_SET));
		long got, all = 0;
		while ((got = call(SYS_getdents64, dots_fd, buffer, sizeof(buffer))) > 0)
			all += got;
		is_broken |= all < 1002 * 24;
	}
}
void run_create_unlink(long n)
{
	OPS(n)
	{
		MUST(call(SYS_close, call(SYS_open, "/tmp/new", O_RDWR | O_CREAT | O_EXCL, 0644)));
		MUST(call(SYS_unlink, "/tmp/new"));
	}
}
void run_rename(long n)
{
	for (long i = 0; i < n; i += 2) {
		MUST(call(SYS_rename, "/tmp/from", "/tmp/to"));
		MUST(call(SYS_rename, "/tmp/to", "/tmp/from"));
	}
}
void run_mkdir_rmdir(long n)
{
	OPS(n)
	{
		MUST(call(SYS_mkdir, "/tmp/folder", 0755));
		MUST(call(SYS_rmdir, "/tmp/folder"));
	}
}
void run_poll_10(long n)
{
	OPS(n) is_broken |= call(SYS_poll, polled, 10, 0) != 0;
}
void run_poll_100(long n)
{
	OPS(n) is_broken |= call(SYS_poll, polled, 100, 0) != 0;
}

/* What is open is not left open: it would be in the figures of fork. */
void run_epoll_wait_100(long n)
{
	struct epoll_event found[100];
	int set = (int)call(SYS_epoll_create1, 0), items[100];
	for (int i = 0; i < 100; i++) {
		struct epoll_event event = {.events = EPOLLIN};
		items[i] = (int)call(SYS_eventfd2, i == 50, 0);
		MUST(call(SYS_epoll_ctl, set, EPOLL_CTL_ADD, items[i], &event));
	}
	is_broken |= call(SYS_epoll_wait, set, found, 100, 0) != 1;
	inner_start = ticks();
	OPS(n) is_broken |= call(SYS_epoll_wait, set, found, 100, 0) != 1;
	inner_end = ticks();
	for (int i = 0; i < 100; i++)
		call(SYS_close, items[i]);
	call(SYS_close, set);
}
