/* Paths and names: opening, linking, moving, removing, listing, and every way that a path can be wrong. */
#include "check.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* As <linux/openat2.h> and <linux/fs.h> have them. */
struct open_how {
	uint64_t flags, mode, resolve;
};
#define RESOLVE_NO_SYMLINKS 4
#define RESOLVE_BENEATH     8
#define RESOLVE_IN_ROOT     16
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

static int move(const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
}

static ino_t ino_of(const char *path)
{
	struct stat st;
	CHECK_OK(lstat(path, &st));
	return st.st_ino;
}

static nlink_t links_of(const char *path)
{
	struct stat st;
	CHECK_OK(lstat(path, &st));
	return st.st_nlink;
}

TEST(open_flags)
{
	CHECK_ERR(open("none", O_RDONLY), ENOENT);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	CHECK_ERR(open("none/x", O_CREAT | O_RDWR, 0644), ENOENT);
	touch("f");
	CHECK_ERR(open("f", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("f/.", O_RDONLY), ENOTDIR);
	CHECK_ERR(open("f", O_DIRECTORY), ENOTDIR);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERR(open("d", O_WRONLY), EISDIR);
	CHECK_ERR(open("d", O_RDWR), EISDIR);
	CHECK_ERR(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	CHECK_ERR(open("d/new/", O_RDWR | O_CREAT, 0644), EISDIR);
	CHECK_ERR(open("d/.", O_RDWR | O_CREAT, 0644), EISDIR);
	CHECK_ERR(open((char *)8, O_RDONLY), EFAULT);
	CHECK_OK(symlink("f", "l"));
	CHECK_ERR(open("l", O_NOFOLLOW), ELOOP);
	CHECK_ERR(open("l", O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open("l", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	CHECK_OK(symlink("made", "dangling"));
	CHECK_ERR(open("dangling", O_RDONLY), ENOENT);
	CHECK_ERR(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	CHECK_OK(close(open("dangling", O_CREAT | O_RDWR, 0644)));
	CHECK_OK(access("made", F_OK));
}

TEST(open_truncates_and_keeps_flags)
{
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND),
	    O_RDWR | O_APPEND);
	CHECK_OK(close(open("f", O_WRONLY | O_TRUNC)));
	struct stat st;
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 0);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(write(fd, "x", 1), EBADF);
	fd = open("f", O_WRONLY);
	char c;
	CHECK_ERR(read(fd, &c, 1), EBADF);
}

TEST(o_path_is_a_place)
{
	touch("f");
	int fd = open("f", O_PATH);
	CHECK(fd >= 0);
	char c;
	CHECK_ERR(read(fd, &c, 1), EBADF);
	CHECK_ERR(write(fd, &c, 1), EBADF);
	CHECK_ERR(syscall(SYS_fchmod, fd, 0600), EBADF); /* the library has a way around */
	CHECK_ERR(ftruncate(fd, 0), EBADF);
	struct stat st;
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_ino, ino_of("f"));
	CHECK_OK(mkdir("d", 0755));
	touch("d/x");
	int dir = open("d", O_PATH);
	CHECK_OK(faccessat(dir, "x", R_OK, 0));
	CHECK_OK(symlink("d", "l"));
	int link = open("l", O_PATH | O_NOFOLLOW);
	CHECK(link >= 0);
	char target[8];
	CHECK_EQ(readlinkat(link, "", target, sizeof(target)), 1);
	CHECK_ERR(openat(fd, "x", O_RDONLY), ENOTDIR);
	CHECK_ERR(openat(99, "x", O_RDONLY), EBADF);
	CHECK_ERR(openat(99, "", O_RDONLY), ENOENT);
}

TEST(tmpfile_has_no_name)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0 && errno == EOPNOTSUPP)
		_exit(CASE_SKIPPED);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "abc", 3), 3);
	struct stat st;
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_ERR(open(".", O_TMPFILE | O_RDONLY), EINVAL);
	CHECK_ERR(rmdir("."), EINVAL);
}

TEST(names_of_255_and_256_bytes)
{
	char name[300];
	memset(name, 'n', 256);
	name[255] = '\0';
	touch(name);
	CHECK_OK(access(name, F_OK));
	CHECK_OK(rename(name, "short"));
	CHECK_OK(rename("short", name));
	CHECK_OK(unlink(name));
	name[255] = 'n';
	name[256] = '\0';
	CHECK_ERR(open(name, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	CHECK_ERR(open(name, O_RDONLY), ENAMETOOLONG);
	CHECK_ERR(mkdir(name, 0755), ENAMETOOLONG);
	CHECK_ERR(access(name, F_OK), ENAMETOOLONG);
	touch("f");
	CHECK_ERR(rename("f", name), ENAMETOOLONG);
	CHECK_ERR(link("f", name), ENAMETOOLONG);
	CHECK_ERR(unlink(name), ENAMETOOLONG);
}

TEST(paths_of_4095_and_4096_bytes)
{
	static char path[5000];
	touch("f");
	/* ./././…/f */
	for (int i = 0; i < 4094; i += 2)
		memcpy(path + i, "./", 2);
	path[4094] = 'f';
	path[4095] = '\0';
	CHECK_OK(access(path, F_OK));
	memmove(path + 1, path, 4096);
	path[0] = '.';
	path[1] = '/';
	path[2] = '/';
	CHECK_EQ(strlen(path), 4096);
	CHECK_ERR(access(path, F_OK), ENAMETOOLONG);
	CHECK_ERR(symlink(path, "l"), ENAMETOOLONG);
	path[4095] = '\0';
	CHECK_OK(symlink(path, "l"));
}

/* Nothing beyond the NUL is needed, and without one the fault is reported. */
TEST(paths_may_end_where_memory_ends)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + 4096, 4096));
	char name[64];
	for (size_t len = 1; len < 40; len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		touch(name);
		char *at_end = pages + 4096 - (len + 1);
		memcpy(at_end, name, len + 1);
		CHECK_OK(access(at_end, F_OK));
		memcpy(at_end + 1, name, len);
		CHECK_ERR(access(at_end + 1, F_OK), EFAULT);
		CHECK_OK(unlink(name));
	}
}

TEST(symlinks_at_most_40)
{
	char name[16], target[16];
	touch("0");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		CHECK_OK(symlink(target, name));
	}
	CHECK_OK(access("40", F_OK));
	CHECK_ERR(access("41", F_OK), ELOOP);
	CHECK_OK(symlink("self", "self"));
	CHECK_ERR(access("self", F_OK), ELOOP);
	CHECK_ERR(access("self/x", F_OK), ELOOP);
	CHECK_ERR(open("self", O_CREAT | O_RDWR, 0644), ELOOP);
	CHECK_ERR(symlink("", "e"), ENOENT);
	CHECK_ERR(symlink("x", "0"), EEXIST);
	CHECK_ERR(readlink("0", name, sizeof(name)), EINVAL);
	CHECK_ERR(syscall(SYS_readlink, "1", name, 0), EINVAL);
	CHECK_EQ(readlink("41", name, 1), 1);
	CHECK_ERR(access("1/", F_OK), ENOTDIR);
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(symlink("d", "dl"));
	struct stat st;
	CHECK_OK(lstat("dl", &st));
	CHECK(S_ISLNK(st.st_mode) && st.st_size == 1);
	CHECK_OK(lstat("dl/", &st));
	CHECK(S_ISDIR(st.st_mode));
	CHECK_ERR(unlink("dl/"), ENOTDIR);
	CHECK_ERR(rmdir("dl"), ENOTDIR);
	CHECK_ERR(mkdir("self/x", 0755), ELOOP);
	CHECK_ERR(mkdir("dl", 0755), EEXIST);
}

TEST(mkdir_and_rmdir)
{
	CHECK_OK(mkdir("d", 0777));
	CHECK_ERR(mkdir("d", 0777), EEXIST);
	CHECK_ERR(mkdir(".", 0777), EEXIST);
	CHECK_ERR(mkdir("/", 0777), EEXIST);
	CHECK_OK(mkdir("d/e/", 0777));
	CHECK_EQ(links_of("d"), 3);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_ERR(rmdir("d/e/."), EINVAL);
	CHECK_ERR(rmdir("d/e/.."), ENOTEMPTY);
	CHECK_ERR(unlink("d/e"), EISDIR);
	CHECK_ERR(unlink("d/."), EISDIR);
	CHECK_OK(rmdir("d/e/"));
	CHECK_EQ(links_of("d"), 2);
	CHECK_ERR(rmdir("d/e"), ENOENT);
	touch("f");
	CHECK_ERR(rmdir("f"), ENOTDIR);
	CHECK_ERR(mkdir("f/x", 0755), ENOTDIR);
	CHECK_ERR(unlink("f/"), ENOTDIR);
	CHECK_ERR(rmdir("/"), EBUSY);
	/* A directory that was removed under somebody. */
	CHECK_OK(chdir("d"));
	CHECK_OK(rmdir("../d"));
	CHECK_ERR(open("x", O_CREAT | O_RDWR, 0644), ENOENT);
	CHECK_ERR(mkdir("x", 0755), ENOENT);
	char cwd[64];
	CHECK_ERR(syscall(SYS_getcwd, cwd, sizeof(cwd)), ENOENT);
	CHECK_OK(access(".", F_OK));
}

TEST(rename_as_posix_says)
{
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(mkdir("d/e", 0755));
	CHECK_OK(mkdir("empty", 0755));
	touch("f");
	touch("g");
	ino_t f = ino_of("f");
	CHECK_OK(rename("f", "g"));
	CHECK_EQ(ino_of("g"), f);
	CHECK_ERR(access("f", F_OK), ENOENT);
	CHECK_ERR(rename("g", "d"), EISDIR);
	CHECK_ERR(rename("d", "g"), ENOTDIR);
	CHECK_ERR(rename("empty", "d"), ENOTEMPTY);
	CHECK_ERR(rename("d", "d/e/x"), EINVAL);
	CHECK_ERR(rename("d/e", "d"), ENOTEMPTY);
	CHECK_ERR(rename("none", "x"), ENOENT);
	CHECK_ERR(rename("d/.", "x"), EBUSY);
	CHECK_ERR(rename("d", "x/.."), ENOENT);
	CHECK_ERR(rename("g", "new/"), ENOTDIR);
	CHECK_ERR(rename("g/", "new"), ENOTDIR);
	CHECK_OK(rename("d", "new/"));
	CHECK_OK(rename("new", "d"));
	CHECK_OK(rename("d", "d"));
	CHECK_OK(rename("d/e", "empty"));
	CHECK_EQ(links_of("d"), 2);
	CHECK_OK(link("g", "h"));
	CHECK_OK(rename("g", "h"));
	CHECK_EQ(links_of("g"), 2);
	CHECK_ERR(move("g", "h", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(move("g", "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(move("g", "none", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	CHECK_OK(move("g", "empty", RENAME_EXCHANGE));
	struct stat st;
	CHECK_OK(stat("g", &st));
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(ino_of("empty"), f);
	CHECK_OK(move("h", "moved", RENAME_NOREPLACE));
}

TEST(links)
{
	touch("f");
	CHECK_OK(link("f", "g"));
	CHECK_EQ(links_of("f"), 2);
	CHECK_EQ(ino_of("f"), ino_of("g"));
	CHECK_ERR(link("f", "g"), EEXIST);
	CHECK_ERR(link("none", "h"), ENOENT);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERR(link("d", "h"), EPERM);
	CHECK_ERR(link("f", "h/"), ENOENT);
	CHECK_ERR(link("f/", "h"), ENOTDIR);
	CHECK_OK(symlink("f", "l"));
	CHECK_OK(link("l", "m"));
	struct stat st;
	CHECK_OK(lstat("m", &st));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_OK(linkat(AT_FDCWD, "l", AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	CHECK_EQ(ino_of("n"), ino_of("f"));
	CHECK_OK(unlink("f"));
	CHECK_EQ(links_of("g"), 2);
}

TEST(cwd_follows_renames)
{
	char cwd[256], start[256];
	CHECK(getcwd(start, sizeof(start)));
	CHECK_OK(mkdir("a", 0755));
	CHECK_OK(mkdir("a/b", 0755));
	CHECK_OK(chdir("a/b"));
	CHECK_OK(rename("../../a", "../../c"));
	CHECK(getcwd(cwd, sizeof(cwd)));
	CHECK(strncmp(cwd, start, strlen(start)) == 0 && strcmp(cwd + strlen(start), "/c/b") == 0);
	CHECK_ERR(syscall(SYS_getcwd, cwd, 3), ERANGE);
	CHECK_OK(chdir(".."));
	CHECK(getcwd(cwd, sizeof(cwd)));
	CHECK(strcmp(cwd + strlen(start), "/c") == 0);
	touch("f");
	CHECK_ERR(chdir("f"), ENOTDIR);
	CHECK_ERR(chdir("none"), ENOENT);
	int fd = open("f", O_RDONLY);
	CHECK_ERR(fchdir(fd), ENOTDIR);
	CHECK_ERR(fchdir(99), EBADF);
	fd = open("..", O_RDONLY);
	CHECK_OK(fchdir(fd));
	CHECK(getcwd(cwd, sizeof(cwd)));
	CHECK(strcmp(cwd, start) == 0);
	CHECK_OK(chdir("/"));
	CHECK_OK(chdir("../.."));
	CHECK(getcwd(cwd, sizeof(cwd)));
	CHECK(strcmp(cwd, "/") == 0);
}

TEST(lists_each_name_once)
{
	char name[16];
	static bool seen[1000];
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		touch(name);
	}
	DIR *dir = opendir(".");
	CHECK(dir);
	int count = 0, dots = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.') {
			dots++;
			CHECK_EQ(entry->d_type, DT_DIR);
			continue;
		}
		int i = atoi(entry->d_name);
		CHECK(!seen[i]);
		CHECK_EQ(entry->d_type, DT_REG);
		CHECK_EQ(entry->d_ino, ino_of(entry->d_name));
		seen[i] = true;
		count++;
		if (i % 2)
			CHECK_OK(unlink(entry->d_name));
	}
	CHECK_EQ(count, 1000);
	CHECK_EQ(dots, 2);
	rewinddir(dir);
	count = 0;
	while (readdir(dir))
		count++;
	CHECK_EQ(count, 502);
	char small[16];
	lseek(dirfd(dir), 0, SEEK_SET);
	CHECK_ERR(syscall(SYS_getdents64, dirfd(dir), small, sizeof(small)), EINVAL);
	char c;
	CHECK_ERR(read(dirfd(dir), &c, 1), EISDIR);
	int fd = open("0", O_RDONLY);
	CHECK_ERR(syscall(SYS_getdents64, fd, small, sizeof(small)), ENOTDIR);
}

TEST(openat2_resolves_as_asked)
{
	CHECK_OK(mkdir("d", 0755));
	touch("d/f");
	CHECK_OK(symlink("/etc", "d/out"));
	CHECK_OK(symlink("f", "d/in"));
	int dir = open("d", O_RDONLY);
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	NEEDS(syscall(SYS_openat2, dir, "f", &how, sizeof(how)));
	CHECK_OK(syscall(SYS_openat2, dir, "in", &how, sizeof(how)));
	CHECK_ERR(syscall(SYS_openat2, dir, "../d/f", &how, sizeof(how)), EXDEV);
	CHECK_ERR(syscall(SYS_openat2, dir, "out", &how, sizeof(how)), EXDEV);
	CHECK_ERR(syscall(SYS_openat2, dir, "/", &how, sizeof(how)), EXDEV);
	how.resolve = RESOLVE_IN_ROOT;
	CHECK_OK(syscall(SYS_openat2, dir, "/../../f", &how, sizeof(how)));
	CHECK_ERR(syscall(SYS_openat2, dir, "out", &how, sizeof(how)), ENOENT);
	how.resolve = RESOLVE_NO_SYMLINKS;
	CHECK_ERR(syscall(SYS_openat2, dir, "in", &how, sizeof(how)), ELOOP);
	how.resolve = 1 << 20;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", &how, sizeof(how)), EINVAL);
	how.resolve = 0;
	how.mode = 0600;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", &how, sizeof(how)), EINVAL);
	CHECK_ERR(syscall(SYS_openat2, dir, "f", &how, 8), EINVAL);
}

/* A folder that is moved out of the root while somebody is in it leads nobody past the root. */
TEST(nothing_leads_out_of_a_root)
{
	struct open_how in_root = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT},
			beneath = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	CHECK_OK(mkdir("root", 0755));
	CHECK_OK(mkdir("root/a", 0755));
	CHECK_OK(mkdir("root/a/b", 0755));
	CHECK_OK(mkdir("outside", 0755));
	CHECK_OK(close(open("secret", O_WRONLY | O_CREAT, 0600)));
	/* Links in links, so that the way is a long one. */
	CHECK_OK(symlink("a", "root/0"));
	for (int i = 1; i <= 12; i++) {
		char name[16], target[16];
		snprintf(name, sizeof(name), "root/%d", i);
		snprintf(target, sizeof(target), "%d/.", i - 1);
		CHECK_OK(symlink(target, name));
	}
	int root = open("root", O_RDONLY | O_DIRECTORY);
	NEEDS(syscall(SYS_openat2, root, "a", &in_root, sizeof(in_root)));
	pid_t pid = forked();
	if (!pid)
		for (;;) {
			CHECK_OK(rename("root/a/b", "outside/b"));
			CHECK_OK(rename("outside/b", "root/a/b"));
		}
	for (int64_t end = now_ms() + 3000; now_ms() < end;) {
		const char *way = "12/b/../../secret";
		CHECK(syscall(SYS_openat2, root, way, &in_root, sizeof(in_root)) == -1);
		CHECK(errno == ENOENT || errno == EAGAIN);
		CHECK(syscall(SYS_openat2, root, way, &beneath, sizeof(beneath)) == -1);
		CHECK(errno == ENOENT || errno == EAGAIN || errno == EXDEV);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ended(pid), -1 - SIGKILL);
}
