/* Names: hard and symbolic links, renames, folders, and how long names and paths may be. */
#include "files.h"

#include <dirent.h>

TEST(links_count)
{
	struct stat a, b;
	close(make_file("f", "text"));
	CHECK_OK(link("f", "g"));
	CHECK_OK(stat("f", &a));
	CHECK_OK(stat("g", &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_nlink, 2);
	CHECK_ERR(link("f", "g"), EEXIST);
	CHECK_ERR(link(".", "h"), EPERM);
	CHECK_ERR(link("none", "h"), ENOENT);
	CHECK_OK(unlink("f"));
	CHECK_OK(stat("g", &b));
	CHECK_EQ(b.st_nlink, 1);
	CHECK_ERR(unlink("f"), ENOENT);
	CHECK_ERR(unlink("."), EISDIR);
	int fd = open("g", O_RDONLY);
	CHECK_OK(unlink("g"));
	CHECK_OK(fstat(fd, &b));
	CHECK_EQ(b.st_nlink, 0);
	char got[4];
	CHECK_EQ(read(fd, got, 4), 4);
}

/* A descriptor is no right to give the file a name, unless who has it could search for it anywhere. */
TEST(a_descriptor_is_no_name)
{
	if (getuid())
		_exit(CASE_SKIPPED);
	int fd = open("file", O_RDWR | O_CREAT, 0666);
	CHECK(fd >= 0);
	CHECK_OK(linkat(fd, "", AT_FDCWD, "by root", AT_EMPTY_PATH));
	CHECK_OK(chmod(".", 0777));
	CHECK_OK(setresuid(54321, 54321, 54321));
	CHECK_ERR(linkat(fd, "", AT_FDCWD, "by another", AT_EMPTY_PATH), ENOENT);
}

TEST(symbolic_links)
{
	char got[16];
	struct stat st;
	close(make_file("f", "text"));
	CHECK_OK(symlink("f", "s"));
	CHECK_EQ(readlink("s", got, sizeof(got)), 1);
	CHECK_OK(symlink("0123456789", "t"));
	CHECK_EQ(readlink("t", got, 4), 4); /* cut, not an error */
	CHECK_ERR(readlink("f", got, 4), EINVAL);
	CHECK_ERR(syscall(SYS_readlink, "s", got, 0), EINVAL);
	CHECK_OK(lstat("s", &st));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_size, 1);
	CHECK_OK(stat("s", &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_ERR(symlink("", "u"), ENOENT);
	CHECK_ERR(symlink("x", "s"), EEXIST);
	CHECK_ERR(stat("t", &st), ENOENT);
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(symlink("../f", "d/up"));
	CHECK_EQ(size_of("d/up"), 4);
	CHECK_OK(unlink("s"));
	CHECK_EQ(size_of("f"), 4);
	char name[16] = "f", next[16];
	for (int i = 0; i < 45; i++) {
		snprintf(next, sizeof(next), "c%d", i);
		CHECK_OK(symlink(name, next));
		strcpy(name, next);
	}
	CHECK_OK(stat("c39", &st));
	CHECK_ERR(stat("c40", &st), ELOOP);
}

TEST(rename_replaces)
{
	close(make_file("f", "f"));
	close(make_file("g", "gg"));
	CHECK_OK(rename("f", "g"));
	CHECK_EQ(size_of("g"), 1);
	CHECK_ERR(rename("f", "g"), ENOENT);
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(mkdir("d/e", 0755));
	CHECK_ERR(rename("g", "d"), EISDIR);
	CHECK_ERR(rename("d", "g"), ENOTDIR);
	CHECK_ERR(rename("d", "d/e/x"), EINVAL);
	CHECK_OK(mkdir("empty", 0755));
	CHECK_OK(rename("empty", "d/e"));
	CHECK_ERR(rename("d/e", "d"), ENOTEMPTY);
	CHECK_OK(rename("g", "g"));
	CHECK_OK(link("g", "h"));
	CHECK_OK(rename("g", "h")); /* two names of one file: nothing happens */
	CHECK_EQ(size_of("g"), 1);
	CHECK_ERR(rename(".", "x"), EBUSY);
	NEEDS(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "g2", 0));
	CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "g2", AT_FDCWD, "h", 1), EEXIST);
	close(make_file("i", "iii"));
	CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "g2", AT_FDCWD, "i", 2));
	CHECK_EQ(size_of("g2"), 3);
	CHECK_EQ(size_of("i"), 1);
}

TEST(folders)
{
	struct stat st;
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERR(mkdir("d", 0755), EEXIST);
	CHECK_OK(mkdir("d/e/", 0755));
	CHECK_OK(stat("d", &st));
	CHECK(S_ISDIR(st.st_mode));
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_ERR(rmdir("d/e/."), EINVAL);
	CHECK_ERR(rmdir("d/e/.."), ENOTEMPTY);
	CHECK_ERR(unlink("d/e"), EISDIR);
	CHECK_OK(chdir("d/e"));
	CHECK_OK(rmdir("../e"));
	CHECK_ERR(open("f", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_ERR(syscall(SYS_getcwd, (char[4096]){0}, 4096), ENOENT);
	CHECK_OK(chdir(".."));
	close(make_file("f", ""));
	CHECK_ERR(rmdir("f"), ENOTDIR);
	CHECK_ERR(mkdir("f/x", 0755), ENOTDIR);
	CHECK_ERR(chdir("f"), ENOTDIR);
}

TEST(reading_a_folder_gives_each_name_once)
{
	enum { COUNT = 3000 };
	static char seen[COUNT];
	char name[16];
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(chdir("d"));
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		CHECK_OK(close(open(name, O_WRONLY | O_CREAT, 0600)));
	}
	DIR *folder = opendir(".");
	struct dirent *entry;
	int dots = 0, count = 0;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.') {
			dots++;
			CHECK_EQ(entry->d_type, DT_DIR);
			continue;
		}
		int i = atoi(entry->d_name + 1);
		CHECK(i >= 0 && i < COUNT && !seen[i]);
		CHECK_EQ(entry->d_type, DT_REG);
		seen[i] = 1;
		count++;
		CHECK_OK(unlink(entry->d_name)); /* while it is read */
	}
	CHECK_EQ(dots, 2);
	CHECK_EQ(count, COUNT);
	rewinddir(folder);
	for (count = 0; readdir(folder); count++)
		;
	CHECK_EQ(count, 2);
	char small[8];
	CHECK_OK(lseek(dirfd(folder), 0, SEEK_SET));
	CHECK_ERR(syscall(SYS_getdents64, dirfd(folder), small, sizeof(small)), EINVAL);
}

TEST(names_of_255_and_256_bytes)
{
	char name[300];
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	CHECK_OK(close(open(name, O_WRONLY | O_CREAT, 0644)));
	CHECK_OK(access(name, F_OK));
	CHECK_OK(rename(name, "short"));
	CHECK_OK(rename("short", name));
	DIR *folder = opendir(".");
	struct dirent *entry;
	bool found = false;
	while ((entry = readdir(folder)))
		found |= strcmp(entry->d_name, name) == 0;
	CHECK(found);
	CHECK_OK(unlink(name));
	name[255] = 'n';
	name[256] = '\0';
	CHECK_ERR(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	CHECK_ERR(mkdir(name, 0755), ENAMETOOLONG);
	CHECK_ERR(access(name, F_OK), ENAMETOOLONG);
	CHECK_ERR(symlink("x", name), ENAMETOOLONG);
}

TEST(paths_of_4095_and_4096_bytes)
{
	static char path[5000];
	close(make_file("f", "four"));
	while (strlen(path) < 4094)
		strcat(path, "./");
	strcat(path, "f");
	CHECK_EQ(strlen(path), 4095);
	CHECK_EQ(size_of(path), 4);
	strcpy(path + 4094, "//f");
	CHECK_ERR(access(path, F_OK), ENAMETOOLONG);
	strcpy(path + 4094, "/f");
	CHECK_EQ(strlen(path), 4096);
	CHECK_ERR(access(path, F_OK), ENAMETOOLONG);
	memset(path, 'a', 4096);
	CHECK_ERR(symlink(path, "s"), ENAMETOOLONG);
}

TEST(deep_folders)
{
	char cwd[4096];
	for (int i = 0; i < 200; i++) {
		CHECK_OK(mkdir("deeper", 0755));
		CHECK_OK(chdir("deeper"));
	}
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	CHECK(strlen(cwd) > 1400);
	CHECK_OK(chdir(cwd));
	CHECK_ERR(syscall(SYS_getcwd, cwd, 100), ERANGE);
	for (int i = 0; i < 200; i++) {
		CHECK_OK(chdir(".."));
		CHECK_OK(rmdir("deeper"));
	}
}
