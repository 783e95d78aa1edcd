/* What a mount forbids or hides: nosuid, noexec, nodev, ro; and walks through what is being unmounted. */
#include "check.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <utime.h>

#define OTHER  1000
#define ROUNDS 300

/* What this program does when a case runs it. */
void check_as_program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc == 2 && !strcmp(argv[1], "mounts-ids"))
		_exit((geteuid() == OTHER) + 2 * (getegid() == OTHER));
}

/* A file system at "m", or the case is skipped. */
static void mount_here(unsigned long flags)
{
	if (!may_mount())
		_exit(CASE_SKIPPED);
	CHECK_OK(mkdir("m", 0755));
	CHECK_OK(mount("none", "m", "tmpfs", flags, NULL));
}

static int remount(unsigned long flags)
{
	return mount("none", "m", NULL, MS_REMOUNT | flags, NULL);
}

/* This program at m/program, as it says. */
static void copy_program(mode_t mode)
{
	char data[16384];
	int from = open("/proc/self/exe", O_RDONLY),
	    to = open("m/program", O_WRONLY | O_CREAT, 0700);
	ssize_t n;
	CHECK(from >= 0 && to >= 0);
	while ((n = read(from, data, sizeof(data))) > 0)
		CHECK_EQ(write(to, data, (size_t)n), n);
	CHECK_OK(fchown(to, OTHER, OTHER));
	CHECK_OK(fchmod(to, mode));
	CHECK_OK(close(to));
	CHECK_OK(close(from));
}

/* Its exit status; 100: it could not be run, for EACCES. */
static int run_program(const char *path)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		execl(path, path, "mounts-ids", NULL);
		_exit(errno == EACCES ? 100 : 101);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(set_id_bits_count_unless_the_mount_forbids)
{
	mount_here(0);
	copy_program(06755);
	CHECK_EQ(run_program("m/program"), 3);
	CHECK_OK(remount(MS_NOSUID));
	CHECK_EQ(run_program("m/program"), 0);
	struct stat st;
	CHECK_OK(stat("m/program", &st));
	CHECK_EQ(st.st_mode & 07777, 06755);
	CHECK_OK(remount(0));
	CHECK_EQ(run_program("m/program"), 3);
	CHECK_OK(umount("m"));
}

TEST(programs_run_unless_the_mount_forbids)
{
	mount_here(0);
	copy_program(0755);
	CHECK_EQ(run_program("m/program"), 0);
	CHECK_OK(remount(MS_NOEXEC));
	CHECK_EQ(run_program("m/program"), 100);
	CHECK_ERR(access("m/program", X_OK), EACCES);
	CHECK_OK(access("m", X_OK));
	int fd = open("m/program", O_RDONLY);
	CHECK(fd >= 0);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED);
	CHECK_ERR(mprotect(at, 4096, PROT_READ | PROT_EXEC), EACCES);
	CHECK_OK(mprotect(at, 4096, PROT_READ | PROT_WRITE));
	CHECK_OK(munmap(at, 4096));
	CHECK_OK(close(fd));
	CHECK_OK(umount("m"));
}

TEST(scripts_need_an_interpreter_that_may_run)
{
	char path[200];
	mount_here(0);
	copy_program(0755);
	CHECK(getcwd(path, sizeof(path) - 20));
	int fd = open("script", O_WRONLY | O_CREAT, 0755);
	CHECK(fd >= 0);
	CHECK(dprintf(fd, "#!%s/m/program mounts-ids\n", path) > 0);
	CHECK_OK(close(fd));
	CHECK_OK(remount(MS_NOEXEC));
	CHECK_EQ(run_program("./script"), 100);
	CHECK_OK(umount("m"));
}

TEST(devices_open_unless_the_mount_forbids)
{
	mount_here(0);
	CHECK_OK(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
	CHECK_OK(mkfifo("m/fifo", 0600));
	int fd = open("m/null", O_RDWR);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	CHECK_OK(remount(MS_NODEV));
	CHECK_ERR(open("m/null", O_RDWR), EACCES);
	CHECK_OK(access("m/null", R_OK | W_OK));
	CHECK_OK(fd = open("m/null", O_PATH));
	CHECK_OK(close(fd));
	CHECK_OK(fd = open("m/fifo", O_RDWR));
	CHECK_OK(close(fd));
	CHECK_OK(umount("m"));
}

static void check_nothing_changes(void)
{
	CHECK_ERR(open("m/new", O_WRONLY | O_CREAT, 0600), EROFS);
	CHECK_ERR(open("m/file", O_WRONLY), EROFS);
	CHECK_ERR(open("m/file", O_RDONLY | O_TRUNC), EROFS);
	CHECK_ERR(open("m", O_RDWR | O_TMPFILE, 0600), EROFS);
	CHECK_ERR(mkdir("m/new", 0700), EROFS);
	CHECK_ERR(mkdir("m/dir", 0700), EEXIST);
	CHECK_ERR(mknod("m/new", S_IFIFO | 0600, 0), EROFS);
	CHECK_ERR(symlink("file", "m/new"), EROFS);
	CHECK_ERR(link("m/file", "m/new"), EROFS);
	CHECK_ERR(rename("m/file", "m/new"), EROFS);
	CHECK_ERR(unlink("m/file"), EROFS);
	CHECK_ERR(rmdir("m/dir"), EROFS);
	CHECK_ERR(chmod("m/file", 0600), EROFS);
	CHECK_ERR(chown("m/file", 0, 0), EROFS);
	CHECK_ERR(truncate("m/file", 0), EROFS);
	CHECK_ERR(utime("m/file", NULL), EROFS);
	CHECK_ERR(setxattr("m/file", "trusted.a", "b", 1, 0), EROFS);
	CHECK_ERR(access("m/file", W_OK), EROFS);
	CHECK_ERR(access("m/dir", W_OK), EROFS);
	CHECK_OK(access("m/file", R_OK));
	CHECK_OK(access("m/null", W_OK));
	CHECK_OK(close(open("m/null", O_WRONLY)));
	CHECK_OK(close(open("m/file", O_RDONLY | O_CREAT, 0600)));
}

static void make_some_files(void)
{
	CHECK_OK(close(open("m/file", O_WRONLY | O_CREAT, 0644)));
	CHECK_OK(mkdir("m/dir", 0755));
	CHECK_OK(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
}

TEST(nothing_changes_on_a_read_only_mount)
{
	mount_here(0);
	make_some_files();
	CHECK_OK(remount(MS_RDONLY));
	check_nothing_changes();
	CHECK_OK(remount(0));
	CHECK_OK(unlink("m/file"));
	CHECK_OK(umount("m"));
}

TEST(a_second_mount_may_be_read_only_alone)
{
	mount_here(0);
	make_some_files();
	CHECK_OK(mkdir("other", 0755));
	CHECK_OK(mount("m", "other", NULL, MS_BIND, NULL));
	CHECK_OK(mount("none", "other", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	CHECK_ERR(unlink("other/file"), EROFS);
	CHECK_OK(chmod("m/file", 0600));
	CHECK_OK(umount("other"));
	CHECK_OK(umount("m"));
}

TEST(a_writer_keeps_a_mount_writable)
{
	mount_here(0);
	make_some_files();
	int fd = open("m/file", O_RDWR);
	CHECK(fd >= 0);
	CHECK_ERR(remount(MS_RDONLY), EBUSY);
	CHECK_ERR(remount(MS_RDONLY | MS_BIND), EBUSY);
	CHECK_EQ(write(fd, "x", 1), 1);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	CHECK_OK(close(fd));
	CHECK_ERR(remount(MS_RDONLY), EBUSY);
	CHECK_OK(munmap(at, 4096));
	CHECK_OK(fd = open("m/file", O_RDONLY));
	CHECK_OK(remount(MS_RDONLY));
	check_nothing_changes();
	CHECK_OK(close(fd));
	CHECK_OK(umount("m"));
}

TEST(a_mount_in_use_stays_unless_detached)
{
	char cwd[200];
	mount_here(0);
	CHECK_OK(mkdir("m/dir", 0755));
	int start = open(".", O_RDONLY);
	CHECK_OK(chdir("m/dir"));
	CHECK_ERR(umount("../../m"), EBUSY);
	CHECK_OK(umount2("../../m", MNT_DETACH));
	CHECK(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0);
	CHECK(!strcmp(cwd, "(unreachable)/dir"));
	CHECK_OK(mkdir("still", 0700));
	CHECK_OK(chdir(".."));
	CHECK(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0);
	CHECK(!strcmp(cwd, "(unreachable)/"));
	CHECK_OK(chdir("../.."));
	CHECK_OK(access("dir/still", F_OK));
	CHECK_OK(fchdir(start));
	CHECK_ERR(access("m/dir", F_OK), ENOENT);
}

/* Up and down in a mount that comes and goes. Whatever the kernel answers, it is one of these. */
static void walk_about(const char *top)
{
	char cwd[4096];
	struct stat st;
	for (;;) {
		if (chdir("m/dir")) {
			CHECK(errno == ENOENT);
		} else {
			CHECK(!stat("..", &st) && !stat("../..", &st) && !stat("../../m", &st)
				  ? 1
				  : errno == ENOENT);
			CHECK(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0);
		}
		CHECK_OK(chdir(top));
	}
}

TEST(walks_survive_what_is_unmounted_under_them)
{
	char top[200];
	pid_t walkers[3];
	CHECK(getcwd(top, sizeof(top)));
	mount_here(0);
	CHECK_OK(umount("m"));
	for (int i = 0; i < 3; i++)
		if (!(walkers[i] = fork()))
			walk_about(top);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(mount("none", "m", "tmpfs", 0, NULL));
		CHECK_OK(mkdir("m/dir", 0755));
		CHECK_OK(close(open("m/dir/file", O_WRONLY | O_CREAT, 0600)));
		CHECK_OK(umount2("m", MNT_DETACH));
	}
	for (int i = 0; i < 3; i++) {
		int status;
		CHECK_OK(kill(walkers[i], SIGKILL));
		CHECK_EQ(waitpid(walkers[i], &status, 0), walkers[i]);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

/* Says in *is_open while it has something open in the mount. */
static void open_and_close(volatile int *is_open)
{
	for (;;) {
		int fd = open("m/file", O_RDONLY);
		if (fd < 0) {
			CHECK_EQ(errno, ENOENT);
			continue;
		}
		*is_open = 1;
		*is_open = 0;
		CHECK_OK(close(fd));
	}
}

TEST(nothing_is_open_in_what_was_unmounted)
{
	volatile int *is_open =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	mount_here(0);
	CHECK_OK(umount("m"));
	pid_t pid = forked();
	if (!pid)
		open_and_close(is_open);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(mount("none", "m", "tmpfs", 0, NULL));
		CHECK_OK(close(open("m/file", O_WRONLY | O_CREAT, 0600)));
		while (umount("m"))
			CHECK_EQ(errno, EBUSY);
		CHECK_EQ(*is_open, 0);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(what_is_detached_takes_no_mounts)
{
	int start = open(".", O_RDONLY);
	mount_here(0);
	CHECK_OK(mkdir("m/dir", 0755));
	CHECK_OK(mkdir("dir", 0755));
	CHECK_OK(chdir("m/dir"));
	CHECK_OK(umount2("../../m", MNT_DETACH));
	/* Newer kernels say ENOENT. */
	CHECK(mount("none", ".", "tmpfs", 0, NULL) && (errno == EINVAL || errno == ENOENT));
	CHECK(mount("none", "..", "tmpfs", 0, NULL) && (errno == EINVAL || errno == ENOENT));
	char name[40];
	snprintf(name, sizeof(name), "/proc/self/fd/%d/dir", start);
	CHECK(mount(".", name, NULL, MS_BIND, NULL) && (errno == EINVAL || errno == ENOENT));
	CHECK_OK(fchdir(start));
}

/* A directory is removed, or mounted upon: never both. */
TEST(what_is_mounted_upon_is_not_removed)
{
	int status;
	mount_here(0);
	CHECK_OK(umount("m"));
	pid_t pid = forked();
	if (!pid)
		for (;;) {
			if (rmdir("m"))
				CHECK(errno == EBUSY || errno == ENOTEMPTY);
			else
				CHECK_OK(mkdir("m", 0755));
		}
	for (int i = 0; i < ROUNDS; i++) {
		if (mount("none", "m", "tmpfs", 0, NULL)) {
			CHECK_EQ(errno, ENOENT);
			continue;
		}
		CHECK_OK(close(open("m/file", O_WRONLY | O_CREAT, 0600)));
		CHECK_OK(access("m/file", F_OK));
		while (umount("m"))
			CHECK_EQ(errno, EBUSY);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Names that there are none of fill the cache of names, so that others have to go. */
static void remember_what_is_missing(void)
{
	char name[40];
	struct stat st;
	for (unsigned i = 0;; i++) {
		snprintf(name, sizeof(name), "no such name %u", i);
		CHECK_ERR(stat(name, &st), ENOENT);
	}
}

/* What has to go may be of a file system that is just being unmounted. */
TEST(names_go_and_their_file_system_too)
{
	char name[40];
	pid_t pids[2];
	mount_here(0);
	CHECK_OK(umount("m"));
	for (int i = 0; i < 2; i++)
		if (!(pids[i] = forked()))
			remember_what_is_missing();
	for (int64_t end = now_ms() + 4000; now_ms() < end;) {
		CHECK_OK(mount("none", "m", "tmpfs", 0, NULL));
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "m/%d", i);
			CHECK_OK(i % 4 ? mknod(name, S_IFREG | 0600, 0) : mkdir(name, 0700));
		}
		CHECK_OK(umount("m"));
	}
	for (int i = 0; i < 2; i++) {
		CHECK_OK(kill(pids[i], SIGKILL));
		CHECK_EQ(ended(pids[i]), -1 - SIGKILL);
	}
}

static const char *const names_of_m[] = {"m", "n", "other/m"};

/* Moves m to another name and back, as long as nothing is mounted there. */
static void move_about(const char *to)
{
	for (;;)
		if (rename("m", to))
			CHECK(errno == EBUSY || errno == ENOENT);
		else
			while (rename(to, "m"))
				CHECK_EQ(errno, EBUSY);
}

/* A directory is moved, or mounted upon: what was mounted is found by the name that it has then. */
TEST(what_is_mounted_upon_is_not_moved)
{
	pid_t pids[2];
	mount_here(0);
	CHECK_OK(umount("m"));
	CHECK_OK(mkdir("other", 0755));
	for (int i = 0; i < 2; i++)
		if (!(pids[i] = forked()))
			move_about(names_of_m[i + 1]);
	for (int i = 0; i < ROUNDS; i++) {
		int found = -1;
		if (mount("none", "m", "tmpfs", 0, NULL)) {
			CHECK_EQ(errno, ENOENT);
			continue;
		}
		for (int name = 0; name < 3; name++)
			if (!umount(names_of_m[name])) {
				CHECK(found < 0);
				found = name;
			}
		CHECK(found >= 0);
	}
	for (int i = 0; i < 2; i++) {
		CHECK_OK(kill(pids[i], SIGKILL));
		CHECK_EQ(ended(pids[i]), -1 - SIGKILL);
	}
}

/* The same for a file, upon which another is bound. */
TEST(what_is_bound_upon_is_not_unlinked)
{
	mount_here(0);
	CHECK_OK(umount("m"));
	int fd = open("source", O_WRONLY | O_CREAT, 0600);
	CHECK_EQ(write(fd, "source", 6), 6);
	CHECK_OK(close(fd));
	CHECK_OK(mknod("file", S_IFREG | 0600, 0));
	pid_t pid = forked();
	if (!pid)
		for (;;) {
			if (unlink("file"))
				CHECK_EQ(errno, EBUSY);
			else
				CHECK_OK(mknod("file", S_IFREG | 0600, 0));
		}
	for (int i = 0; i < ROUNDS; i++) {
		struct stat st;
		if (mount("source", "file", NULL, MS_BIND, NULL)) {
			CHECK_EQ(errno, ENOENT);
			continue;
		}
		CHECK_OK(stat("file", &st));
		CHECK_EQ(st.st_size, 6);
		CHECK_OK(umount("file"));
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ended(pid), -1 - SIGKILL);
}

/* The fourth word of mountinfo: which part of its file system a mount shows. */
static bool mountinfo_tells(const char *place_ending, const char *root)
{
	char line[8192], part[4096], place[4096];
	FILE *file = fopen("/proc/self/mountinfo", "r");
	bool is_told = false;
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		CHECK_EQ(sscanf(line, "%*d %*d %*d:%*d %4095s %4095s", part, place), 2);
		size_t len = strlen(place), end = strlen(place_ending);
		is_told |=
		    len >= end && !strcmp(place + len - end, place_ending) && !strcmp(part, root);
	}
	fclose(file);
	return is_told;
}

TEST(mountinfo_tells_what_part_is_mounted)
{
	mount_here(0);
	CHECK_OK(mkdir("m/one", 0700));
	CHECK_OK(mkdir("m/one/two three", 0700));
	CHECK_OK(mkdir("b", 0700));
	CHECK(mountinfo_tells("/case/m", "/"));
	CHECK_OK(mount("m/one/two three", "b", NULL, MS_BIND, NULL));
	CHECK(mountinfo_tells("/case/b", "/one/two\\040three"));
	CHECK_OK(rename("m/one/two three", "m/four"));
	CHECK(mountinfo_tells("/case/b", "/four"));
	CHECK_OK(rmdir("m/four"));
	CHECK(mountinfo_tells("/case/b", "/four//deleted"));
	CHECK_OK(umount("b"));
	CHECK_OK(umount("m"));
}

/* From place to place there is no moment in which a mount is at neither. */
TEST(a_mount_moves_at_once)
{
	char top[200], place[2][230], cwd[300];
	int status;
	mount_here(0);
	CHECK_OK(mkdir("m2", 0755));
	CHECK_OK(mkdir("m/dir", 0755));
	CHECK(getcwd(top, sizeof(top)));
	snprintf(place[0], sizeof(place[0]), "%s/m/dir", top);
	snprintf(place[1], sizeof(place[1]), "%s/m2/dir", top);
	CHECK_OK(chdir("m/dir"));
	pid_t pid = forked();
	if (!pid)
		for (;;) {
			CHECK(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0);
			CHECK(!strcmp(cwd, place[0]) || !strcmp(cwd, place[1]));
		}
	CHECK_OK(chdir(top));
	for (int64_t end = now_ms() + 2000; now_ms() < end;) {
		CHECK_OK(mount("m", "m2", NULL, MS_MOVE, NULL));
		CHECK_OK(mount("m2", "m", NULL, MS_MOVE, NULL));
	}
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ended(pid), -1 - SIGKILL);
	CHECK_OK(umount("m"));
}
