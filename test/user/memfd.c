/* Files in memory without a name, and what can be promised about them: memfd_create, F_ADD_SEALS. */
#include "check.h"

#include <sys/syscall.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC        16U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS   1033
#define F_GET_SEALS   1034
#define F_SEAL_SEAL   1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW   4
#define F_SEAL_WRITE  8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static const size_t page = 4096;

static int make(const char *name, unsigned flags)
{
	return (int)syscall(SYS_memfd_create, name, flags);
}

static int make_sealable(void)
{
	int fd = make("test", MFD_ALLOW_SEALING);
	CHECK(fd >= 0 && ftruncate(fd, 4 * (off_t)page) == 0);
	return fd;
}

static void *map(int fd, int prot, int flags)
{
	return mmap(NULL, 4 * page, prot, flags, fd, 0);
}

#define CHECK_NO_MAP(call, error) CHECK_ERR((call) == MAP_FAILED ? -1 : 0, error)

TEST(it_is_a_file)
{
	int fd = make("a name", MFD_CLOEXEC);
	char buf[100] = {0}, path[40];
	struct stat st;
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
	      st.st_uid == geteuid());
	CHECK((st.st_mode & 0777) == 0777 && st.st_nlink == 0);
	CHECK(write(fd, "hello", 5) == 5 && pread(fd, buf, 10, 0) == 5);
	CHECK(strcmp(buf, "hello") == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(buf, 0, sizeof(buf));
	CHECK(readlink(path, buf, sizeof(buf)) > 0 && strcmp(buf, "/memfd:a name (deleted)") == 0);
	int again = open(path, O_RDONLY);
	CHECK(again >= 0 && read(again, buf, 10) == 5);
	CHECK_ERR(write(again, "x", 1), EBADF);
	char *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(shared != MAP_FAILED);
	shared[0] = 'j';
	CHECK(pread(fd, buf, 5, 0) == 5 && memcmp(buf, "jello", 5) == 0);
	CHECK(close(fd) == 0 && shared[1] == 'e');
}

TEST(arguments_are_checked)
{
	char name[300];
	memset(name, 'n', sizeof(name));
	name[249] = 0;
	CHECK(make(name, 0) >= 0 && make("", 0) >= 0);
	name[249] = 'n';
	name[250] = 0;
	CHECK_ERR(make(name, 0), EINVAL);
	CHECK_ERR(make((char *)1, 0), EFAULT);
	CHECK_ERR(make("x", 0x100), EINVAL);
	int fd = make_sealable();
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = open(path, O_RDONLY), ends[2];
	CHECK_ERR(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK(pipe(ends) == 0);
	CHECK_ERR(fcntl(ends[1], F_ADD_SEALS, F_SEAL_GROW), EINVAL);
	CHECK_ERR(fcntl(ends[0], F_GET_SEALS), EINVAL);
	fd = make("x", 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

TEST(sizes_can_be_sealed)
{
	int fd = make_sealable();
	char buf[3 * 4096];
	memset(buf, 1, sizeof(buf));
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	CHECK_ERR(ftruncate(fd, 1), EPERM);
	CHECK(ftruncate(fd, 5 * (off_t)page) == 0);
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERR(open(path, O_RDWR | O_TRUNC), EPERM);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
	CHECK_ERR(ftruncate(fd, 6 * (off_t)page), EPERM);
	CHECK(ftruncate(fd, 5 * (off_t)page) == 0);
	CHECK_ERR(pwrite(fd, "x", 1, 5 * (off_t)page), EPERM);
	CHECK_EQ(pwrite(fd, buf, sizeof(buf), 3 * (off_t)page), 2 * page);
	CHECK_ERR(fallocate(fd, 0, 4 * (off_t)page, 2 * (off_t)page), EPERM);
	CHECK(fallocate(fd, 0, 0, 2 * (off_t)page) == 0);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page) == 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

TEST(writing_can_be_sealed)
{
	int fd = make_sealable();
	char *shared = map(fd, PROT_READ, MAP_SHARED),
	     *copy = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK(shared != MAP_FAILED && copy != MAP_FAILED);
	/* It could become writable. */
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	/* So could what is left after a fork, or was moved. */
	CHECK(munmap(shared, page) == 0);
	shared = mremap(shared + page, 3 * page, 8 * page, MREMAP_MAYMOVE);
	CHECK(shared != MAP_FAILED);
	int ends[2], status;
	char byte;
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	CHECK(munmap(shared, 8 * page) == 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK(close(ends[1]) == 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	copy[0] = 7;
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR(pwrite(fd, "x", 1, 10 * (off_t)page), EPERM);
	CHECK(write(fd, "x", 0) == 0);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page), EPERM);
	CHECK_NO_MAP(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
	copy = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK(copy != MAP_FAILED && copy[0] == 0);
	copy[0] = 1;
	shared = map(fd, PROT_READ, MAP_SHARED);
	if (shared != MAP_FAILED) { /* before 6.7 not even that */
		CHECK(shared[0] == 0);
		CHECK_ERR(mprotect(shared, page, PROT_READ | PROT_WRITE), EACCES);
	}
	CHECK(ftruncate(fd, (off_t)page) == 0 && ftruncate(fd, 2 * (off_t)page) == 0);
}

TEST(future_writing_can_be_sealed)
{
	int fd = make_sealable();
	char *shared = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), byte;
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
	shared[5] = 9;
	CHECK(pread(fd, &byte, 1, 5) == 1 && byte == 9);
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page), EPERM);
	CHECK_ERR(madvise(shared, page, MADV_REMOVE), EPERM);
	CHECK_EQ(shared[5], 9);
	CHECK_NO_MAP(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
	char *reader = map(fd, PROT_READ, MAP_SHARED);
	CHECK(reader != MAP_FAILED && reader[5] == 9);
	CHECK_ERR(mprotect(reader, page, PROT_READ | PROT_WRITE), EACCES);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EBUSY);
	CHECK(munmap(shared, 4 * page) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
}

TEST(running_can_be_sealed)
{
	int fd = make("x", MFD_NOEXEC_SEAL | MFD_EXEC);
	if (fd < 0 && make("x", MFD_EXEC) < 0) {
		printf("skip: no seal against running\n");
		return; /* older than 6.3 */
	}
	CHECK(fd < 0 && errno == EINVAL);
	struct stat st;
	fd = make("x", MFD_NOEXEC_SEAL);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0666);
	CHECK(fcntl(fd, F_GET_SEALS) & F_SEAL_EXEC);
	CHECK_ERR(fchmod(fd, 0777), EPERM);
	CHECK(fchmod(fd, 0600) == 0);
	fd = make("x", MFD_EXEC | MFD_ALLOW_SEALING);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) == 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0x3e);
	CHECK_ERR(fchmod(fd, 0666), EPERM);
	CHECK_ERR(write(fd, "x", 1), EPERM);
}

TEST(it_can_be_run)
{
	int from = open("/proc/self/exe", O_RDONLY), fd = make("program", 0), status;
	char buf[65536], path[40];
	ssize_t n;
	CHECK(from >= 0 && fd >= 0);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		CHECK(write(fd, buf, (size_t)n) == n);
	pid_t child = fork();
	if (child == 0) {
		char *const words[] = {"program", "-n", NULL}, *const none[] = {NULL};
		CHECK(dup2(open("/dev/null", O_WRONLY), 1) == 1);
		syscall(SYS_execveat, fd, "", words, none, AT_EMPTY_PATH);
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	child = fork();
	if (child == 0) {
		char *const words[] = {"program", "-n", NULL};
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		CHECK(dup2(open("/dev/null", O_WRONLY), 1) == 1);
		execv(path, words);
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* A mapping that can write, and the seal against it, exclude one another whoever comes first. */
TEST(seals_and_mappings_race)
{
	for (int round = 0; round < 200; round++) {
		int fd = make_sealable(), status;
		pid_t child = fork();
		if (child == 0) {
			char *shared = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
			if (shared == MAP_FAILED)
				_exit(errno == EPERM ? 1 : 3);
			shared[0] = 1;
			_exit(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE ? 4 : 0);
		}
		bool is_sealed = fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
		char byte = 0;
		CHECK(is_sealed || errno == EBUSY);
		CHECK(pread(fd, &byte, 1, 0) == 1);
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
		CHECK(WEXITSTATUS(status) <= 1);
		char after = 0;
		CHECK(pread(fd, &after, 1, 0) == 1 && (!is_sealed || after == byte));
		close(fd);
	}
}

/* What a file is made of was another file before: no promise about that one is left. */
TEST(seals_end_with_their_file)
{
	int fds[200];
	for (int i = 0; i < 200; i++) {
		fds[i] = make_sealable();
		CHECK(fcntl(fds[i], F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) == 0);
	}
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	usleep(50000); /* memory is used again after a moment */
	for (int i = 0; i < 400; i++) {
		char name[20];
		snprintf(name, sizeof(name), "%d", i);
		int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		CHECK(fd >= 0);
		CHECK(write(fd, "x", 1) == 1);
		CHECK(ftruncate(fd, 0) == 0);
		close(fd);
	}
}
