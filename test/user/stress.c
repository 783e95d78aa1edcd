/*
 * Storms: whatever programs do, the kernel neither falls nor hangs, and it gives back what they took.
 * Each storm lasts STRESS_SECONDS (environment; 2). Random ones print their seed; SEED sets it.
 */
#include "check.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

static uint64_t state;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int64_t begin(void)
{
	const char *seconds = getenv("STRESS_SECONDS"), *seed = getenv("SEED");
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	return now_ms() + 1000 * (seconds ? atoi(seconds) : 2);
}

/* What is free, in pages of 4 KiB, after things settled: memory that comes back late, late by at most a few seconds. */
static long free_pages(void)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	return (long)(info.freeram * info.mem_unit / 4096);
}

TEST(fork_storm)
{
	int64_t end = begin();
	while (now_ms() < end) {
		int made = 0;
		for (int i = 0; i < 16; i++) {
			pid_t pid = fork();
			if (pid == 0) {
				if (fork() == 0)
					_exit(0);
				if (i & 1)
					wait(NULL); /* otherwise an orphan */
				_exit(i);
			}
			made += pid > 0;
		}
		for (; made > 0; made--)
			CHECK(wait(NULL) > 0);
	}
	CHECK_ERR(wait(NULL), ECHILD);
}

TEST(fork_bomb_under_a_limit)
{
	struct rlimit limit = {200, 200};
	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
	CHECK_OK(setresuid(54322, 54322, 54322));
	int64_t end = begin();
	pid_t group = getpid();
	while (now_ms() < end)
		if (fork() == 0 && now_ms() > end)
			_exit(0);
	if (getpid() != group)
		_exit(0);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
}

TEST(mmap_storm)
{
	int64_t end = begin();
	struct {
		char *at;
		size_t pages;
	} areas[64] = {0};
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	CHECK_OK(ftruncate(fd, 1 << 20));
	while (now_ms() < end) {
		int i = (int)(draw() % 64);
		if (areas[i].at) {
			size_t pages = areas[i].pages, part = draw() % pages;
			switch (draw() % 5) {
			case 0:
				mprotect(
				    areas[i].at + part * 4096, (pages - part) * 4096, PROT_READ);
				break;
			case 1: madvise(areas[i].at + part * 4096, 4096, MADV_DONTNEED); break;
			case 2:
				mprotect(areas[i].at, pages * 4096, PROT_READ | PROT_WRITE);
				for (size_t j = 0; j < pages; j += 1 + draw() % 8)
					areas[i].at[j * 4096] = (char)j;
				break;
			default:
				munmap(areas[i].at + part * 4096, (pages - part) * 4096);
				CHECK_OK(munmap(areas[i].at, pages * 4096));
				areas[i].at = NULL;
			}
			continue;
		}
		areas[i].pages = 1 + draw() % 256;
		int file = draw() & 1;
		areas[i].at = mmap(NULL, areas[i].pages * 4096, PROT_READ | PROT_WRITE,
		    (draw() & 1 ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS),
		    file ? fd : -1, 0);
		CHECK(areas[i].at != MAP_FAILED);
		if (draw() % 16 == 0) {
			pid_t pid = forked();
			if (pid == 0) {
				for (int j = 0; j < 64; j++)
					if (areas[j].at)
						munmap(areas[j].at, areas[j].pages * 4096);
				_exit(0);
			}
			CHECK_EQ(ended(pid), 0);
		}
	}
}

static volatile sig_atomic_t signals_seen;
static void count_signal(int signal)
{
	(void)signal;
	signals_seen++;
}

TEST(signal_storm)
{
	int64_t end = begin();
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
	for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
		sigaction(i, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	struct rlimit queued = {500, 500};
	CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &queued));
	pid_t children[4];
	pid_t target = getpid();
	for (int i = 0; i < 4; i++) {
		children[i] = forked();
		if (children[i] == 0) {
			for (int j = 0; j < 20000 && now_ms() < end; j++) {
				kill(target, draw() & 1 ? SIGUSR1 : SIGRTMIN + (int)(draw() % 20));
				if (draw() % 64 == 0)
					sched_yield();
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ended(children[i]), 0);
	CHECK(signals_seen > 0);
}

TEST(pipe_storm)
{
	int64_t end = begin();
	while (now_ms() < end) {
		int ends[2];
		CHECK_OK(pipe(ends));
		pid_t writer = forked();
		if (writer == 0) {
			char data[3000] = {0};
			signal(SIGPIPE, SIG_IGN);
			close(ends[0]);
			for (int i = 0;
			     i < 100 && write(ends[1], data, 1 + draw() % sizeof(data)) > 0; i++)
				;
			_exit(0);
		}
		close(ends[1]);
		char data[5000];
		int rounds = (int)(draw() % 60);
		while (rounds-- > 0 && read(ends[0], data, 1 + draw() % sizeof(data)) > 0)
			;
		close(ends[0]);
		CHECK_EQ(ended(writer), 0);
	}
}

/* Moves what comes through a pipe of its own, which has the pages then; passes on how many bytes came, without those that were doubled. */
static uint64_t splice_all(int from, int64_t end)
{
	static char data[40000];
	int ends[2];
	uint64_t sum = 0;
	CHECK_OK(pipe2(ends, O_NONBLOCK));
	while (now_ms() < end) {
		unsigned how = (unsigned)draw() % 4;
		size_t len = 1 + draw() % sizeof(data);
		ssize_t n = how ? splice(from, NULL, ends[1], NULL, len, SPLICE_F_NONBLOCK)
				: tee(from, ends[1], len, SPLICE_F_NONBLOCK);
		CHECK(n >= 0 || errno == EAGAIN);
		sum += how && n > 0 ? (uint64_t)n : 0;
		while (read(ends[0], data, sizeof(data)) > 0)
			;
		if (draw() % 16 == 0)
			fcntl(from, F_SETPIPE_SZ, 4096 << draw() % 6);
	}
	return sum;
}

/* Two write, two read, one splices and resizes: every byte comes out once. */
TEST(one_pipe_for_all)
{
	static char data[100000];
	int64_t end = begin();
	int ends[2];
	uint64_t *sums =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[5];
	CHECK(sums != MAP_FAILED);
	CHECK_OK(pipe(ends));
	for (unsigned i = 0; i < 5; i++) {
		children[i] = forked();
		if (children[i])
			continue;
		state += i * 77777;
		uint64_t sum = 0;
		if (i == 4)
			sum = splice_all(ends[0], end);
		close(ends[i < 2 ? 0 : 1]);
		while (i < 2 ? now_ms() < end : i < 5) {
			size_t len = 1 + draw() % (draw() % 4 ? 6000 : sizeof(data));
			ssize_t n = i < 2 ? write(ends[1], data, len) : read(ends[0], data, len);
			CHECK(n >= 0);
			if (!n)
				break;
			sum += (uint64_t)n;
		}
		sums[i] = sum;
		_exit(0);
	}
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(ended(children[i]), 0);
	CHECK_EQ(sums[0] + sums[1], sums[2] + sums[3] + sums[4]);
	CHECK(sums[0] + sums[1] > 0);
}

TEST(file_storm)
{
	int64_t end = begin();
	for (int worker = 0; worker < 3; worker++)
		if (forked() == 0) {
			state += (uint64_t)worker * 77777;
			char a[16], b[16], data[5000] = {1};
			while (now_ms() < end) {
				snprintf(a, sizeof(a), "n%d", (int)(draw() % 12));
				snprintf(b, sizeof(b), "n%d", (int)(draw() % 12));
				int fd;
				switch (draw() % 10) {
				case 0: mkdir(a, 0755); break;
				case 1: rmdir(a); break;
				case 2: unlink(a); break;
				case 3: rename(a, b); break;
				case 4: link(a, b); break;
				case 5: symlink(a, b); break;
				case 6: truncate(a, (off_t)(draw() % 20000)); break;
				default:
					if ((fd = open(a, O_RDWR | O_CREAT | O_NONBLOCK, 0644)) < 0)
						break;
					if (pwrite(fd, data, draw() % sizeof(data),
						(off_t)(draw() % 30000)) < 0 ||
					    pread(fd, data, sizeof(data), (off_t)(draw() % 30000)) <
						0)
						_exit(0);
					close(fd);
				}
			}
			_exit(0);
		}
	for (int i = 0; i < 3; i++) {
		int status;
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
}

/* Damaged copies of a program: each either runs (and ends somehow) or is refused; nobody else notices. */
TEST(exec_of_damaged_files)
{
	static unsigned char image[1 << 20];
	int64_t end = begin();
	int self = open("/proc/self/exe", O_RDONLY);
	if (self < 0)
		self = open("/tests/stress", O_RDONLY);
	CHECK(self >= 0);
	ssize_t len = read(self, image, sizeof(image));
	CHECK(len > 10000);
	struct rlimit seconds = {1, 1};
	while (now_ms() < end) {
		int fd = open("damaged", O_RDWR | O_CREAT | O_TRUNC, 0755);
		static unsigned char copy[1 << 20];
		memcpy(copy, image, (size_t)len);
		for (uint64_t n = 1 + draw() % 8; n > 0; n--)
			copy[draw() % (draw() & 1 ? 64 : 1000)] = (unsigned char)draw();
		ssize_t size = draw() % 4 ? len : (ssize_t)(draw() % (uint64_t)len);
		CHECK_EQ(write(fd, copy, (size_t)size), size);
		close(fd);
		pid_t pid = forked();
		if (pid == 0) {
			setrlimit(RLIMIT_CPU, &seconds);
			alarm(1);
			char *argv[] = {"damaged", "no_such_case", NULL}, *env[] = {NULL};
			int null = open("/dev/null", O_RDWR);
			dup2(null, 1);
			dup2(null, 2);
			execve("./damaged", argv, env);
			_exit(100);
		}
		int status;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		unlink("damaged");
	}
}

TEST(memory_exhaustion_by_one_process_is_survived)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	if (info.totalram * info.mem_unit > (uint64_t)1 << 30)
		return; /* not on a machine that others use; virtual machines of the tests are small */
	pid_t pid = forked();
	if (pid == 0)
		for (;;) {
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p == MAP_FAILED)
				_exit(42);
			for (size_t i = 0; i < 1 << 20; i += 4096)
				p[i] = 1;
		}
	int status = ended(pid);
	CHECK(status == 42 || status == -1 - SIGKILL);
}

/* Runs each of them briefly once, to fill what the kernel keeps, and then again: nothing may be missing. */
TEST(nothing_is_lost)
{
	long before = 0;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 50; i++) {
			pid_t pid = forked();
			if (pid == 0) {
				int ends[2];
				char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
				memset(p, 1, 1 << 20);
				CHECK_OK(pipe(ends));
				CHECK_EQ(write(ends[1], p, 60000), 60000);
				int fd = open("g", O_RDWR | O_CREAT, 0644);
				CHECK_EQ(write(fd, p, 1 << 20), 1 << 20);
				CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
					  0) != MAP_FAILED);
				CHECK_OK(unlink("g"));
				_exit(0);
			}
			CHECK_EQ(ended(pid), 0);
		}
		sleep_ms(300);
		if (round == 0)
			before = free_pages();
	}
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	long lost = before - free_pages();
	if (info.totalram * info.mem_unit > (uint64_t)1 << 30)
		return; /* others use this machine's memory */
	if (lost > 256)
		FAIL("%ld pages were not given back", lost);
}
