/* Files by handle: name_to_handle_at(2), open_by_handle_at(2). */
#include "check.h"

struct handle {
	unsigned bytes;
	int type;
	unsigned char data[128];
};

static int handle_of(int dir, const char *name, struct handle *handle, int flags)
{
	int mount;
	handle->bytes = sizeof(handle->data);
	int result = (int)syscall(SYS_name_to_handle_at, dir, name, handle, &mount, flags);
	if (result && (errno == ENOSYS || errno == EOPNOTSUPP))
		_exit(CASE_SKIPPED);
	return result;
}

static int open_it(int dir, const struct handle *handle, int flags)
{
	return (int)syscall(SYS_open_by_handle_at, dir, handle, flags);
}

TEST(a_file_is_opened_by_its_handle)
{
	struct handle one, two;
	struct stat a, b;
	CHECK_OK(mkdir("dir", 0755));
	int fd = open("dir/file", O_RDWR | O_CREAT, 0600), here = open(".", O_RDONLY);
	CHECK_OK(handle_of(here, "dir/file", &one, 0));
	CHECK_OK(handle_of(fd, "", &two, AT_EMPTY_PATH));
	CHECK_EQ(one.bytes, two.bytes);
	CHECK(!memcmp(one.data, two.data, one.bytes));
	CHECK_OK(rename("dir/file", "moved"));
	int other = open_it(here, &one, O_RDWR);
	if (other < 0 && (errno == EPERM || errno == ENOSYS))
		_exit(CASE_SKIPPED); /* only with the power to search everything */
	CHECK(other >= 0);
	CHECK_OK(fstat(fd, &a));
	CHECK_OK(fstat(other, &b));
	CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	CHECK_EQ(write(other, "abc", 3), 3);
	CHECK_OK(handle_of(AT_FDCWD, "dir", &two, 0));
	CHECK(memcmp(one.data, two.data, one.bytes));
	other = open_it(AT_FDCWD, &two, O_RDONLY | O_DIRECTORY);
	CHECK(other >= 0);
	CHECK_OK(symlinkat("target", other, "link"));
	CHECK_OK(handle_of(AT_FDCWD, "dir/link", &two, 0));
	CHECK_ERR(open_it(here, &two, O_RDONLY), ELOOP);
	CHECK(open_it(here, &two, O_PATH) >= 0);
	CHECK_OK(unlink("dir/link"));
}

TEST(what_is_wrong_with_handles)
{
	struct handle handle = {0};
	int mount, fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_OK(handle_of(AT_FDCWD, "file", &handle, 0));
	struct handle small = {.bytes = 0}, big = {.bytes = 129};
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &small, &mount, 0), EOVERFLOW);
	CHECK_EQ(small.bytes, handle.bytes);
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &big, &mount, 0), EINVAL);
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &handle, &mount, -1), EINVAL);
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "", &handle, &mount, 0), ENOENT);
	CHECK_ERR(syscall(SYS_name_to_handle_at, fd, "file", &handle, &mount, 0), ENOTDIR);
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", (void *)1, &mount, 0), EFAULT);
	CHECK_ERR(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &handle, (void *)1, 0), EFAULT);
	int other = open_it(AT_FDCWD, &handle, O_RDWR);
	if (other < 0)
		_exit(CASE_SKIPPED);
	CHECK_ERR(open_it(-1, &handle, O_RDWR), EBADF);
	CHECK_ERR(open_it(AT_FDCWD, (void *)1, O_RDWR), EFAULT);
	CHECK_ERR(open_it(AT_FDCWD, &big, O_RDWR), EINVAL);
	CHECK_OK(setuid(65534));
	CHECK_ERR(open_it(AT_FDCWD, &handle, O_RDWR), EPERM);
}

TEST(a_handle_of_a_deleted_file_is_stale)
{
	struct handle handle = {0};
	close(open("file", O_RDWR | O_CREAT, 0600));
	CHECK_OK(handle_of(AT_FDCWD, "file", &handle, 0));
	int fd = open_it(AT_FDCWD, &handle, O_RDWR);
	if (fd < 0)
		_exit(CASE_SKIPPED);
	close(fd);
	CHECK_OK(unlink("file"));
	CHECK_ERR(open_it(AT_FDCWD, &handle, O_RDWR), ESTALE);
}
