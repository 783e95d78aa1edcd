/* The folder of a round, and getting rid of all that the round has made: processes, mounts, names, System V objects. */
#pragma once

#include "fuzz.h"
#include "fuzz_args.h"

#include <dirent.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define OWN_USER      54323
#define WAIT_FOR_ENDS 60000 /* ms: what is killed ends by then, however busy the machine is */

static void fill_folder(const char *folder)
{
	char text[100];
	static const char *const folders[] = {"", "/d", "/d/e", "/proc", "/dev"};
	for (size_t i = 0; i < (world.rank == RANK_ROOT ? 5 : 3); i++) {
		snprintf(text, sizeof(text), "%s%s", folder, folders[i]);
		CHECK_OK(mkdir(text, 0777));
		CHECK_OK(chmod(text, 0777));
	}
	int at = open(folder, O_RDONLY | O_DIRECTORY);
	symlinkat("a", at, "link");
	symlinkat("loop", at, "loop");
	symlinkat("nothing", at, "dangling");
	CHECK_OK(mkfifoat(at, "fifo", 0666));
	int script = openat(at, "script", O_WRONLY | O_CREAT, 0755);
	CHECK_EQ(write(script, "#!/proc/self/exe x\n", 19), 19);
	close(script);
	close(at);
	if (world.rank != RANK_ROOT)
		return;
	static const struct {
		const char *name;
		unsigned number;
	} devices[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"urandom", 9}};
	for (size_t i = 0; i < COUNT(devices); i++) {
		snprintf(text, sizeof(text), "%s/dev/%s", folder, devices[i].name);
		CHECK_OK(mknod(text, S_IFCHR | 0666, makedev(1, devices[i].number)));
	}
	snprintf(text, sizeof(text), "%s/proc", folder);
	CHECK_OK(mount("proc", text, "proc", 0, NULL));
}

/* 0: there is no such process. text: what /proc says of it. */
static int parent_of(int pid, char *text, size_t size)
{
	char path[40];
	int parent = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = 0;
	if (strrchr(text, ')'))
		sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
	if (fd >= 0)
		close(fd);
	return parent;
}

static bool descends_from_us(int pid, char *text, size_t size)
{
	char ignored[400];
	int parent = parent_of(pid, text, size);
	while (parent > 1 && parent != getpid())
		parent = parent_of(parent, ignored, sizeof(ignored));
	return parent == getpid();
}

/*
 * Kills all that comes from us, until there is nothing. Not children alone: one that waits for a lock does not end before a child of its own that has
 * the lock, and waits for bytes.
 */
static void end_all(void)
{
	int64_t limit = now_ms() + WAIT_FOR_ENDS;
	for (;;) {
		pid_t pid;
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return;
		DIR *all = opendir("/proc");
		struct dirent *entry;
		char alive[200] = "", text[400] = "";
		while (all && (entry = readdir(all))) {
			pid = atoi(entry->d_name);
			if (pid <= 1 || !descends_from_us(pid, text, sizeof(text)))
				continue;
			kill(pid, SIGKILL);
			snprintf(alive, sizeof(alive), "%.150s", text);
		}
		if (all)
			closedir(all);
		if (now_ms() > limit)
			FAIL("killed, but not ended: %s", alive);
		sleep_ms(3);
	}
}

/* What workers have mounted, the latest first. What lies on files of dead processes goes with the file system that they are in. */
static void unmount_all(const char *folder)
{
	static char *places[200];
	for (int tries = 0;; tries++) {
		FILE *mounts = fopen("/proc/mounts", "r");
		char line[5000], place[5000];
		int count = 0;
		CHECK(mounts);
		while (count < 200 && fgets(line, sizeof(line), mounts))
			if (sscanf(line, "%*s %4999s", place) == 1 && strstr(place, folder))
				places[count++] = strdup(place);
		fclose(mounts);
		if (!count)
			return;
		if (tries == 50)
			FAIL("%.100s stays mounted", places[0]);
		while (count > 0) {
			umount2(places[--count], MNT_DETACH);
			free(places[count]);
		}
	}
}

static void empty_folder(const char *folder)
{
	if (world.rank == RANK_ROOT)
		unmount_all(folder);
	pid_t pid = forked();
	if (pid == 0) {
		if (world.rank == RANK_GUEST) /* who may not look into what is his own */
			execl("/bin/sh", "sh", "-c", "chmod -R u+rwx \"$0\"; rm -rf \"$0\"", folder,
			    NULL);
		execl("/bin/rm", "rm", "-rf", folder, NULL);
		_exit(1);
	}
	CHECK_EQ(ended(pid), 0);
}

/* Semaphores have the command in another place. */
static void remove_id(long control, int id)
{
	if (control == SYS_semctl)
		syscall(control, id, 0, IPC_RMID, 0);
	else
		syscall(control, id, IPC_RMID, 0);
}

/* Queues and sets outlive who made them. Those without a key may be anybody's of our user. */
static void remove_sysv(void)
{
	static const struct {
		const char *list;
		long control;
	} kinds_of[] = {{"/proc/sysvipc/msg", SYS_msgctl}, {"/proc/sysvipc/sem", SYS_semctl},
	    {"/proc/sysvipc/shm", SYS_shmctl}};
	pid_t pid = forked();
	if (pid != 0) {
		CHECK_EQ(ended(pid), 0);
		return;
	}
	if (world.rank == RANK_SEALED)
		CHECK_OK(setresuid(OWN_USER, OWN_USER, OWN_USER));
	for (size_t i = 0; i < COUNT(kinds_of); i++) {
		FILE *list = fopen(kinds_of[i].list, "r");
		char line[300];
		int key, id;
		while (list && fgets(line, sizeof(line), list))
			if (sscanf(line, "%d %d", &key, &id) == 2 &&
			    ((key == 0 && world.rank != RANK_GUEST) || (key & ~3) == 0x5eec))
				remove_id(kinds_of[i].control, id);
		if (list)
			fclose(list);
	}
	for (size_t i = 0; i < COUNT(queue_names); i++)
		syscall(SYS_mq_unlink, queue_names[i]);
	_exit(0);
}
