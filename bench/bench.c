/*
 * What operations cost a program, in guest instructions: a static program, /init of the same archive on Exo-OS and on Linux, under a QEMU whose
 * time stamp counter counts instructions. tools/vs_linux.sh runs it on both and sets the figures side by side.
 *
 * Here is what runs the measures and what they find prepared. A figure is the least of several rounds, the loop included. It prints one line for
 * each: "bench NAME INSTRUCTIONS".
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

char buffer[65536];
int file_fd, zero_fd, null_fd, pipe_fds[2], dots_fd;
struct pollfd polled[100];
char *area, *protected;
volatile bool is_broken;
uint64_t inner_start, inner_end;

pid_t child_of(void (*run)(void *), void *arg)
{
	pid_t pid = fork();
	if (pid == 0) {
		run(arg);
		_exit(0);
	}
	MUST(pid);
	return pid;
}

static const struct measure {
	const char *name;
	void (*run)(long n);
	long n;
	bool times_itself;
} measures[] = {
#define MEASURE(name, count, times_itself) {#name, run_##name, count, times_itself},
#include "measures.tbl.h"
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
	madvise(area, 256 * PAGE,
	    MADV_NOHUGEPAGE); /* touched where it is wanted: a small process forks faster */
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
