/* Extended attributes of files in memory. */
#include "check.h"

#include <sys/xattr.h>

static char value[70000];

/* In a file system that keeps them, here and on Linux. */
static int new_file(void)
{
	int fd = open("/dev/shm", O_RDWR | O_TMPFILE, 0644);
	CHECK(fd >= 0);
	if (fsetxattr(fd, "user.probe", "", 0, 0) && errno == EOPNOTSUPP)
		_exit(CASE_SKIPPED);
	CHECK_OK(fremovexattr(fd, "user.probe"));
	return fd;
}

TEST(values_are_kept)
{
	int fd = new_file();
	CHECK_OK(fsetxattr(fd, "user.one", "first", 5, 0));
	CHECK_OK(fsetxattr(fd, "user.two", "", 0, XATTR_CREATE));
	CHECK_EQ(fgetxattr(fd, "user.one", value, sizeof(value)), 5);
	CHECK(!memcmp(value, "first", 5));
	CHECK_EQ(fgetxattr(fd, "user.one", NULL, 0), 5);
	CHECK_EQ(fgetxattr(fd, "user.two", value, 10), 0);
	CHECK_ERR(fgetxattr(fd, "user.one", value, 4), ERANGE);
	CHECK_ERR(fgetxattr(fd, "user.three", value, 4), ENODATA);
	CHECK_OK(fsetxattr(fd, "user.one", "second", 6, XATTR_REPLACE));
	CHECK_EQ(fgetxattr(fd, "user.one", value, 6), 6);
	CHECK(!memcmp(value, "second", 6));
	CHECK_ERR(fsetxattr(fd, "user.one", "x", 1, XATTR_CREATE), EEXIST);
	CHECK_ERR(fsetxattr(fd, "user.three", "x", 1, XATTR_REPLACE), ENODATA);
	CHECK_OK(fremovexattr(fd, "user.one"));
	CHECK_ERR(fremovexattr(fd, "user.one"), ENODATA);
	CHECK_ERR(fgetxattr(fd, "user.one", value, 6), ENODATA);
}

TEST(names_are_listed)
{
	int fd = new_file();
	CHECK_EQ(flistxattr(fd, NULL, 0), 0);
	CHECK_OK(fsetxattr(fd, "user.a", "1", 1, 0));
	CHECK_OK(fsetxattr(fd, "user.long name", "2", 1, 0));
	CHECK_EQ(flistxattr(fd, NULL, 0), 22);
	CHECK_ERR(flistxattr(fd, value, 21), ERANGE);
	CHECK_EQ(flistxattr(fd, value, 22), 22);
	size_t first = strlen(value) + 1;
	CHECK((first == 7 && !strcmp(value, "user.a") && !strcmp(value + 7, "user.long name")) ||
	      (first == 15 && !strcmp(value, "user.long name") && !strcmp(value + 15, "user.a")));
	CHECK_ERR(flistxattr(fd, (void *)8, 22), EFAULT);
}

TEST(arguments_of_attributes_are_checked)
{
	int fd = new_file();
	CHECK_ERR(fsetxattr(fd, "user.", "x", 1, 0), EINVAL);
	CHECK_ERR(fsetxattr(fd, "none.x", "x", 1, 0), EOPNOTSUPP);
	CHECK_ERR(fsetxattr(fd, "user.x", (void *)8, 8, 0), EFAULT);
	CHECK_ERR(fsetxattr(fd, "user.x", value, 65537, 0), E2BIG);
	CHECK_OK(fsetxattr(fd, "user.x", value, 30000, 0));
	CHECK_EQ(fgetxattr(fd, "user.x", value, sizeof(value)), 30000);
	CHECK_ERR(fgetxattr(fd, "user.x", (void *)8, 30000), EFAULT);
}

/* user.* goes by the file's permissions, trusted.* and security.* by powers. */
TEST(others_may_do_less)
{
	int fd = new_file();
	char path[64];
	if (getuid())
		_exit(CASE_SKIPPED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_OK(setxattr(path, "user.x", "1", 1, 0));
	CHECK_OK(setxattr(path, "trusted.x", "1", 1, 0));
	CHECK_EQ(flistxattr(fd, NULL, 0), 17);
	CHECK_OK(setresuid(1000, 1000, 1000));
	CHECK_EQ(fgetxattr(fd, "user.x", value, 1), 1);
	CHECK_ERR(fsetxattr(fd, "user.x", "2", 1, 0), EACCES);
	CHECK_ERR(fremovexattr(fd, "user.x"), EACCES);
	CHECK_ERR(fgetxattr(fd, "trusted.x", value, 1), ENODATA);
	CHECK_ERR(fsetxattr(fd, "trusted.x", "2", 1, 0), EPERM);
	CHECK_ERR(fsetxattr(fd, "security.x", "2", 1, 0), EPERM);
	CHECK_EQ(flistxattr(fd, NULL, 0), 7);
}
