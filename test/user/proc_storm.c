/*
 * All of /proc/PID is read of processes that come, change and go meanwhile: nothing there may fail otherwise than by saying that what it is about is gone, and
 * nothing is left of them. STRESS_SECONDS (2).
 */
#include "proc.h"

#include "fuzz_leaks.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

enum { MAKERS = 2, READERS = 2, PART = 16384 };

struct shared {
	int64_t end;
	pid_t pids[MAKERS]; /* whom to look at; 0: nobody now */
	long files, gone;
};
static struct shared *shared;

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* One who has something of each kind, and ends at some moment. */
static void live(unsigned round)
{
	pthread_t thread;
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0), counter = eventfd(1, 0),
	    file = open("file", O_RDWR | O_CREAT, 0600);
	int timer = timerfd_create(CLOCK_MONOTONIC, 0), ends[2];
	struct flock lock = {.l_type = F_RDLCK, .l_start = round % 50, .l_len = 5};
	sigset_t signals;
	sigfillset(&signals);
	if (set < 0 || counter < 0 || timer < 0 || pipe(ends) || signalfd(-1, &signals, 0) < 0)
		_exit(1);
	epoll_ctl(set, EPOLL_CTL_ADD, counter, &event);
	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
	flock(file, LOCK_SH);
	fcntl(file, F_SETLK, &lock);
	if (pthread_create(&thread, NULL, wait_for_ever, NULL))
		_exit(1);
	usleep(round % 7 * 300);
	if (round % 3 == 0) {
		char *argv[] = {"as a program", NULL};
		execve("/proc/self/exe", argv, NULL);
		_exit(1);
	}
	if (round % 3 == 1)
		close(counter);
	usleep(round % 5 * 200);
	_exit(0);
}

void check_as_program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc == 1 && strcmp(argv[0], "as a program") == 0)
		_exit(0);
}

static void make(int own)
{
	for (unsigned round = 0; now_ms() < shared->end; round++) {
		pid_t pid = forked();
		if (!pid)
			live(round);
		shared->pids[own] = pid;
		usleep(round % 11 * 200);
		CHECK_EQ(ended(pid), 0);
		shared->pids[own] = 0;
	}
}

/* Nothing but that it is gone, or has no such thing. */
static void check_end(const char *name, int error)
{
	if (error != ENOENT && error != ESRCH && error != ENOTDIR && error != EINVAL &&
	    error != EIO && error != ENXIO && error != ENODATA)
		FAIL("%s", name);
	__atomic_fetch_add(&shared->gone, 1, __ATOMIC_RELAXED);
}

static void read_file(int folder, const char *name)
{
	static char part[PART];
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0) {
		check_end(name, errno);
		return;
	}
	ssize_t n = 1;
	for (int parts = 0; parts < 8 && n > 0; parts++)
		n = read(fd, part, sizeof(part));
	if (n < 0)
		check_end(name, errno);
	CHECK_OK(close(fd));
	__atomic_fetch_add(&shared->files, 1, __ATOMIC_RELAXED);
}

/* Those that Exo-OS has, or might have; others of Linux lead far. */
static bool is_of_interest(const char *name, int depth)
{
	static const char *const folders[] = {"task", "fd", "fdinfo"};
	if (name[0] >= '0' && name[0] <= '9')
		return true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && depth < 4; i++)
		if (strcmp(name, folders[i]) == 0)
			return true;
	return false;
}

static void wander(int folder, int depth)
{
	DIR *dir = fdopendir(folder);
	char target[PATH_MAX];
	if (!dir) {
		check_end("a folder", errno);
		CHECK_OK(close(folder));
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *name = entry->d_name;
		if (name[0] == '.')
			continue;
		if (entry->d_type == DT_LNK) {
			if (readlinkat(folder, name, target, sizeof(target)) < 0)
				check_end(name, errno);
		} else if (entry->d_type != DT_DIR) {
			read_file(folder, name);
		} else if (is_of_interest(name, depth)) {
			int inner = openat(folder, name, O_RDONLY | O_DIRECTORY);
			if (inner < 0)
				check_end(name, errno);
			else
				wander(inner, depth + 1);
		}
	}
	closedir(dir);
}

static void look(void)
{
	for (unsigned round = 0; now_ms() < shared->end; round++) {
		pid_t pid = shared->pids[round % MAKERS];
		int folder = pid ? open(of(pid, ""), O_RDONLY | O_DIRECTORY) : -1;
		if (folder >= 0)
			wander(folder, 0);
		read_all("/proc/locks");
	}
}

static void storm(int64_t ms)
{
	pid_t pids[MAKERS + READERS];
	shared->end = now_ms() + ms;
	for (int i = 0; i < MAKERS + READERS; i++)
		if (!(pids[i] = forked())) {
			if (i < MAKERS)
				make(i);
			else
				look();
			_exit(0);
		}
	for (int i = 0; i < MAKERS + READERS; i++)
		CHECK_EQ(ended(pids[i]), 0);
}

TEST(processes_end_while_they_are_looked_at)
{
	const char *seconds = getenv("STRESS_SECONDS");
	int64_t ms = 1000 * (seconds ? atoi(seconds) : 2);
	struct snapshot before, after;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	storm(ms / 2);
	take_snapshot(&before);
	storm(ms);
	take_snapshot(&after);
	CHECK(shared->files > 20 && shared->gone > 0);
	if (getenv("OWN_MACHINE"))
		compare(&before, &after);
}

/* Whoever lists descriptors must not be the one who ends what they name: a list is made under a lock, an end takes others. */
TEST(pipes_end_while_descriptors_are_listed)
{
	int64_t end = now_ms() + 2000;
	pid_t owner = getpid(), pids[READERS];
	for (int i = 0; i < READERS; i++)
		if (!(pids[i] = forked())) {
			DIR *dir = opendir(of(owner, "fd"));
			char name[32];
			struct stat stat;
			for (int fd = 3; now_ms() < end; fd = fd < 12 ? fd + 1 : 3) {
				snprintf(name, sizeof(name), "%d", fd);
				fstatat(dirfd(dir), name, &stat, AT_SYMLINK_NOFOLLOW);
				rewinddir(dir);
				while (readdir(dir))
					;
			}
			_exit(0);
		}
	while (now_ms() < end)
		for (int i = 0; i < 50; i++) {
			int ends[8];
			for (int pair = 0; pair < 4; pair++)
				CHECK_OK(pipe(ends + 2 * pair));
			for (int at = 0; at < 8; at++)
				CHECK_OK(close(ends[at]));
		}
	for (int i = 0; i < READERS; i++)
		CHECK_EQ(ended(pids[i]), 0);
}
