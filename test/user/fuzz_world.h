/* What a worker of the fuzzer finds: descriptors of all kinds, memory of all kinds, signals that are caught, limits. */
#pragma once

#include "fuzz.h"

#include <sys/eventfd.h>
#include <termios.h>

static void keep(enum pool pool, int fd)
{
	if (fd >= 0)
		put_result(pool, fd);
}

static void open_all_kinds(void)
{
	int ends[2], master, tty = -1;
	keep(POOL_FILE, open("a", O_RDWR | O_CREAT | O_NONBLOCK, 0666));
	keep(POOL_FILE, open("b", O_RDWR | O_CREAT | O_APPEND, 0666));
	keep(POOL_FILE, open("c", O_RDONLY | O_CREAT, 0666));
	keep(POOL_FILE, (int)syscall(SYS_memfd_create, "m", 2));
	keep(POOL_FILE, open("/dev/zero", O_RDWR));
	keep(POOL_DIR, open(".", O_RDONLY));
	keep(POOL_DIR, open("d", O_RDONLY));
	keep(POOL_DIR, open("/proc/self", O_RDONLY));
	keep(POOL_PATH, open("a", O_PATH));
	keep(POOL_PATH, open("d", O_PATH));
	keep(POOL_PROC, open("/proc/self/maps", O_RDONLY));
	keep(POOL_PROC, open("/proc/self/comm", O_RDWR));
	keep(POOL_PROC, open("/proc/self/stat", O_RDONLY));
	keep(POOL_PROC, open("/dev/full", O_RDWR));
	for (int i = 0; i < 2; i++)
		if (pipe2(ends, i ? 0 : O_NONBLOCK) == 0) {
			keep(POOL_PIPE, ends[0]);
			keep(POOL_PIPE, ends[1]);
		}
	keep(POOL_PIPE, open("fifo", O_RDWR | O_NONBLOCK));
	keep(POOL_EPOLL, epoll_create1(0));
	keep(POOL_EPOLL, epoll_create1(0));
	keep(POOL_EVENT, eventfd(0, EFD_NONBLOCK));
	keep(POOL_EVENT, eventfd(1, 0));
	keep(POOL_PIDFD, (int)syscall(SYS_pidfd_open, getpid(), 0));
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master >= 0 && unlockpt(master) == 0 && ptsname(master))
		tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	keep(POOL_TTY, master);
	keep(POOL_TTY, tty);
}

static void map_arena(int beyond)
{
	mmap(ARENA_PRIVATE, ARENA_PART, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(ARENA_READONLY, ARENA_PART, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (beyond >= 0 && ftruncate(beyond, ARENA_PART / 2) == 0)
		mmap(ARENA_BEYOND, ARENA_PART, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    beyond, 0);
	mmap(PLAYGROUND, 128 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(PLAYGROUND + 128 * 4096, 64 * 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void catch_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	static const int caught[] = {SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGHUP, SIGVTALRM, SIGPROF,
	    SIGXFSZ, 34, SIGTERM, SIGIO};
	for (size_t i = 0; i < COUNT(caught); i++) {
		struct sigaction action = {
		    .sa_handler = on_signal, .sa_flags = i & 1 ? SA_RESTART : 0};
		sigaction(caught[i], &action, NULL);
	}
	/* So that calls which would wait for ever come back. */
	struct itimerval often = {{0, 7000}, {0, 7000}};
	setitimer(ITIMER_REAL, &often, NULL);
}

static void limit_worker(void)
{
	struct rlimit none = {0, 0}, memory = {48 << 20, 48 << 20}, files = {64, 64},
		      processes = {60, 60}, size = {1 << 20, 1 << 20}, queued = {100, 100};
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_SIGPENDING, &queued);
	if (world.rank != RANK_GUEST)
		setrlimit(RLIMIT_NPROC, &processes);
}
