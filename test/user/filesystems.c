/* File systems as a whole, and hints at what of them is to be in memory. */
#include "check.h"

#include <sys/socket.h>
#include <sys/vfs.h>

enum { INDEX = 1, NAME, COUNT }; /* of sysfs(2) */

TEST(kinds_of_file_systems_have_numbers)
{
	char name[64];
	long count = syscall(SYS_sysfs, COUNT), index = syscall(SYS_sysfs, INDEX, "tmpfs");
	CHECK(count > 0);
	CHECK(index >= 0 && index < count);
	CHECK_OK(syscall(SYS_sysfs, NAME, index, name));
	CHECK(!strcmp(name, "tmpfs"));
	CHECK_ERR(syscall(SYS_sysfs, NAME, count, name), EINVAL);
	CHECK_ERR(syscall(SYS_sysfs, INDEX, "no such kind"), EINVAL);
	CHECK_ERR(syscall(SYS_sysfs, INDEX, 8L), EFAULT);
	CHECK_ERR(syscall(SYS_sysfs, NAME, index, 8L), EFAULT);
	CHECK_ERR(syscall(SYS_sysfs, 99), EINVAL);
}

TEST(devices_tell_their_room)
{
	struct stat st;
	struct {
		int free_blocks;
		unsigned long free_inodes;
		char names[12];
	} room;
	CHECK_OK(stat("/dev/shm", &st));
	CHECK_OK(syscall(SYS_ustat, st.st_dev, &room));
	CHECK_ERR(syscall(SYS_ustat, 0xfffffff, &room), EINVAL);
	CHECK_ERR(syscall(SYS_ustat, st.st_dev, 8L), EFAULT);
}

TEST(hints_are_checked)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600), writer = open("file", O_WRONLY), ends[2];
	CHECK(fd >= 0);
	CHECK_OK(pipe(ends));
	CHECK_OK(readahead(fd, 0, 4096));
	CHECK_ERR(readahead(writer, 0, 4096), EBADF);
	CHECK_ERR(readahead(ends[0], 0, 4096), EINVAL);
	CHECK_ERR(readahead(-1, 0, 4096), EBADF);
	CHECK_OK(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
	CHECK_ERR(sync_file_range(fd, -1, 1, 0), EINVAL);
	CHECK_ERR(sync_file_range(fd, 0, -1, 0), EINVAL);
	CHECK_ERR(sync_file_range(fd, 0, 1, 8), EINVAL);
	CHECK_ERR(sync_file_range(ends[0], 0, 1, 0), ESPIPE);
	CHECK_ERR(sync_file_range(-1, 0, 1, 0), EBADF);
}

TEST(families_without_a_protocol_are_refused)
{
	int pair[2];
	CHECK_ERR(socket(1000, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR(socket(AF_UNIX, 0x10000 | SOCK_STREAM, 0), EINVAL);
	CHECK_ERR(socket(AF_UNIX, 15, 0), EINVAL);
	CHECK_ERR(socketpair(1000, SOCK_STREAM, 0, pair), EAFNOSUPPORT);
}

/* Neither end has positions, whether it could be read or written or not. */
TEST(pipes_have_no_positions)
{
	int ends[2];
	char c = 0;
	CHECK_OK(pipe(ends));
	for (int i = 0; i < 2; i++) {
		CHECK_ERR(pread(ends[i], &c, 1, 0), ESPIPE);
		CHECK_ERR(pwrite(ends[i], &c, 1, 0), ESPIPE);
		CHECK_ERR(lseek(ends[i], 0, SEEK_CUR), ESPIPE);
	}
	CHECK_ERR(pread(-1, &c, 1, 0), EBADF);
}

TEST(a_file_knows_who_made_it)
{
	enum { F_CREATED = 1028 };
	int made = open("file", O_RDWR | O_CREAT, 0600),
	    found = open("file", O_RDWR | O_CREAT, 0600), ends[2];
	CHECK_OK(pipe(ends));
	CHECK_EQ(fcntl(made, F_CREATED), 1);
	CHECK_EQ(fcntl(dup(made), F_CREATED), 1);
	CHECK_EQ(fcntl(found, F_CREATED), 0);
	CHECK_EQ(fcntl(ends[0], F_CREATED), 0);
}

static long open_how(const char *path, uint64_t flags, uint64_t resolve)
{
	uint64_t how[3] = {flags, flags & O_CREAT ? 0600 : 0, resolve};
	return syscall(SYS_openat2, AT_FDCWD, path, how, sizeof(how));
}

TEST(creation_keeps_to_the_rules_of_links)
{
	enum { NO_MAGIC = 2, NO_SYMLINKS = 4, BENEATH = 8 };
	CHECK_OK(symlink("target", "link"));
	CHECK_ERR(open_how("link", O_RDWR | O_CREAT, NO_SYMLINKS), ELOOP);
	CHECK_ERR(access("target", F_OK), ENOENT);
	CHECK_OK(open_how("target", O_RDWR | O_CREAT, NO_SYMLINKS));
	CHECK_ERR(open_how("link", O_RDWR | O_CREAT, NO_SYMLINKS), ELOOP);
	CHECK_OK(open_how("link", O_RDWR | O_CREAT, 0));
	CHECK_OK(open_how("link", O_RDWR | O_CREAT, BENEATH));
	CHECK_ERR(open_how("/proc/self/exe", O_RDONLY | O_CREAT, NO_MAGIC), ELOOP);
	CHECK_ERR(open_how("/proc/self/exe", O_RDONLY | O_CREAT, BENEATH), EXDEV);
	CHECK_OK(mkdir("dir", 0700));
	CHECK_OK(symlink("../target", "dir/up"));
	CHECK_OK(chdir("dir"));
	CHECK_ERR(open_how("up", O_RDWR | O_CREAT, BENEATH), EXDEV);
}

/* A C library may extend the sign of a request. */
TEST(requests_have_32_bits)
{
	int random = open("/dev/urandom", O_RDONLY), bits = -1;
	CHECK_OK(syscall(SYS_ioctl, random, 0xffffffff80045200ull, &bits));
	CHECK(bits > 0);
}

TEST(settings_refuse_nonsense)
{
	int fd = open("/proc/sys/fs/pipe-max-size", O_WRONLY);
	if (fd < 0 && (errno == EACCES || errno == EROFS))
		_exit(CASE_SKIPPED);
	CHECK_ERR(pwrite(fd, "many", 4, 0), EINVAL);
}

TEST(cached_pages_are_counted)
{
	struct {
		uint64_t start, len;
	} range = {0, 0}, middle = {4096, 8192};
	struct {
		uint64_t cached, rest[4];
	} found;
	enum { CACHESTAT = 451 };
	int fd = open("/dev/shm", O_RDWR | O_TMPFILE, 0600);
	CHECK(fd >= 0);
	NEEDS(syscall(CACHESTAT, fd, &range, &found, 0));
	CHECK_EQ(found.cached, 0);
	CHECK_OK(ftruncate(fd, 100 * 4096));
	for (int i = 0; i < 5; i++)
		CHECK_EQ(pwrite(fd, "x", 1, i * 4096L * (i == 4 ? 20 : 1)), 1);
	CHECK_OK(syscall(CACHESTAT, fd, &range, &found, 0));
	CHECK_EQ(found.cached, 5);
	CHECK_OK(syscall(CACHESTAT, fd, &middle, &found, 0));
	CHECK_EQ(found.cached, 2);
	CHECK_ERR(syscall(CACHESTAT, fd, &range, &found, 1), EINVAL);
	CHECK_ERR(syscall(CACHESTAT, fd, 8L, &found, 0), EFAULT);
	CHECK_ERR(syscall(CACHESTAT, fd, &range, 8L, 0), EFAULT);
	CHECK_ERR(syscall(CACHESTAT, -1, &range, &found, 0), EBADF);
}

static void make_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	close(fd);
}

TEST(a_mount_outlives_the_name_of_what_is_mounted)
{
	char line[5000], end[] = "/case/place ";
	bool is_there = false;
	if (!may_mount())
		return;
	make_file("file");
	make_file("place");
	CHECK_OK(mount("file", "place", NULL, MS_BIND, NULL));
	CHECK_OK(unlink("file"));
	FILE *mounts = fopen("/proc/self/mounts", "r");
	while (mounts && fgets(line, sizeof(line), mounts))
		is_there |= strstr(line, end) != NULL;
	CHECK(is_there);
	CHECK_OK(umount("place"));
}

TEST(nothing_is_mounted_on_what_has_no_name)
{
	char path[40];
	if (!may_mount())
		return;
	make_file("file");
	make_file("gone");
	int fd = open("gone", O_RDONLY);
	CHECK_OK(unlink("gone"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERR(mount("file", path, NULL, MS_BIND, NULL), ENOENT);
}

/* What is made up at each look-up can hide nothing; then mount(2) must not say that it does. */
TEST(what_is_mounted_is_seen)
{
	struct statfs info;
	if (!may_mount())
		return;
	if (mount("none", "/proc/sys", "tmpfs", 0, NULL)) {
		CHECK_EQ(errno, ENOENT);
		return;
	}
	CHECK_OK(statfs("/proc/sys", &info));
	CHECK_EQ(info.f_type, 0x01021994); /* TMPFS_MAGIC */
	CHECK_OK(umount("/proc/sys"));
}
