/*
 * Memory that runs out: calls fail with ENOMEM or a sane victim is killed, and everything comes back. Linux machines that others use are spared: the
 * cases that need a machine of their own run where there is at most 1 GiB.
 */
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/xattr.h>
#include <termios.h>

static const size_t page = 4096;
static const size_t MIB = 1 << 20;

static size_t memory_bytes(void)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	return info.totalram * info.mem_unit;
}

static size_t free_bytes(void)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	return info.freeram * info.mem_unit;
}

/* Ends the case well on a machine that is not ours alone. */
static void needs_own_machine(void)
{
	if (memory_bytes() > (size_t)1 << 30)
		_exit(0);
}

/* For cases that fill all of it, some again and again: where that takes little time. */
static void needs_small_machine(void)
{
	if (memory_bytes() > 128 * MIB)
		_exit(0);
}

/* What was free is free again, but for what the kernel keeps in its caches; it may come back late. */
static void check_free_again(size_t before)
{
	size_t slack = 3 * MIB;
	for (int i = 0; i < 50 && free_bytes() + slack < before; i++)
		sleep_ms(100);
	if (free_bytes() + slack < before)
		FAIL("%zu KiB were not given back", (before - free_bytes()) / 1024);
}

/* Takes all there is, in steps; ends with 42 where a call says that there is no more. */
static void take_everything(int flags, int fd)
{
	for (off_t at = 0;; at += (off_t)MIB) {
		if (fd >= 0 && ftruncate(fd, at + (off_t)MIB))
			_exit(43);
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, flags, fd, fd >= 0 ? at : 0);
		if (p == MAP_FAILED)
			_exit(errno == ENOMEM ? 42 : 44);
		for (size_t i = 0; i < MIB; i += page)
			p[i] = 1;
	}
}

static void check_ended_for_memory(pid_t pid)
{
	int status = ended(pid);
	if (status != 42 && status != -1 - SIGKILL)
		FAIL("the hog ended with %d", status);
}

TEST(one_hog_of_private_memory)
{
	needs_own_machine();
	size_t before = free_bytes();
	for (int i = 0; i < 3; i++) {
		pid_t pid = forked();
		if (pid == 0)
			take_everything(MAP_PRIVATE | MAP_ANONYMOUS, -1);
		check_ended_for_memory(pid);
	}
	check_free_again(before);
}

TEST(one_hog_of_shared_memory)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t pid = forked();
	if (pid == 0)
		take_everything(MAP_SHARED | MAP_ANONYMOUS, -1);
	check_ended_for_memory(pid);
	check_free_again(before);
}

TEST(many_hogs_at_once)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t hogs[8];
	for (int i = 0; i < 8; i++) {
		hogs[i] = forked();
		if (hogs[i] == 0)
			take_everything((i & 1 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1);
	}
	for (int i = 0; i < 8; i++)
		check_ended_for_memory(hogs[i]);
	check_free_again(before);
}

static void *take_in_thread(void *arg)
{
	(void)arg;
	take_everything(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	return NULL;
}

TEST(a_hog_of_many_threads)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t pid = forked();
	if (pid == 0) {
		pthread_t thread;
		for (int i = 0; i < 6; i++)
			CHECK_EQ(pthread_create(&thread, NULL, take_in_thread, NULL), 0);
		for (;;)
			pause();
	}
	check_ended_for_memory(pid);
	check_free_again(before);
}

/* Small processes that do their work meanwhile are not the ones that go. */
TEST(the_hog_goes_and_not_the_others)
{
	needs_own_machine();
	pid_t small[4];
	int stop[2];
	CHECK_OK(pipe(stop));
	for (int i = 0; i < 4; i++) {
		small[i] = forked();
		if (small[i] == 0) {
			char c;
			close(stop[1]);
			CHECK_EQ(read(stop[0], &c, 1), 0);
			_exit(7);
		}
	}
	for (int round = 0; round < 2; round++) {
		pid_t pid = forked();
		if (pid == 0)
			take_everything((round ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1);
		check_ended_for_memory(pid);
	}
	close(stop[1]);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(ended(small[i]), 7);
}

static void adjust(int value)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	CHECK(fd >= 0);
	int len = snprintf(text, sizeof(text), "%d", value);
	CHECK_EQ(write(fd, text, (size_t)len), len);
	close(fd);
}

/* The one that says it may be killed goes first, though it is the smaller one. */
TEST(oom_score_adj_chooses)
{
	needs_own_machine();
	pid_t volunteer = forked();
	if (volunteer == 0) {
		adjust(1000);
		for (;;)
			pause();
	}
	pid_t hog = forked();
	if (hog == 0)
		take_everything(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	CHECK_EQ(ended(volunteer), -1 - SIGKILL);
	check_ended_for_memory(hog);
}

/* What two processes do to one file, or folder: the one goes on until it is killed, the other until it has used all its memory. */
struct contest {
	int fd;
	void (*touch)(int fd);
	void (*use)(int fd, char *memory, size_t size);
};

static void write_byte(int fd)
{
	CHECK_EQ(pwrite(fd, "", 1, 0), 1);
}

static void write_all(int fd, char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += MIB)
		CHECK_EQ(pwrite(fd, memory + i, MIB, 0), MIB);
}

/* There may be no memory left for a name just before somebody is killed for it. */
static void make_name(int fd)
{
	CHECK(!mkdirat(fd, "new", 0700) || errno == ENOMEM || errno == EEXIST);
	CHECK(!unlinkat(fd, "new", AT_REMOVEDIR) || errno == ENOMEM || errno == ENOENT);
}

static void list_names(int fd, char *memory, size_t size)
{
	long len;
	for (size_t i = 0; i + MIB <= size; i += (size_t)len) {
		CHECK_OK(lseek(fd, 0, SEEK_SET));
		len = syscall(SYS_getdents64, fd, memory + i, MIB);
		CHECK(len > 0);
	}
}

/* Has much memory, and is to be killed for it. */
static void contend_with_much_memory(const struct contest *contest, size_t size, int ready)
{
	adjust(1000);
	char *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own == MAP_FAILED)
		_exit(44);
	memset(own, 1, size);
	CHECK_EQ(write(ready, "", 1), 1);
	for (;;)
		contest->touch(contest->fd);
}

/* What the last case had may still be on its way back. */
static size_t settled_free_bytes(void)
{
	size_t before, now = free_bytes();
	do {
		before = now;
		sleep_ms(100);
		now = free_bytes();
	} while (now > before + MIB / 4);
	return now;
}

/* Memory runs out while the one has what the other, who is to be killed for it, waits for. */
static void contend(const struct contest *contest)
{
	size_t size = settled_free_bytes() / MIB * 6 / 10 * MIB;
	int ready[2];
	char c;
	CHECK_OK(pipe(ready));
	pid_t victim = forked();
	if (victim == 0)
		contend_with_much_memory(contest, size, ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	/* More than there is, even if some comes back only now, and less than there will be when the victim is gone. */
	size = (free_bytes() + size / 2) / MIB * MIB;
	pid_t user = forked();
	if (user == 0) {
		adjust(-1000);
		char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		CHECK(memory != MAP_FAILED);
		contest->use(contest->fd, memory, size);
		_exit(0);
	}
	CHECK_EQ(ended(victim), -1 - SIGKILL);
	CHECK_EQ(ended(user), 0);
}

static void need_nothing(int fd)
{
	(void)fd;
	pause();
}

static void fill(int fd, char *memory, size_t size)
{
	(void)fd;
	memset(memory, 1, size);
}

/* One that is gone already when the other asks who has to go: nobody, there is memory again. */
TEST(nobody_goes_for_a_victim_that_is_gone)
{
	needs_small_machine();
	size_t before = free_bytes();
	for (int round = 0; round < 8; round++) {
		contend(&(struct contest){-1, need_nothing, fill});
		check_free_again(before);
	}
}

/* A MiB, all of it there: to write to it takes no memory. */
static int open_file_with_pages(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	CHECK_OK(ftruncate(fd, (off_t)MIB));
	for (size_t i = 0; i < MIB; i += page)
		CHECK_EQ(pwrite(fd, "", 1, (off_t)i), 1);
	return fd;
}

TEST(a_victim_that_waits_for_a_file_goes)
{
	needs_small_machine();
	int fd = open_file_with_pages();
	contend(&(struct contest){fd, write_byte, write_all});
}

static void read_attribute(int fd)
{
	char value;
	CHECK_EQ(fgetxattr(fd, "user.name", &value, 1), 1);
}

static void set_attribute(int fd)
{
	CHECK(!fsetxattr(fd, "user.name", "", 1, 0) || errno == ENOMEM || errno == ENOSPC);
}

TEST(a_victim_that_waits_for_attributes_goes)
{
	needs_small_machine();
	int fd = open_file_with_pages();
	CHECK_OK(fsetxattr(fd, "user.name", "", 1, 0));
	size_t before = free_bytes();
	contend(&(struct contest){fd, read_attribute, write_all});
	check_free_again(before);
	contend(&(struct contest){fd, set_attribute, write_all});
}

/* A folder that takes long to list, with a small one in it. */
static int make_folder(void)
{
	char name[251];
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%0250d", i);
		CHECK_OK(close(open(name, O_WRONLY | O_CREAT, 0600)));
	}
	CHECK_OK(mkdir("small", 0700));
	CHECK_OK(mkdir("small/mine", 0700));
	return open(".", O_RDONLY | O_DIRECTORY);
}

TEST(a_victim_that_waits_for_a_folder_goes)
{
	needs_small_machine();
	contend(&(struct contest){make_folder(), make_name, list_names});
}

static void move_name(int fd)
{
	CHECK(!renameat(fd, "small/mine", fd, "mine") || errno == ENOMEM || errno == ENOENT);
	CHECK(!renameat(fd, "mine", fd, "small/mine") || errno == ENOMEM || errno == ENOENT);
}

TEST(a_victim_that_moves_between_folders_goes)
{
	needs_small_machine();
	contend(&(struct contest){make_folder(), move_name, list_names});
}

static int ends[2];

static void ask_pipe(int fd)
{
	int waiting;
	CHECK_OK(ioctl(fd, FIONREAD, &waiting));
}

static void set_pipe_size(int fd)
{
	CHECK(fcntl(fd, F_SETPIPE_SZ, 65536) == 65536 || errno == ENOMEM || errno == EBUSY);
}

static void read_pipe(int fd, char *memory, size_t size)
{
	static char block[65536];
	for (size_t i = 0; i + sizeof(block) <= size; i += sizeof(block)) {
		ssize_t len = write(ends[1], block, sizeof(block));
		CHECK(len > 0 || errno == ENOMEM);
		if (len > 0)
			CHECK_EQ(read(fd, memory + i, (size_t)len), len);
		else
			memory[i] = 1; /* a new size has taken the pages that the pipe had */
	}
}

static void open_and_close(int fd)
{
	(void)fd;
	CHECK_OK(close(open("fifo", O_RDONLY)));
}

TEST(a_victim_that_closes_a_pipe_goes)
{
	needs_small_machine();
	CHECK_OK(mkfifo("fifo", 0600));
	ends[0] = open("fifo", O_RDONLY | O_NONBLOCK);
	ends[1] = open("fifo", O_WRONLY);
	contend(&(struct contest){ends[0], open_and_close, read_pipe});
}

static void splice_to(int fd)
{
	CHECK(splice(ends[0], NULL, fd, NULL, 100, 0) < 0);
}

static void write_bytes(int fd, char *memory, size_t size)
{
	(void)fd;
	for (size_t i = 0; i < size; i += page)
		CHECK_EQ(write(ends[1], memory + i, 1), 1);
}

/* It waits for a terminal, until it is killed, and then for the pipe, to take back what it has not written. */
TEST(a_victim_that_splices_from_a_pipe_goes)
{
	needs_small_machine();
	char text[5];
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	CHECK_OK(unlockpt(master));
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK_OK(tcflow(tty, TCOOFF));
	CHECK_OK(pipe(ends));
	CHECK_OK(fcntl(ends[1], F_SETPIPE_SZ, (int)MIB)); /* a byte for each page of memory */
	CHECK_EQ(write(ends[1], "hello", 5), 5);
	contend(&(struct contest){tty, splice_to, write_bytes});
	CHECK_EQ(read(ends[0], text, sizeof(text)), 5);
	CHECK(!memcmp(text, "hello", sizeof(text)));
}

TEST(a_victim_that_waits_for_a_pipe_goes)
{
	needs_small_machine();
	CHECK_OK(pipe(ends));
	size_t before = free_bytes();
	contend(&(struct contest){ends[0], ask_pipe, read_pipe});
	check_free_again(before);
	contend(&(struct contest){ends[0], set_pipe_size, read_pipe});
}

static void read_begin(int fd)
{
	char c;
	CHECK(pread(fd, &c, 1, 0) == 1 || errno == ENOMEM);
}

static void read_often(int fd, char *memory, size_t size)
{
	for (size_t i = 0; i + page <= size; i += page)
		while (pread(fd, memory + i, page, 0) <= 0)
			CHECK_EQ(errno, ENOMEM);
}

TEST(a_victim_that_waits_for_text_of_proc_goes)
{
	needs_small_machine();
	contend(&(struct contest){open("/proc/meminfo", O_RDONLY), read_begin, read_often});
}

static size_t write_until_full(int fd)
{
	static char block[65536] = {1};
	size_t written = 0;
	for (;;) {
		ssize_t n = write(fd, block, sizeof(block));
		if (n <= 0) {
			if (n < 0 && errno != ENOSPC && errno != ENOMEM)
				FAIL("write to a full file system");
			return written;
		}
		written += (size_t)n;
	}
}

/* A file system in memory has half of it at most. */
TEST(tmpfs_is_full_at_half_of_memory)
{
	needs_own_machine();
	size_t before = free_bytes(), memory = memory_bytes();
	int fd = open("big", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0);
	size_t written = write_until_full(fd);
	CHECK(written <= memory / 2 + MIB);
	CHECK(written >= memory / 4);
	CHECK_ERR(pwrite(fd, "x", 1, (off_t)memory), ENOSPC);
	struct statfs stat;
	CHECK_OK(statfs(".", &stat));
	CHECK_EQ(stat.f_bfree, 0);
	/* What is there can be read and written; a mapping beyond finds no page. */
	CHECK_EQ(pwrite(fd, "y", 1, 0), 1);
	CHECK_OK(ftruncate(fd, (off_t)(written + MIB)));
	pid_t pid = forked();
	if (pid == 0) {
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)(written + page - 1) & ~(off_t)(page - 1));
		CHECK(p != MAP_FAILED);
		for (size_t i = 0; i < MIB / 2; i += page)
			p[i] = 1;
		_exit(0);
	}
	CHECK_EQ(ended(pid), -1 - SIGBUS);
	close(fd);
	CHECK_OK(unlink("big"));
	check_free_again(before);
}

/* Half of memory is a file, and a process takes the rest: it goes, and the file stays whole. */
TEST(a_hog_beside_a_full_file_system)
{
	needs_own_machine();
	size_t before = free_bytes();
	int fd = open("big", O_RDWR | O_CREAT, 0644);
	size_t written = write_until_full(fd);
	for (int i = 0; i < 2; i++) {
		pid_t pid = forked();
		if (pid == 0)
			take_everything(MAP_PRIVATE | MAP_ANONYMOUS, -1);
		check_ended_for_memory(pid);
	}
	char c;
	for (size_t at = 0; at < written; at += 65536) {
		CHECK_EQ(pread(fd, &c, 1, (off_t)at), 1);
		CHECK_EQ(c, 1);
	}
	close(fd);
	CHECK_OK(unlink("big"));
	check_free_again(before);
}

/* Page tables are memory too: one page read in each 2 MiB costs nothing else. */
TEST(a_hog_of_page_tables)
{
	needs_own_machine();
	size_t before = free_bytes(), step = 2 * MIB;
	pid_t pid = forked();
	if (pid == 0) {
		for (size_t total = 0; total < (size_t)64 << 40; total += (size_t)64 << 30) {
			volatile char *p = mmap(NULL, (size_t)64 << 30, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
			if (p == MAP_FAILED)
				_exit(42);
			for (size_t i = 0; i < (size_t)64 << 30; i += step)
				(void)p[i];
		}
		_exit(42);
	}
	check_ended_for_memory(pid);
	check_free_again(before);
}

static void keep_to_processor(pid_t pid, int number)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(number, &set);
	CHECK_OK(sched_setaffinity(pid, sizeof(set), &set));
}

/* A processor that idles may still have the tables of whoever ran there last: they are not lost. */
TEST(tables_come_back_from_idle_processors)
{
	needs_own_machine();
	cpu_set_t all;
	CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
	keep_to_processor(0, 0);
	keep_to_processor(getppid(), 0);
	size_t before = free_bytes(), tables = before / page / 2;
	pid_t pid = forked();
	if (pid == 0) {
		keep_to_processor(0, CPU_COUNT(&all) - 1);
		volatile char *p = mmap(NULL, tables * 2 * MIB, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		CHECK(p != MAP_FAILED);
		for (size_t i = 0; i < tables; i++) {
			(void)p[i * 2 * MIB];
			if (i == tables / 2)
				keep_to_processor(0, 0);
		}
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	check_free_again(before);
	CHECK_OK(sched_setaffinity(getppid(), sizeof(all), &all));
}

/* Holds memory so that `left` bytes stay free, and is not to be killed. */
static void fill_but(size_t left)
{
	while (free_bytes() > left + MIB) {
		char *p =
		    mmap(NULL, MIB / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return;
		memset(p, 1, MIB / 2);
	}
}

/* Processes, until there are no more: fork fails, or somebody is killed; then all is as before. */
TEST(forks_without_memory)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t group = forked();
	if (group == 0) {
		setpgid(0, 0);
		fill_but(6 * MIB);
		int count = 0, fails = 0;
		for (; count < 3000 && fails < 20; count++) {
			pid_t pid = fork();
			if (pid == 0) {
				volatile char frame[8192];
				frame[0] = frame[8191] = 1;
				for (;;)
					pause();
			}
			if (pid < 0) {
				if (errno != ENOMEM && errno != EAGAIN)
					FAIL("fork without memory");
				fails++;
			}
		}
		signal(SIGTERM, SIG_IGN);
		kill(0, SIGTERM);
		while (wait(NULL) > 0)
			;
		_exit(42);
	}
	check_ended_for_memory(group);
	kill(-group, SIGKILL);
	check_free_again(before);
}

/* Programs started while there is hardly any memory run, or are refused, or are killed. */
TEST(exec_without_memory)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t filler = forked();
	if (filler == 0) {
		for (size_t left = 4 * MIB; left > 0; left -= MIB / 2) {
			fill_but(left);
			for (int i = 0; i < 10; i++) {
				pid_t pid = fork();
				if (pid == 0) {
					char *argv[] = {"exhaustion", "no_such_case", NULL},
					     *env[] = {NULL};
					int null = open("/dev/null", O_RDWR);
					dup2(null, 1);
					execve("/proc/self/exe", argv, env);
					_exit(100);
				}
				if (pid > 0)
					waitpid(pid, NULL, 0);
			}
		}
		_exit(42);
	}
	check_ended_for_memory(filler);
	check_free_again(before);
}

static void name_of(char name[64], unsigned i)
{
	snprintf(name, 64, "a-name-that-takes-some-memory-%u", i);
}

/* The kernel's own things: pipes with data, files, directories, threads, areas. */
static void take_kernel_memory(int kind)
{
	char name[64];
	static char data[65536];
	struct rlimit many = {1 << 20, 1 << 20};
	setrlimit(RLIMIT_NOFILE, &many);
	for (unsigned i = 0;; i++) {
		int ends[2], fd;
		name_of(name, i);
		switch (kind) {
		case 0:
			if (pipe2(ends, O_NONBLOCK))
				return;
			if (write(ends[1], data, sizeof(data)) < 0 && errno != ENOMEM)
				return;
			break;
		case 1:
			if ((fd = open(name, O_RDWR | O_CREAT, 0644)) < 0)
				return;
			if (write(fd, data, 4 * page) < 0)
				return;
			close(fd);
			break;
		case 2:
			if (mkdir(name, 0755))
				return;
			break;
		default:
			if (mmap(NULL, page, i & 1 ? PROT_READ : PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
				return;
		}
	}
}

static void check_kernel_memory(int kind)
{
	needs_own_machine();
	size_t before = free_bytes();
	pid_t pid = forked();
	if (pid == 0) {
		take_kernel_memory(kind);
		int saved = errno;
		_exit(saved == ENOMEM || saved == ENOSPC || saved == EMFILE || saved == ENFILE
			  ? 42
			  : saved);
	}
	check_ended_for_memory(pid);
	for (unsigned i = 0;; i++) {
		char name[64];
		name_of(name, i);
		if (unlink(name) && rmdir(name))
			break;
	}
	check_free_again(before);
}

TEST(pipes_until_nothing_is_left)
{
	check_kernel_memory(0);
}
TEST(files_until_nothing_is_left)
{
	check_kernel_memory(1);
}
TEST(directories_until_nothing_is_left)
{
	check_kernel_memory(2);
}
TEST(areas_until_nothing_is_left)
{
	check_kernel_memory(3);
}

/* What was written to oom_score_adj is read there again. */
TEST(oom_score_adj_is_kept)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "123", 3), 3);
	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	CHECK_EQ(atoi(text), 123);
	CHECK_ERR(write(fd, "1001", 4), EINVAL);
}

/* More than there can ever be is refused at once. */
TEST(absurd_sizes_are_refused)
{
	CHECK_ERR((long)mmap(NULL, (size_t)1 << 46, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	    ENOMEM);
	CHECK(mmap(NULL, (size_t)1 << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0) != MAP_FAILED);
}

/* Everything that root may have, and that again: only the memory limits it, before it is gone. Others have their turns, and the bomb can be put
 * out. */
static void bomb(void)
{
	pid_t pid = forked();
	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			if (fork() < 0)
				sched_yield();
	}
	int turns, ends = put_out_bomb(pid, &turns);
	if (turns < 3 || ends < 100)
		FAIL("%d processes in %d turns", ends, turns);
}

TEST(a_fork_bomb_of_root)
{
	needs_own_machine();
	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1)); /* its orphans come to us */
	bomb(); /* what the kernel keeps for as many processes as there were is not missed by the second */
	size_t before = free_bytes();
	bomb();
	check_free_again(before);
}
