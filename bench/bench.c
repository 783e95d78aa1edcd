/*
 * What operations cost a program, in guest instructions: a static program, /init of the same archive on Exo-OS and on Linux, under a QEMU
 * whose time stamp counter counts instructions. tools/vs_linux.sh runs it on both and sets the figures side by side.
 *
 * Each measure is a function that runs its operation `n` times; the figure is the least of several rounds, the loop included. System
 * calls are made in line: libc's wrappers, some of which do much, say nothing about a kernel. Threads, vfork and exec are libc's.
 * It prints one line: "bench NAME INSTRUCTIONS".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_PRIVATE_FLAG 128
#define OPS(n) for (long op_ = 0; op_ < (n); op_++)

static inline uint64_t ticks(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static char buffer[65536];
static int file_fd, zero_fd, null_fd, pipe_fds[2], dots_fd;
static struct pollfd polled[100];
static char *area;
static volatile bool is_broken; /* an operation failed: its figure means nothing */

/* call(NUMBER, up to six arguments): what the kernel returns, a negative errno for a failure. */
static inline long call_with(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#define CALL_FILLED(number, a, b, c, d, e, f, ...) \
	call_with(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define call(...) CALL_FILLED(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* Of libc or of the kernel: -1, or a negative errno. */
#define MUST(expression)                                       \
	do {                                                   \
		if ((unsigned long)(expression) > -4096ul)     \
			is_broken = true;                      \
	} while (0)

/* Calls that do little. */
static void run_getpid(long n) { OPS(n) call(SYS_getpid); }
static void run_unknown(long n) { OPS(n) call(1000); }
static void run_brk(long n) { OPS(n) call(SYS_brk, 0); }
static void run_yield(long n) { OPS(n) call(SYS_sched_yield); }
static void run_clock(long n)
{
	struct timespec t;
	OPS(n) clock_gettime(CLOCK_MONOTONIC, &t);
}
static void run_clock_raw(long n)
{
	struct timespec t;
	OPS(n) call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
}
static void run_uname(long n)
{
	struct utsname name;
	OPS(n) MUST(call(SYS_uname, &name));
}
static void run_getrandom(long n) { OPS(n) MUST(call(SYS_getrandom, buffer, 16, 0)); }

/* Files. */
static void run_read_zero(long n) { OPS(n) MUST(call(SYS_read, zero_fd, buffer, 1)); }
static void run_write_null(long n) { OPS(n) MUST(call(SYS_write, null_fd, buffer, 1)); }
static void run_pread_1(long n) { OPS(n) MUST(call(SYS_pread64, file_fd, buffer, 1, 0)); }
static void run_pread_4k(long n) { OPS(n) MUST(call(SYS_pread64, file_fd, buffer, PAGE, 0)); }
static void run_write_4k(long n) { OPS(n) MUST(call(SYS_pwrite64, file_fd, buffer, PAGE, 0)); }
static void run_open_close(long n) { OPS(n) MUST(call(SYS_close, call(SYS_open, "/tmp/file", O_RDONLY))); }
static void run_stat_1(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_stat, "/tmp", &st));
}
static void run_stat_7(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_stat, "/tmp/a/b/c/d/e/f", &st));
}
static void run_fstat(long n)
{
	struct stat st;
	OPS(n) MUST(call(SYS_fstat, file_fd, &st));
}
static void run_lseek(long n) { OPS(n) MUST(call(SYS_lseek, file_fd, 0, SEEK_SET)); }
static void run_dup_close(long n) { OPS(n) MUST(call(SYS_close, call(SYS_dup, file_fd))); }
static void run_access(long n) { OPS(n) MUST(call(SYS_access, "/tmp/file", R_OK)); }
static void run_getcwd(long n) { OPS(n) MUST(call(SYS_getcwd, buffer, sizeof(buffer))); }
static void run_getdents(long n)
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
static void run_create_unlink(long n)
{
	OPS(n)
	{
		MUST(call(SYS_close, call(SYS_open, "/tmp/new", O_RDWR | O_CREAT | O_EXCL, 0644)));
		MUST(call(SYS_unlink, "/tmp/new"));
	}
}
static void run_rename(long n)
{
	for (long i = 0; i < n; i += 2) {
		MUST(call(SYS_rename, "/tmp/from", "/tmp/to"));
		MUST(call(SYS_rename, "/tmp/to", "/tmp/from"));
	}
}
static void run_mkdir_rmdir(long n)
{
	OPS(n)
	{
		MUST(call(SYS_mkdir, "/tmp/folder", 0755));
		MUST(call(SYS_rmdir, "/tmp/folder"));
	}
}
static void run_poll_10(long n) { OPS(n) is_broken |= call(SYS_poll, polled, 10, 0) != 0; }
static void run_poll_100(long n) { OPS(n) is_broken |= call(SYS_poll, polled, 100, 0) != 0; }

/* What is open is not left open: it would be in the figures of fork. */
static void run_epoll_wait(long n)
{
	extern uint64_t inner_start, inner_end;
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

/* Pipes and switches between processes. */
static void run_pipe_create(long n)
{
	OPS(n)
	{
		int ends[2];
		MUST(call(SYS_pipe, ends));
		call(SYS_close, ends[0]);
		call(SYS_close, ends[1]);
	}
}
static void run_pipe_1(long n)
{
	OPS(n)
	{
		MUST(call(SYS_write, pipe_fds[1], buffer, 1));
		MUST(call(SYS_read, pipe_fds[0], buffer, 1));
	}
}

static pid_t child_of(void (*run)(void *), void *arg)
{
	pid_t pid = fork();
	if (pid == 0) {
		run(arg);
		_exit(0);
	}
	MUST(pid);
	return pid;
}

static int there[2], back[2];

static void answer(void *arg)
{
	(void)arg;
	char c;
	call(SYS_close, there[1]);
	while (call(SYS_read, there[0], &c, 1) == 1)
		if (call(SYS_write, back[1], &c, 1) != 1)
			break;
}
static void run_ping_pong(long n)
{
	MUST(call(SYS_pipe, there));
	MUST(call(SYS_pipe, back));
	pid_t pid = child_of(answer, NULL);
	char c = 0;
	for (int i = 0; i < 5; i++) {
		MUST(call(SYS_write, there[1], &c, 1));
		MUST(call(SYS_read, back[0], &c, 1));
	}
	extern uint64_t inner_start, inner_end;
	inner_start = ticks();
	OPS(n)
	{
		MUST(call(SYS_write, there[1], &c, 1));
		MUST(call(SYS_read, back[0], &c, 1));
	}
	inner_end = ticks();
	call(SYS_close, there[1]);
	waitpid(pid, NULL, 0);
	call(SYS_close, there[0]);
	call(SYS_close, back[0]);
	call(SYS_close, back[1]);
}

static void answer_events(void *arg)
{
	(void)arg;
	uint64_t count;
	while (call(SYS_read, there[0], &count, 8) == 8 && count == 1)
		call(SYS_write, back[0], &count, 8);
}
static void run_eventfd_ping_pong(long n)
{
	extern uint64_t inner_start, inner_end;
	uint64_t count = 1;
	MUST(there[0] = (int)call(SYS_eventfd2, 0, 0));
	MUST(back[0] = (int)call(SYS_eventfd2, 0, 0));
	pid_t pid = child_of(answer_events, NULL);
	for (long i = -5; i < n; i++) {
		if (i == 0)
			inner_start = ticks();
		MUST(call(SYS_write, there[0], &count, 8));
		MUST(call(SYS_read, back[0], &count, 8));
	}
	inner_end = ticks();
	count = 2;
	MUST(call(SYS_write, there[0], &count, 8));
	waitpid(pid, NULL, 0);
	call(SYS_close, there[0]);
	call(SYS_close, back[0]);
}

static void drain(void *arg)
{
	(void)arg;
	call(SYS_close, there[1]);
	while (call(SYS_read, there[0], buffer, sizeof(buffer)) > 0)
		;
}
static void run_pipe_64k(long n)
{
	extern uint64_t inner_start, inner_end;
	MUST(call(SYS_pipe, there));
	pid_t pid = child_of(drain, NULL);
	call(SYS_close, there[0]);
	MUST(call(SYS_write, there[1], buffer, sizeof(buffer)));
	inner_start = ticks();
	OPS(n) MUST(call(SYS_write, there[1], buffer, sizeof(buffer)));
	call(SYS_close, there[1]);
	waitpid(pid, NULL, 0);
	inner_end = ticks();
}

/* Who ran last, and how often that changed: a yield need not be a switch. */
struct yielders {
	volatile int stop, last;
	volatile long hops;
};
static void yield_as(struct yielders *y, int self)
{
	if (y->last != self) {
		y->last = self;
		y->hops++;
	}
	call(SYS_sched_yield);
}
static void yield_forever(void *arg)
{
	struct yielders *y = arg;
	while (!y->stop)
		yield_as(y, 1);
}
static void run_yield_2(long n)
{
	extern uint64_t inner_start, inner_end;
	struct yielders *y = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	y->stop = 0;
	pid_t pid = child_of(yield_forever, y);
	while (y->hops < 20)
		yield_as(y, 2);
	y->hops = 0;
	inner_start = ticks();
	while (y->hops < n)
		yield_as(y, 2);
	inner_end = inner_start + (ticks() - inner_start) * (uint64_t)n / (uint64_t)y->hops;
	y->stop = 1;
	waitpid(pid, NULL, 0);
	call(SYS_munmap, y, PAGE);
}

/* Threads. */
static uint32_t word;
static void run_futex_wake(long n) { OPS(n) MUST(call(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL)); }

static volatile uint32_t ball;
static long rally;
static void hit(uint32_t mine, uint32_t other)
{
	for (long i = 0; i < rally; i++) {
		while (ball != mine)
			call(SYS_futex, &ball, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, other, NULL);
		ball = other;
		call(SYS_futex, &ball, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
	}
}
static void *partner(void *arg)
{
	hit(1, 0);
	return arg;
}
static void run_futex_ping_pong(long n)
{
	pthread_t thread;
	ball = 0;
	rally = n;
	is_broken |= pthread_create(&thread, NULL, partner, NULL) != 0;
	hit(0, 1);
	pthread_join(thread, NULL);
}
static void *nothing(void *arg) { return arg; }
static void run_pthread(long n)
{
	OPS(n)
	{
		pthread_t thread;
		is_broken |= pthread_create(&thread, NULL, nothing, NULL) != 0;
		pthread_join(thread, NULL);
	}
}

/* Processes. */
static void run_fork(long n)
{
	OPS(n)
	{
		long pid = call(SYS_fork);
		if (pid == 0)
			call(SYS_exit_group, 0);
		MUST(call(SYS_wait4, pid, NULL, 0, NULL));
	}
}
static void run_fork_64m(long n)
{
	char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	extern uint64_t inner_start, inner_end;
	for (size_t i = 0; i < 64 << 20; i += PAGE)
		p[i] = 1;
	inner_start = ticks();
	run_fork(n);
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
static void run_vfork_exec(long n)
{
	char *argv[] = {"user-tiny", NULL};
	OPS(n) exec_wait(true, "/bin/user-tiny", argv);
}
static void run_fork_exec(long n)
{
	char *argv[] = {"user-tiny", NULL};
	OPS(n) exec_wait(false, "/bin/user-tiny", argv);
}
static void run_fork_shell(long n)
{
	char *argv[] = {"sh", "-c", ":", NULL};
	OPS(n) exec_wait(false, "/bin/busybox", argv);
}

/* Memory. */
static void run_mmap(long n)
{
	OPS(n)
	{
		long p = call(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(call(SYS_munmap, p, PAGE));
	}
}
static void touch_pages(char *p, long n)
{
	extern uint64_t inner_start, inner_end;
	inner_start = ticks();
	for (long i = 0; i < n; i++)
		p[i * PAGE] = 1;
	inner_end = ticks();
}
static void run_anonymous_fault(long n)
{
	char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(p, (size_t)n * PAGE, MADV_NOHUGEPAGE);
	touch_pages(p, n);
	call(SYS_munmap, p, (size_t)n * PAGE);
}
static void copy_pages(void *arg)
{
	extern uint64_t inner_start, inner_end;
	uint64_t *result = *(uint64_t **)arg;
	touch_pages(area, 256);
	result[0] = inner_start;
	result[1] = inner_end;
}
static void run_cow_fault(long n)
{
	extern uint64_t inner_start, inner_end;
	static uint64_t *result;
	memset(area, 1, 256 * PAGE);
	(void)n; /* 256: as many as `area` has */
	if (!result)
		result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	result[0] = result[1] = 0;
	waitpid(child_of(copy_pages, &result), NULL, 0);
	inner_start = result[0];
	inner_end = result[1];
	is_broken |= result[1] == 0;
}
static void run_file_fault(long n)
{
	extern uint64_t inner_start, inner_end;
	int fd = (int)call(SYS_open, "/tmp/big", O_RDONLY);
	volatile char *p = mmap(NULL, (size_t)n * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	is_broken |= (void *)p == MAP_FAILED;
	inner_start = ticks();
	for (long i = 0; i < n && !is_broken; i++)
		(void)p[i * PAGE];
	inner_end = ticks();
	call(SYS_munmap, (void *)p, (size_t)n * PAGE);
	call(SYS_close, fd);
}
static void run_touch_16m(long n)
{
	size_t len = 18 << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = (char *)(((uintptr_t)p + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	madvise(aligned, 16 << 20, MADV_HUGEPAGE);
	touch_pages(aligned, n);
	call(SYS_munmap, p, len);
}
static void run_mprotect(long n)
{
	for (long i = 0; i < n; i += 2) {
		MUST(call(SYS_mprotect, area, PAGE, PROT_READ));
		MUST(call(SYS_mprotect, area, PAGE, PROT_READ | PROT_WRITE));
	}
}

/* Signals. */
static volatile int handled;
static void on_signal(int signal)
{
	(void)signal;
	handled++;
}
static void run_signal(long n)
{
	signal(SIGUSR1, on_signal);
	pid_t pid = getpid();
	handled = 0;
	OPS(n) call(SYS_kill, pid, SIGUSR1);
	is_broken |= handled != n;
}
static void run_sigaction(long n)
{
	char action[32] = {0};
	OPS(n) MUST(call(SYS_rt_sigaction, SIGUSR2, action, NULL, 8));
}
static char *protected;
static void on_segv(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	/* Past the faulting instruction, which is two bytes: movb %al,(%rdx). */
	((ucontext_t *)context)->uc_mcontext.gregs[16] += 2;
	handled++;
}
static void run_segv(long n)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	handled = 0;
	OPS(n) __asm__ volatile("movb %%al, (%%rdx)" ::"d"(protected), "a"(0) : "memory");
	is_broken |= handled != n;
	signal(SIGSEGV, SIG_DFL);
}

/* A measure that times only a part of itself says so here. */
uint64_t inner_start, inner_end;

static const struct measure {
	const char *name;
	void (*run)(long n);
	long n;
	bool times_itself;
} measures[] = {
    {"getpid", run_getpid, 1000, false},
    {"unknown_call", run_unknown, 1000, false},
    {"clock_gettime_vdso", run_clock, 1000, false},
    {"clock_gettime_raw", run_clock_raw, 1000, false},
    {"brk_query", run_brk, 1000, false},
    {"uname", run_uname, 1000, false},
    {"getrandom_16", run_getrandom, 500, false},
    {"sched_yield_alone", run_yield, 1000, false},
    {"read_zero_1", run_read_zero, 1000, false},
    {"write_null_1", run_write_null, 1000, false},
    {"pread_1", run_pread_1, 1000, false},
    {"pread_4k", run_pread_4k, 500, false},
    {"write_4k", run_write_4k, 500, false},
    {"open_close", run_open_close, 300, false},
    {"stat_1", run_stat_1, 300, false},
    {"stat_7", run_stat_7, 300, false},
    {"fstat", run_fstat, 500, false},
    {"lseek", run_lseek, 1000, false},
    {"dup_close", run_dup_close, 500, false},
    {"access", run_access, 300, false},
    {"getcwd", run_getcwd, 500, false},
    {"getdents_1002", run_getdents, 5, false},
    {"create_unlink", run_create_unlink, 100, false},
    {"rename", run_rename, 100, false},
    {"mkdir_rmdir", run_mkdir_rmdir, 100, false},
    {"poll_10", run_poll_10, 300, false},
    {"poll_100", run_poll_100, 100, false},
    {"epoll_wait_100", run_epoll_wait, 300, true},
    {"pipe_create_close", run_pipe_create, 100, false},
    {"pipe_write_read_1", run_pipe_1, 500, false},
    {"pipe_ping_pong", run_ping_pong, 200, true},
    {"eventfd_ping_pong", run_eventfd_ping_pong, 200, true},
    {"pipe_64k", run_pipe_64k, 200, true},
    {"yield_2_processes", run_yield_2, 400, true},
    {"futex_wake_none", run_futex_wake, 1000, false},
    {"futex_ping_pong", run_futex_ping_pong, 200, false},
    {"pthread_create_join", run_pthread, 20, false},
    {"fork_exit_wait", run_fork, 20, false},
    {"fork_64m_exit_wait", run_fork_64m, 5, true},
    {"vfork_exec_wait", run_vfork_exec, 20, false},
    {"fork_exec_wait", run_fork_exec, 20, false},
    {"fork_exec_shell", run_fork_shell, 5, false},
    {"mmap_munmap", run_mmap, 200, false},
    {"anonymous_fault", run_anonymous_fault, 500, true},
    {"cow_fault", run_cow_fault, 256, true},
    {"file_fault", run_file_fault, 256, true},
    {"touch_16m_page", run_touch_16m, 4096, true},
    {"mprotect", run_mprotect, 200, false},
    {"signal_self", run_signal, 200, false},
    {"sigaction", run_sigaction, 1000, false},
    {"segv_handler", run_segv, 200, false},
};

#define ROUNDS 7

static void measure(const struct measure *m)
{
	uint64_t best = UINT64_MAX;
	is_broken = false;
	for (int round = 0; round < ROUNDS && !is_broken; round++) {
		uint64_t start = ticks();
		m->run(m->n);
		uint64_t spent = ticks() - start;
		if (m->times_itself)
			spent = inner_end - inner_start;
		if (spent < best)
			best = spent;
	}
	if (is_broken)
		printf("bench %s failed errno %d\n", m->name, errno);
	else
		printf("bench %s %llu.%llu\n", m->name, (unsigned long long)(best / (uint64_t)m->n),
		    (unsigned long long)(best * 10 / (uint64_t)m->n % 10));
	printf("bench_operations %ld\n", m->n * ROUNDS);
	fflush(stdout);
}

static void put_file(const char *name, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (size_t at = 0; at < len; at += PAGE)
		if (write(fd, buffer, PAGE) != PAGE)
			break;
	close(fd);
}

static void prepare(void)
{
	mkdir("/tmp", 01777);
	mkdir("/dev", 0755);
	mkdir("/proc", 0555);
	struct stat st;
	if (stat("/dev/null", &st) || stat("/dev/zero", &st))
		mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	chdir("/tmp");
	put_file("/tmp/file", 2 * PAGE);
	put_file("/tmp/from", 0);
	put_file("/tmp/big", 256 * PAGE);
	char path[64] = "/tmp";
	for (const char *name = "abcdef"; *name; name++) {
		size_t len = strlen(path);
		path[len] = '/';
		path[len + 1] = *name;
		path[len + 2] = '\0';
		mkdir(path, 0755);
	}
	mkdir("/tmp/many", 0755);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/tmp/many/f%04d", i);
		close(open(path, O_WRONLY | O_CREAT, 0644));
	}
	file_fd = open("/tmp/file", O_RDWR);
	zero_fd = open("/dev/zero", O_RDONLY);
	null_fd = open("/dev/null", O_WRONLY);
	dots_fd = open("/tmp/many", O_RDONLY | O_DIRECTORY);
	if (pipe(pipe_fds))
		printf("no pipe\n");
	for (int i = 0; i < 100; i++) {
		polled[i].fd = dup(pipe_fds[0]);
		polled[i].events = POLLIN;
	}
	area = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(area, 256 * PAGE, MADV_NOHUGEPAGE); /* touched where it is wanted: a small process forks faster */
	protected = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void tell_memory(void)
{
	char line[128];
	FILE *info = fopen("/proc/meminfo", "r");
	unsigned long value, total = 0, available = 0;
	while (info && fgets(line, sizeof(line), info)) {
		if (sscanf(line, "MemTotal: %lu", &value) == 1)
			total = value;
		if (sscanf(line, "MemFree: %lu", &value) == 1)
			available = value;
	}
	if (info)
		fclose(info);
	if (total)
		printf("bench_memory total %lu KiB, free %lu KiB\n", total, available);
}

static bool is_wanted(const char *name, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		const char *word = words[i];
		if (*word == '=' ? strcmp(name, word + 1) == 0 : strstr(name, word) != NULL)
			return true;
	}
	return count == 0;
}

/*
 * Words on the command line: parts of measures' names, or =NAME; none: all. `boot`: only says that it is here, and in how many
 * instructions.
 */
int main(int argc, char **argv)
{
	uint64_t first_line = ticks();
	printf("bench_boot %llu\n", (unsigned long long)first_line);
	fflush(stdout);
	mkdir("/proc", 0555);
	mount("proc", "/proc", "proc", 0, NULL);
	tell_memory();
	if (argc < 2 || strcmp(argv[1], "boot") != 0) {
		prepare();
		sleep(3); /* what the kernel does after its start is no part of any measure */
		for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
			if (is_wanted(measures[i].name, argc - 1, argv + 1))
				measure(&measures[i]);
		}
	}
	printf("bench_done\n");
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
