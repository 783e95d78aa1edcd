/* Reaching into other processes: process_vm_readv and process_vm_writev, kcmp, unshare. */
#include "check.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/uio.h>

/* In a program of root's that is just being started it says so. */
static volatile int secret = 0x5ec4e7;

/* What this program does when a case runs it. */
void check_as_program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc == 2 && !strcmp(argv[1], "across-secret"))
		_exit(geteuid() != 0);
}

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS };

static long kcmp(pid_t a, pid_t b, int type, long fd_a, long fd_b)
{
	return syscall(SYS_kcmp, a, b, type, fd_a, fd_b);
}

/* A child that waits until it is told to go on. */
static pid_t start_child(int go[2])
{
	CHECK(pipe(go) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		char c;
		close(go[1]);
		_exit(read(go[0], &c, 1) < 0);
	}
	close(go[0]);
	return child;
}

static void end_child(pid_t child, const int go[2])
{
	int status;
	close(go[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static char *new_pages(size_t count)
{
	char *pages =
	    mmap(NULL, count * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	return pages;
}

TEST(read_and_write_another_process)
{
	int go[2];
	char *text = new_pages(3), *untouched = new_pages(2), copy[8192];
	strcpy(text + 4090, "over the page's end");
	pid_t child = start_child(go);
	strcpy(text + 4090, "the parent's own");
	struct iovec local[] = {{copy, 5}, {copy + 100, 30}}, remote[] = {{text + 4090, 20}};
	CHECK_EQ(process_vm_readv(child, local, 2, remote, 1, 0), 20);
	CHECK(memcmp(copy, "over ", 5) == 0 && strcmp(copy + 100, "the page's end") == 0);
	/* Memory that the other has never touched comes as it would for itself. */
	struct iovec all = {copy, sizeof(copy)}, far = {untouched, sizeof(copy)};
	memset(copy, 'x', sizeof(copy));
	CHECK_EQ(process_vm_writev(child, &all, 1, &far, 1, 0), sizeof(copy));
	memset(copy, 0, sizeof(copy));
	CHECK_EQ(process_vm_readv(child, &all, 1, &far, 1, 0), sizeof(copy));
	CHECK(copy[0] == 'x' && copy[8191] == 'x' && untouched[0] == 0);
	end_child(child, go);
}

TEST(reach_as_far_as_there_is_memory)
{
	int go[2];
	char *pages = new_pages(3), copy[3 * 4096];
	CHECK(munmap(pages + 4096, 4096) == 0);
	CHECK(mprotect(pages + 8192, 4096, PROT_READ) == 0);
	pid_t child = start_child(go);
	struct iovec local = {copy, sizeof(copy)}, remote = {pages, sizeof(copy)};
	CHECK_EQ(process_vm_readv(child, &local, 1, &remote, 1, 0), 4096);
	remote = (struct iovec){pages + 4096, 10};
	CHECK_ERR(process_vm_readv(child, &local, 1, &remote, 1, 0), EFAULT);
	remote = (struct iovec){pages + 8192, 10};
	CHECK_EQ(process_vm_readv(child, &local, 1, &remote, 1, 0), 10);
	CHECK_ERR(process_vm_writev(child, &local, 1, &remote, 1, 0), EFAULT);
	CHECK_ERR(process_vm_readv(child, &local, 1, &remote, 1, 1), EINVAL);
	CHECK_ERR(process_vm_readv(child, &local, 1025, &remote, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(child, &local, 1, (void *)8, 1, 0), EFAULT);
	CHECK_EQ(process_vm_readv(child, &local, 0, &remote, 1, 0), 0);
	end_child(child, go);
	CHECK_ERR(process_vm_readv(child, &local, 1, &remote, 1, 0), ESRCH);
}

TEST(strangers_may_not_reach)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {&byte, 1};
	if (geteuid() != 0)
		exit(CASE_SKIPPED);
	CHECK(setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(process_vm_readv(getppid(), &local, 1, &remote, 1, 0), EPERM);
	CHECK_ERR(kcmp(getpid(), getppid(), KCMP_VM, 0, 0), EPERM);
}

TEST(compare_what_processes_have)
{
	int go[2], fd = open("file", O_RDWR | O_CREAT, 0600), same = dup(fd),
		   other = open("file", O_RDWR);
	CHECK(fd >= 0 && same >= 0 && other >= 0);
	pid_t self = getpid(), child = start_child(go);
	CHECK_EQ(kcmp(self, child, KCMP_FILE, fd, fd), 0);
	CHECK_EQ(kcmp(self, self, KCMP_FILE, fd, same), 0);
	long order = kcmp(self, self, KCMP_FILE, fd, other),
	     back = kcmp(self, self, KCMP_FILE, other, fd);
	CHECK((order == 1 && back == 2) || (order == 2 && back == 1));
	CHECK_EQ(kcmp(self, self, KCMP_VM, 0, 0), 0);
	CHECK(kcmp(self, child, KCMP_VM, 0, 0) > 0);
	CHECK(kcmp(self, child, KCMP_FILES, 0, 0) > 0);
	CHECK_ERR(kcmp(self, child, KCMP_FILE, fd, 900), EBADF);
	CHECK_ERR(kcmp(self, child, 99, 0, 0), EINVAL);
	end_child(child, go);
	CHECK_ERR(kcmp(self, child, KCMP_VM, 0, 0), ESRCH);
}

static int in_shared_child(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES | CLONE_FS) != 0 || mkdir("inside", 0700) != 0 ||
	    chdir("inside") != 0)
		return 1;
	return close(0) != 0;
}

TEST(unshare_descriptors_and_directory)
{
	static char stack[16384] __attribute__((aligned(16)));
	int status;
	pid_t child =
	    clone(in_shared_child, stack + sizeof(stack), CLONE_FILES | CLONE_FS | SIGCHLD, NULL);
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(fcntl(0, F_GETFD) >= 0);
	CHECK(access("inside", F_OK) == 0);
	CHECK_ERR(unshare(-1), EINVAL);
	if (geteuid() == 0)
		CHECK(setresuid(1000, 1000, 1000) == 0);
	CHECK_ERR(unshare(CLONE_NEWNS), EPERM);
}

static int pidfd_getfd_(int pidfd, int fd, unsigned flags)
{
	return (int)syscall(438, pidfd, fd, flags);
}

TEST(a_descriptor_is_taken_from_another_process)
{
	int ends[2], go[2];
	char buf[4];
	CHECK_OK(pipe(ends));
	CHECK_OK(pipe(go));
	pid_t child = forked();
	if (!child) {
		dup2(ends[0], 77);
		close(ends[0]);
		CHECK_EQ(write(go[1], "x", 1), 1);
		pause();
	}
	CHECK_EQ(read(go[0], buf, 1), 1);
	close(ends[0]);
	int pidfd = (int)syscall(434, child, 0), fd;
	NEEDS(pidfd);
	NEEDS(fd = pidfd_getfd_(pidfd, 77, 0));
	if (fd < 0 && errno == EPERM)
		_exit(CASE_SKIPPED); /* where nobody may trace a child */
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(write(ends[1], "abc", 3), 3);
	CHECK_EQ(read(fd, buf, 4), 3);
	CHECK_ERR(write(fd, "a", 1), EBADF);
	CHECK_ERR(pidfd_getfd_(pidfd, 76, 0), EBADF);
	CHECK_ERR(pidfd_getfd_(pidfd, -1, 0), EBADF);
	CHECK_ERR(pidfd_getfd_(pidfd, 77, 1), EINVAL);
	CHECK_ERR(pidfd_getfd_(ends[1], 77, 0), EBADF);
	kill(child, SIGKILL);
	ended(child);
	CHECK_ERR(pidfd_getfd_(pidfd, 77, 0), ESRCH);
}

/* Looks at the process as a user with these ids: bit 0, /proc lets in; bit 1, kcmp does. */
static int look_as(pid_t pid, uid_t real, uid_t effective)
{
	char path[40], target[200];
	int status;
	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	pid_t child = fork();
	if (!child) {
		CHECK(!setresgid(real, effective, effective) &&
		      !setresuid(real, effective, effective));
		CHECK(!prctl(PR_SET_DUMPABLE, 1)); /* kcmp looks at both */
		int seen = readlink(path, target, sizeof(target)) > 0;
		if (!seen)
			CHECK_EQ(errno, EACCES);
		errno = 0;
		_exit(seen + 2 * (kcmp(getpid(), pid, KCMP_VM, 0, 0) > 0));
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What stands for a process in /proc asks for the ids that open files, calls ask for the real ones. */
TEST(ids_that_look_at_processes)
{
	int ready[2], go[2];
	char c;
	if (getuid())
		return;
	NEEDS(kcmp(getpid(), getpid(), KCMP_VM, 0, 0));
	CHECK(pipe(ready) == 0 && pipe(go) == 0);
	pid_t pid = fork();
	if (!pid) {
		close(go[1]);
		CHECK(!setgid(1000) && !setuid(1000) && !prctl(PR_SET_DUMPABLE, 1));
		CHECK_EQ(write(ready[1], "r", 1), 1);
		_exit(read(go[0], &c, 1) != 0);
	}
	close(go[0]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	CHECK_EQ(look_as(pid, 1000, 1000), 3);
	CHECK_EQ(look_as(pid, 2000, 1000), 1);
	CHECK_EQ(look_as(pid, 1000, 2000), 2);
	CHECK_EQ(look_as(pid, 2000, 2000), 0);
	end_child(pid, go);
}

static void copy_self_for_root(void)
{
	char data[16384];
	int from = open("/proc/self/exe", O_RDONLY), to = open("program", O_WRONLY | O_CREAT, 0700);
	ssize_t n;
	CHECK(from >= 0 && to >= 0);
	while ((n = read(from, data, sizeof(data))) > 0)
		CHECK_EQ(write(to, data, (size_t)n), n);
	CHECK_OK(fchmod(to, 04755));
	CHECK_OK(close(to));
	CHECK_OK(close(from));
}

/* Looks into the process until it is gone. The old program's secret is another. */
static void look_while_there(pid_t pid)
{
	int seen = 0;
	struct iovec local = {&seen, sizeof(seen)}, remote = {(void *)&secret, sizeof(secret)};
	for (;;) {
		siginfo_t info = {0};
		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(seen))
			CHECK(seen != 0x5ec4e7);
		CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT));
		if (info.si_pid)
			return;
	}
}

/* From the moment on at which it has the memory of a program of root's a process is root's. */
TEST(a_set_id_program_is_never_open_to_its_user)
{
	if (getuid())
		_exit(CASE_SKIPPED);
	copy_self_for_root();
	pid_t user = forked();
	if (!user) {
		CHECK_OK(setresgid(54321, 54321, 54321));
		CHECK_OK(setresuid(54321, 54321, 54321));
		CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
		secret = 0;
		for (int64_t end = now_ms() + 3000; now_ms() < end;) {
			pid_t child = forked();
			if (!child) {
				execl("program", "program", "across-secret", NULL);
				_exit(2);
			}
			look_while_there(child);
			CHECK_EQ(ended(child), 0);
		}
		_exit(0);
	}
	CHECK_EQ(ended(user), 0);
}

/* Shared memory is written to where it is, and what may not be written is not. */
TEST(what_is_shared_can_be_written_by_others)
{
	int go[2], fd = open("file", O_RDWR | O_CREAT, 0600);
	char text[] = "from outside", got[sizeof(text)];
	CHECK_OK(ftruncate(fd, 8192));
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	     *fixed = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	CHECK(shared != MAP_FAILED && fixed != MAP_FAILED);
	pid_t child = start_child(go);
	struct iovec local = {text, sizeof(text)}, remote = {shared, sizeof(text)};
	CHECK_EQ(process_vm_writev(child, &local, 1, &remote, 1, 0), sizeof(text));
	CHECK_EQ(pread(fd, got, sizeof(got), 0), sizeof(got));
	CHECK(!strcmp(got, text));
	remote.iov_base = fixed;
	CHECK_ERR(process_vm_writev(child, &local, 1, &remote, 1, 0), EFAULT);
	end_child(child, go);
}
