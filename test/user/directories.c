/* Directories: what a listing shows while names come and go, and what becomes of names that are moved and removed under their users. */
#include "check.h"

#include <dirent.h>

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
}

struct old_dirent {
	unsigned long ino, next;
	unsigned short len;
	char name[];
};

struct new_dirent {
	uint64_t ino;
	int64_t next;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* Names of 1 to 40 letters: every length of an entry there is modulo 8. */
static void make_lengths(void)
{
	for (int len = 1; len <= 40; len++) {
		char name[41] = "";
		memset(name, 'a' + len % 26, (size_t)len);
		if (len % 3)
			touch(name);
		else
			CHECK_OK(mkdir(name, 0755));
	}
}

TEST(the_old_form_says_the_same)
{
	make_lengths();
	char old_buf[8192], new_buf[8192];
	int a = open(".", O_RDONLY | O_DIRECTORY), b = open(".", O_RDONLY | O_DIRECTORY);
	NEEDS(syscall(SYS_getdents, a, old_buf, 10));
	long old_size = syscall(SYS_getdents, a, old_buf, sizeof(old_buf));
	long new_size = syscall(SYS_getdents64, b, new_buf, sizeof(new_buf));
	CHECK(old_size > 0);
	CHECK_EQ(old_size, new_size);
	int count = 0;
	for (long at = 0; at < old_size; count++) {
		const struct old_dirent *old = (void *)(old_buf + at);
		const struct new_dirent *new = (void *)(new_buf + at);
		CHECK_EQ(old->len, new->len);
		CHECK_EQ(old->ino, new->ino);
		CHECK_EQ(old->next, new->next);
		CHECK_EQ(((const char *)old)[old->len - 1], new->type);
		CHECK(strcmp(old->name, new->name) == 0);
		struct stat st;
		CHECK_OK(lstat(new->name, &st));
		CHECK_EQ(new->type, S_ISDIR(st.st_mode) ? DT_DIR : DT_REG);
		at += old->len;
	}
	CHECK_EQ(count, 42);
	CHECK_EQ(syscall(SYS_getdents, a, old_buf, sizeof(old_buf)), 0);
}

/* Entries come whole, whatever fits into a call; one that is too small says so and moves nothing. */
TEST(any_size_of_buffer_lists_everything)
{
	make_lengths();
	for (size_t size = 64; size < 300; size += 8) {
		char buf[300];
		int fd = open(".", O_RDONLY | O_DIRECTORY), count = 0;
		CHECK_ERR(syscall(SYS_getdents64, fd, buf, 23), EINVAL);
		for (long got; (got = syscall(SYS_getdents64, fd, buf, size));) {
			CHECK(got > 0);
			for (long at = 0; at < got; count++)
				at += ((const struct new_dirent *)(void *)(buf + at))->len;
		}
		CHECK_EQ(count, 42);
		CHECK_OK(close(fd));
	}
}

TEST(a_listing_that_faults_can_be_taken_again)
{
	make_lengths();
	char buf[8192];
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	CHECK_ERR(syscall(SYS_getdents64, fd, NULL, sizeof(buf)), EFAULT);
	long size = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	int count = 0;
	for (long at = 0; at < size; count++)
		at += ((const struct new_dirent *)(void *)(buf + at))->len;
	CHECK_EQ(count, 42);
}

/* Of 200 names that stay, each is seen once, while others are made, moved and removed under the listing. */
TEST(names_that_stay_are_seen_once)
{
	char name[40], other[100], buf[256];
	int seen[200] = {0};
	CHECK_OK(mkdir("aside", 0755));
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "stay%d", i);
		touch(name);
		snprintf(name, sizeof(name), "go%d", i);
		touch(name);
	}
	int fd = open(".", O_RDONLY | O_DIRECTORY), step = 0;
	for (long got; (got = syscall(SYS_getdents64, fd, buf, sizeof(buf)));) {
		CHECK(got > 0);
		for (long at = 0; at < got;) {
			const struct new_dirent *entry = (void *)(buf + at);
			if (strncmp(entry->name, "stay", 4) == 0)
				seen[atoi(entry->name + 4)]++;
			at += entry->len;
		}
		if (step >= 200)
			continue;
		snprintf(name, sizeof(name), "go%d", step);
		switch (step++ % 4) {
		case 0: CHECK_OK(unlink(name)); break;
		case 1:
			snprintf(other, sizeof(other),
			    "%s-with-a-name-that-is-much-longer-than-before", name);
			CHECK_OK(rename(name, other));
			break;
		case 2:
			snprintf(other, sizeof(other), "aside/%s", name);
			CHECK_OK(rename(name, other));
			break;
		default:
			snprintf(other, sizeof(other), "new%d", step);
			touch(other);
			CHECK_OK(rename(other, name));
		}
	}
	for (int i = 0; i < 200; i++)
		CHECK_EQ(seen[i], 1);
}

/* Every pair of lengths, there and back: the name is found by its new text only, and the file is the same. */
TEST(names_of_any_length_become_any_other)
{
	static const int lengths[] = {1, 7, 8, 9, 27, 28, 29, 39, 40, 60, 61, 255};
	enum { COUNT = sizeof(lengths) / sizeof(lengths[0]) };
	char from[256], to[256];
	CHECK_OK(mkdir("d", 0755));
	int dir = open("d", O_RDONLY | O_DIRECTORY);
	for (int a = 0; a < COUNT; a++)
		for (int b = 0; b < COUNT; b++) {
			memset(from, 'f', sizeof(from));
			memset(to, 't', sizeof(to));
			from[lengths[a]] = to[lengths[b]] = '\0';
			touch(from);
			struct stat st;
			CHECK_OK(lstat(from, &st));
			ino_t ino = st.st_ino;
			CHECK_OK(rename(from, to));
			CHECK_ERR(lstat(from, &st), ENOENT);
			CHECK_OK(lstat(to, &st));
			CHECK_EQ(st.st_ino, ino);
			CHECK_OK(renameat(AT_FDCWD, to, dir, from));
			CHECK_ERR(lstat(to, &st), ENOENT);
			CHECK_OK(fstatat(dir, from, &st, 0));
			CHECK_EQ(st.st_ino, ino);
			CHECK_OK(unlinkat(dir, from, 0));
		}
}

/* linkat: only what O_TMPFILE made, without O_EXCL, may get a first name; and only once. */
TEST(what_was_deleted_gets_no_name_again)
{
	char link[40];
	touch("f");
	int fd = open("f", O_RDWR);
	CHECK_OK(unlink("f"));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK_ERR(linkat(AT_FDCWD, link, AT_FDCWD, "g", AT_SYMLINK_FOLLOW), ENOENT);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return; /* not every file system has them */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK_OK(linkat(AT_FDCWD, link, AT_FDCWD, "g", AT_SYMLINK_FOLLOW));
	CHECK_OK(linkat(AT_FDCWD, link, AT_FDCWD, "h", AT_SYMLINK_FOLLOW));
	CHECK_OK(unlink("g"));
	CHECK_OK(unlink("h"));
	CHECK_ERR(linkat(AT_FDCWD, link, AT_FDCWD, "g", AT_SYMLINK_FOLLOW), ENOENT);
	fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK_ERR(linkat(AT_FDCWD, link, AT_FDCWD, "g", AT_SYMLINK_FOLLOW), ENOENT);
}

TEST(names_that_are_no_names_cannot_be_made)
{
	CHECK_ERR(open(".", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK_ERR(open(".", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERR(open("/", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERR(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK_ERR(mkdir(".", 0755), EEXIST);
	CHECK_ERR(rename(".", "x"), EBUSY);
	CHECK_ERR(rmdir("."), EINVAL);
	CHECK_ERR(rmdir(".."), ENOTEMPTY);
}

/* Two names of one file: nothing happens, and nobody is asked. */
TEST(a_rename_to_itself_needs_no_rights)
{
	CHECK_OK(mkdir("d", 0755));
	touch("d/a");
	CHECK_OK(link("d/a", "d/b"));
	CHECK_OK(chmod("d", 0555));
	pid_t pid = forked();
	if (pid == 0) {
		if (geteuid() == 0)
			CHECK_OK(setresuid(54324, 54324, 54324));
		if (access("d/a", F_OK) < 0)
			_exit(0); /* the folder is not everybody's */
		CHECK_OK(rename("d/a", "d/b"));
		CHECK_ERR(rename("d/a", "d/c"), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	struct stat st;
	CHECK_OK(stat("d/a", &st));
	CHECK_EQ(st.st_nlink, 2);
}

/* Who stands in a directory that is gone, or has a file of it open, goes on with what is left. */
TEST(a_removed_directory_is_empty_for_good)
{
	char buf[512];
	CHECK_OK(mkdir("d", 0755));
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_OK(chdir("d"));
	CHECK_OK(rmdir("../d"));
	struct stat st;
	CHECK_OK(stat(".", &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_ERR(open("new", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERR(mkdir("new", 0755), ENOENT);
	CHECK_ERR(symlink("x", "new"), ENOENT);
	CHECK_ERR(rename("../other", "new"), ENOENT);
	CHECK_ERR(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	CHECK_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_OK(mkdir("../d", 0755)); /* another of that name */
	CHECK_ERR(openat(fd, "new", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_OK(chdir(".."));
	CHECK_OK(rmdir("d"));
}

enum { DIRS = 4, FILES = 8, RACERS = 4 };

static unsigned next_random(unsigned *seed)
{
	return (*seed = *seed * 1103515245 + 12345) >> 16;
}

/* A name in one of the directories, which themselves are moved into each other. */
static void pick(unsigned *seed, char *path, size_t size)
{
	snprintf(
	    path, size, "%c/%c", 'A' + next_random(seed) % DIRS, 'a' + next_random(seed) % FILES);
	if (next_random(seed) % 8 == 0)
		snprintf(path, size, "%c/%c", 'A' + next_random(seed) % DIRS,
		    'A' + next_random(seed) % DIRS);
	else if (next_random(seed) % 8 == 0)
		snprintf(path, size, "%c", 'A' + next_random(seed) % DIRS);
}

static void race(unsigned seed, int turns)
{
	char from[8], to[8], buf[1024];
	for (int i = 0; i < turns; i++) {
		pick(&seed, from, sizeof(from));
		pick(&seed, to, sizeof(to));
		int fd;
		switch (next_random(&seed) % 10) {
		case 0:
			if ((fd = open(from, O_RDWR | O_CREAT, 0644)) >= 0)
				close(fd);
			break;
		case 1: unlink(from); break;
		case 2: mkdir(from, 0755); break;
		case 3: rmdir(from); break;
		case 4: link(from, to); break;
		case 5:
			syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to,
			    1 + next_random(&seed) % 2);
			break;
		case 6:
			if ((fd = open(from, O_RDONLY | O_DIRECTORY)) >= 0) {
				syscall(SYS_getdents64, fd, buf, sizeof(buf));
				close(fd);
			}
			break;
		default: rename(from, to);
		}
	}
}

/* Counts what is below and checks it: directories that are in a directory are its links, but two. */
static int check_tree(int dir)
{
	struct stat st, below;
	CHECK_OK(fstat(dir, &st));
	DIR *list = fdopendir(dup(dir));
	CHECK(list);
	int count = 0;
	long links = 2;
	for (struct dirent *entry; (entry = readdir(list));) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		CHECK_OK(fstatat(dir, entry->d_name, &below, AT_SYMLINK_NOFOLLOW));
		CHECK_EQ(below.st_ino, entry->d_ino);
		CHECK(below.st_nlink > 0);
		int flags = S_ISDIR(below.st_mode) ? AT_REMOVEDIR : 0;
		if (flags) {
			int child = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY);
			CHECK(child >= 0);
			links++;
			count += check_tree(child);
			CHECK_OK(close(child));
		}
		CHECK_OK(unlinkat(dir, entry->d_name, flags));
	}
	closedir(list);
	/* Not every file system counts so; one that does not says 1 always. */
	CHECK(st.st_nlink == 1 || (long)st.st_nlink == links);
	return count;
}

/* Whatever order things happen in, a whole tree is left, of which every part can be removed. */
TEST(storms_of_renames_leave_a_tree)
{
	for (int round = 0; round < 3; round++) {
		CHECK_OK(mkdir("arena", 0755));
		CHECK_OK(chdir("arena"));
		pid_t pids[RACERS];
		for (int i = 0; i < RACERS; i++) {
			pids[i] = forked();
			if (pids[i] == 0) {
				race((unsigned)(round * RACERS + i) * 7919 + 1, 4000);
				_exit(0);
			}
		}
		for (int i = 0; i < RACERS; i++)
			CHECK_EQ(ended(pids[i]), 0);
		int fd = open(".", O_RDONLY | O_DIRECTORY);
		check_tree(fd);
		CHECK_OK(close(fd));
		CHECK_OK(chdir(".."));
		CHECK_OK(rmdir("arena"));
	}
}
