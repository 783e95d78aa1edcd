/*
 * /init of a machine that runs the tests: each program of /tests in turn; then what they came to, and the power off.
 * Words on init's command line (after `--`): names of programs to run; none: all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TESTS_MAX 64

static char *names[TESTS_MAX];
static int name_count;
static int passed, failed, skipped;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_tests(int argc, char **argv)
{
	DIR *folder = opendir("/tests");
	struct dirent *entry;
	while (folder && (entry = readdir(folder)) && name_count < TESTS_MAX) {
		int wanted = argc < 2;
		for (int i = 1; i < argc; i++)
			wanted |= strcmp(argv[i], entry->d_name) == 0;
		if (entry->d_name[0] != '.' && wanted)
			names[name_count++] = strdup(entry->d_name);
	}
	qsort(names, (size_t)name_count, sizeof(names[0]), by_name);
}

/* Copies what the program says, and reads its last line. */
static void run(const char *name)
{
	char path[300], line[1024];
	int out[2], counts[3] = {0, 0, 0}, has_counts = 0, status = 0;
	snprintf(path, sizeof(path), "/tests/%s", name);
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	printf("== %s\n", name);
	fflush(stdout);
	if (pipe(out)) {
		printf("FAIL %s: pipe: %s\n", name, strerror(errno));
		failed++;
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		setpriority(PRIO_PROCESS, 0,
		    0); /* the one before may have changed that of all root's processes */
		execl(path, name, NULL);
		printf("FAIL %s: exec: %s\n", name, strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	close(out[1]);
	FILE *from = fdopen(out[0], "r");
	while (from && fgets(line, sizeof(line), from)) {
		fputs(line, stdout);
		fflush(stdout);
		if (sscanf(line, "%d passed, %d failed, %d skipped", &counts[0], &counts[1],
			&counts[2]) == 3) {
			has_counts = 1;
			break; /* not to wait for what it left behind with our pipe */
		}
	}
	waitpid(pid, &status, 0);
	if (from)
		fclose(from);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("-- %s: %ld ms\n", name,
	    (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
	passed += counts[0];
	failed += counts[1];
	skipped += counts[2];
	if (!has_counts || (status != 0 && counts[1] == 0)) {
		printf("FAIL %s: ended with status %#x%s\n", name, status,
		    has_counts ? "" : ", without a result");
		failed++;
	}
}

/* The first process takes in what the others leave behind, and does nothing else: dead orphans count as long as they are there. */
static void become_second(void)
{
	pid_t pid = fork();
	if (pid == 0)
		return;
	while (pid > 0 || errno == EINTR)
		pid = wait(NULL);
	printf("FAIL runner: it has ended\n");
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	struct stat st;
	mkdir("/proc", 0555);
	mkdir("/dev", 0755);
	mkdir("/tmp", 01777);
	if (stat("/proc/self", &st))
		mount("proc", "/proc", "proc", 0, NULL);
	if (stat("/dev/null", &st))
		mount("dev", "/dev", "devtmpfs", 0, NULL);
	setenv("OWN_MACHINE", "1", 1); /* nobody else's programs are here */
	become_second();
	find_tests(argc, argv);
	for (int i = 0; i < name_count; i++)
		run(names[i]);
	printf("user: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
