/* /proc/PID: what it says of processes, compared with what calls say. */
#include "proc.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

struct stat_line {
	int pid;
	char comm[64], state;
	long long rest[49]; /* from field 4, the parent's number */
};

static struct stat_line stat_of(pid_t pid)
{
	struct stat_line line = {0};
	read_all(of(pid, "stat"));
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	CHECK(open && close && close - open < 64 && close[1] == ' ' && close[3] == ' ');
	line.pid = atoi(text);
	memcpy(line.comm, open + 1, (size_t)(close - open - 1));
	line.state = close[2];
	char *at = close + 3;
	for (int i = 0; i < 49; i++) {
		CHECK(*at == ' ');
		line.rest[i] = (long long)strtoull(at, &at, 10);
	}
	CHECK(strcmp(at, "\n") == 0);
	return line;
}

#define FIELD(line, number) ((line).rest[(number)-4])

TEST(stat_has_52_fields)
{
	CHECK_OK(prctl(PR_SET_NAME, "a) R (b"));
	struct stat_line line = stat_of(getpid());
	CHECK_EQ(line.pid, getpid());
	CHECK(strcmp(line.comm, "a) R (b") == 0);
	CHECK_EQ(line.state, 'R');
	CHECK_EQ(FIELD(line, 4), getppid());
	CHECK_EQ(FIELD(line, 5), getpgrp());
	CHECK_EQ(FIELD(line, 6), getsid(0));
	CHECK_EQ(FIELD(line, 20), 1);
	CHECK(FIELD(line, 23) > 0 && FIELD(line, 23) / 4096 >= FIELD(line, 24));
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK(FIELD(line, 22) > 0);
	CHECK(FIELD(line, 22) / sysconf(_SC_CLK_TCK) <= now.tv_sec);
	CHECK(FIELD(line, 28) > (long long)(uintptr_t)&line); /* where the stack began */
}

TEST(stat_counts_faults_and_time)
{
	enum { PAGES = 2000 };
	struct stat_line before = stat_of(getpid());
	char *p =
	    mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(p, PAGES * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		p[i * 4096] = 1;
	struct timespec ran;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ran);
	while (ran.tv_sec == 0 && ran.tv_nsec < 100000000);
	struct stat_line after = stat_of(getpid());
	CHECK(FIELD(after, 10) >= FIELD(before, 10) + 10);            /* the fewer the better */
	CHECK(FIELD(after, 24) >= FIELD(before, 24) + PAGES * 3 / 4); /* Linux counts roughly */
	CHECK(FIELD(after, 14) + FIELD(after, 15) >= 8); /* in hundredths of a second */
}

static void wait_for_state(pid_t pid, char state)
{
	for (int i = 0; i < 200; i++) {
		if (stat_of(pid).state == state)
			return;
		sleep_ms(10);
	}
	FAIL("state %c does not come", state);
}

TEST(states)
{
	pid_t pid = forked();
	if (pid == 0)
		for (;;)
			pause();
	wait_for_state(pid, 'S');
	read_all(of(pid, "status"));
	CHECK(strcmp(value_of("State:"), "S (sleeping)") == 0);
	kill(pid, SIGSTOP);
	wait_for_state(pid, 'T');
	kill(pid, SIGCONT);
	wait_for_state(pid, 'S');
	kill(pid, SIGKILL);
	wait_for_state(pid, 'Z');
	/* There is little left of a zombie. */
	CHECK_EQ(read_all(of(pid, "cmdline")), 0);
	CHECK_EQ(read_all(of(pid, "maps")), 0);
	CHECK_EQ(FIELD(stat_of(pid), 23), 0);
	char target[100];
	CHECK_ERR(readlink(of(pid, "exe"), target, sizeof(target)), ENOENT);
	read_all(of(pid, "status"));
	CHECK(strcmp(value_of("State:"), "Z (zombie)") == 0);
	int gone = open(of(pid, "stat"), O_RDONLY);
	CHECK(gone >= 0);
	CHECK_EQ(ended(pid), -1 - SIGKILL);
	CHECK_ERR(open(of(pid, "stat"), O_RDONLY), ENOENT);
	CHECK_ERR(read(gone, target, sizeof(target)), ESRCH);
}

TEST(status_has_identity_memory_and_signals)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, (void (*)(int))text); /* is not called */
	raise(SIGUSR2);
	CHECK_OK(setgid(2345));
	CHECK_OK(setresuid(1234, 1235, 1236));
	umask(027);
	CHECK_OK(prctl(PR_SET_NAME, "a name"));
	read_all("/proc/self/status");
	CHECK(strcmp(value_of("Name:"), "a name") == 0);
	CHECK_EQ(number_of("Tgid:"), getpid());
	CHECK_EQ(number_of("Pid:"), getpid());
	CHECK_EQ(number_of("PPid:"), getppid());
	CHECK_EQ(number_of("TracerPid:"), 0);
	CHECK_EQ(number_of("Threads:"), 1);
	CHECK(strcmp(value_of("Umask:"), "0027") == 0);
	CHECK(strcmp(value_of("Uid:"), "1234\t1235\t1236\t1235") == 0);
	CHECK(strcmp(value_of("Gid:"), "2345\t2345\t2345\t2345") == 0);
	CHECK(strtoull(value_of("SigBlk:"), NULL, 16) & 1ull << (SIGUSR2 - 1));
	CHECK(strtoull(value_of("SigIgn:"), NULL, 16) & 1ull << (SIGHUP - 1));
	CHECK(strtoull(value_of("SigCgt:"), NULL, 16) & 1ull << (SIGTERM - 1));
	CHECK((strtoull(value_of("SigPnd:"), NULL, 16) | strtoull(value_of("ShdPnd:"), NULL, 16)) &
	      1ull << (SIGUSR2 - 1));
	CHECK_EQ(strtoull(value_of("CapEff:"), NULL, 16), 0);
	CHECK(number_of("VmSize:") > 0 && number_of("VmPeak:") >= number_of("VmSize:"));
	CHECK(number_of("VmRSS:") > 0 && number_of("VmHWM:") >= number_of("VmRSS:"));
	CHECK(strstr(value_of("VmSize:"), " kB"));
}

TEST(statm_counts_pages)
{
	long long size = 0, resident = 0, shared = 0, code = 0, lib = 1, data = 0, dirty = 1;
	read_all("/proc/self/statm");
	CHECK_EQ(sscanf(text, "%lld %lld %lld %lld %lld %lld %lld", &size, &resident, &shared,
		     &code, &lib, &data, &dirty),
	    7);
	CHECK(size >= resident && resident > 0 && resident >= shared && code > 0 && data > 0);
	CHECK_EQ(lib, 0);
	CHECK_EQ(dirty, 0);
	void *p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	long long later = 0;
	read_all("/proc/self/statm");
	sscanf(text, "%lld", &later);
	CHECK_EQ(later, size + 64);
}

/* The line of the area that begins there: "" when there is none. */
static const char *area_at(const void *at)
{
	static char line[PATH_MAX], start[32];
	read_all("/proc/self/maps");
	snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)at);
	for (char *found = strtok(text, "\n"); found; found = strtok(NULL, "\n")) {
		char *digits = found;
		while (*digits == '0')
			digits++;
		if (strncmp(digits, start, strlen(start)) == 0)
			return strcpy(line, found);
	}
	return strcpy(line, "");
}

TEST(maps_tells_areas)
{
	char cwd[1000], expected[1100], perms[5], path[1100] = "";
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	int fd = open("mapped file", O_RDWR | O_CREAT, 0644);
	CHECK_OK(ftruncate(fd, 5 * 4096));
	struct stat st;
	CHECK_OK(fstat(fd, &st));
	char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 2 * 4096);
	CHECK(p != MAP_FAILED);
	CHECK_EQ(sscanf(area_at(p), "%lx-%lx %4s %lx %x:%x %lu %1000[^\n]", &start, &end, perms,
		     &offset, &major, &minor, &inode, path),
	    8);
	CHECK(start == (uintptr_t)p && end == start + 3 * 4096 && offset == 2 * 4096);
	CHECK(strcmp(perms, "r--s") == 0);
	CHECK_EQ(inode, st.st_ino);
	CHECK(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/mapped file", cwd);
	CHECK(strcmp(path, expected) == 0);
	CHECK_OK(unlink("mapped file"));
	CHECK(strstr(area_at(p), "/mapped file (deleted)"));
	CHECK_OK(munmap(p, 3 * 4096));
	CHECK(*area_at(p) == '\0');
	p = mmap((void *)0x700000000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(strstr(area_at(p), " rwxp 00000000 00:00 0"));
}

TEST(maps_is_sorted_and_names_what_it_knows)
{
	long end_of_heap = syscall(SYS_brk, 0);
	CHECK_EQ(syscall(SYS_brk, end_of_heap + 40960), end_of_heap + 40960);
	read_all("/proc/self/maps");
	unsigned long last = 0, start, end;
	int stack = 0;
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		CHECK_EQ(sscanf(line, "%lx-%lx ", &start, &end), 2);
		CHECK(start >= last && end > start);
		last = end;
		unsigned long here = (unsigned long)(uintptr_t)&stack;
		if (here >= start && here < end)
			stack = strncmp(strchr(line, '\n') - 7, "[stack]", 7) == 0;
	}
	CHECK(stack);
	CHECK(strstr(text, "[heap]\n"));
	CHECK(strstr(text, "[vdso]\n"));
	CHECK(strstr(text, target_of("/proc/self/exe")));
}

TEST(fd_has_what_is_open)
{
	char name[64], cwd[1000], expected[1100];
	int ends[2], file = open("a file", O_RDWR | O_CREAT, 0644);
	struct stat st;
	CHECK_OK(pipe(ends));
	CHECK_OK(fstat(ends[0], &st));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	snprintf(expected, sizeof(expected), "pipe:[%lu]", (unsigned long)st.st_ino);
	CHECK(strcmp(target_of(name), expected) == 0);
	CHECK(getcwd(cwd, sizeof(cwd)));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	snprintf(expected, sizeof(expected), "%s/a file", cwd);
	CHECK(strcmp(target_of(name), expected) == 0);
	/* The link leads to the file itself, even when its name is gone. */
	CHECK_EQ(write(file, "data", 4), 4);
	CHECK_OK(unlink("a file"));
	strcat(expected, " (deleted)");
	CHECK(strcmp(target_of(name), expected) == 0);
	CHECK_EQ(read_all(name), 4);
	struct stat link;
	CHECK_OK(lstat(name, &link));
	CHECK_EQ(link.st_mode & 07777, 0700);
	/* The folder lists what is open, and nothing else. */
	DIR *folder = opendir("/proc/self/fd");
	CHECK(folder);
	int seen = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		CHECK_OK(fcntl(atoi(entry->d_name), F_GETFD));
		seen++;
	}
	int open_now = 0;
	for (int fd = 0; fd < 1024; fd++)
		open_now += fcntl(fd, F_GETFD) >= 0;
	CHECK_EQ(seen, open_now);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", 1000);
	CHECK_ERR(readlink(name, expected, sizeof(expected)), ENOENT);
}

TEST(cmdline_environ_comm)
{
	pid_t pid = forked();
	if (pid == 0) {
		char *argv[] = {"a name", "", "two words", NULL}, *envp[] = {"A=1", "B=x y", NULL};
		execve("/proc/self/exe", argv, envp);
		_exit(9);
	}
	CHECK_EQ(ended(pid), 42);
	CHECK_OK(prctl(PR_SET_NAME, "sixteen characters"));
	CHECK_EQ(read_all("/proc/self/comm"), 16);
	CHECK(strcmp(text, "sixteen charact\n") == 0);
	int fd = open("/proc/self/comm", O_WRONLY);
	CHECK_EQ(write(fd, "other", 5), 5);
	char name[16];
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK(strcmp(name, "other") == 0);
}

/* The program that the case above starts. */
void check_as_program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc != 3 || strcmp(argv[0], "a name") != 0)
		return;
	bool is_right =
	    read_all("/proc/self/cmdline") == 18 && memcmp(text, "a name\0\0two words", 18) == 0;
	is_right &= read_all("/proc/self/environ") == 10 && memcmp(text, "A=1\0B=x y", 10) == 0;
	/* A title over the arguments, shorter than they are, and one that goes on over the environment. */
	memcpy(argv[0], "title\0\0\0two words.", 18);
	is_right &= read_all("/proc/self/cmdline") == 6 && memcmp(text, "title", 6) == 0;
	memset(argv[0], 'x', 18);
	is_right &= read_all("/proc/self/cmdline") == 22 && memcmp(text + 17, "xA=1", 5) == 0;
	_exit(is_right ? 42 : 1);
}

/* Thousands of areas are told part by part, as they are when their part is read. */
TEST(maps_of_many_areas)
{
	enum { COUNT = 4000 };
	const size_t page = 4096;
	char last[20];
	char *areas = mmap(NULL, COUNT * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(areas != MAP_FAILED);
	for (size_t i = 0; i < COUNT; i += 2)
		CHECK_OK(mprotect(areas + i * page, page, PROT_READ));
	snprintf(last, sizeof(last), "-%08lx ", (unsigned long)(areas + COUNT * page));
	/* Each once, and in order. */
	unsigned long end_before = 0, start, end;
	int seen = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps);
	while (fgets(text, sizeof(text), maps)) {
		CHECK_EQ(sscanf(text, "%lx-%lx ", &start, &end), 2);
		CHECK(start >= end_before && end > start);
		end_before = end;
		seen += start >= (unsigned long)areas && end <= (unsigned long)areas + COUNT * page;
	}
	fclose(maps);
	CHECK_EQ(seen, COUNT);
	/* A place far behind can be read at once. */
	size_t len = read_all("/proc/self/maps");
	static char there[64];
	memcpy(there, text + len - 2000, sizeof(there));
	int fd = open("/proc/self/maps", O_RDONLY);
	CHECK_EQ(pread(fd, text, sizeof(there), (off_t)len - 2000), sizeof(there));
	CHECK(memcmp(text, there, sizeof(there)) == 0);
	/* What goes away before its part is read is not told. */
	CHECK_EQ(pread(fd, text, 100, 0), 100);
	CHECK_EQ(read(fd, text, 100), 100);
	CHECK_OK(munmap(areas, COUNT * page));
	size_t rest = 0;
	ssize_t n;
	while ((n = read(fd, text + rest, sizeof(text) - rest - 1)) > 0)
		rest += (size_t)n;
	CHECK_EQ(n, 0);
	text[rest] = '\0';
	CHECK(!strstr(text, last));
	CHECK(strstr(text, "[stack]"));
	close(fd);
}

TEST(exe_cwd_root)
{
	struct stat link, file;
	char cwd[PATH_MAX];
	CHECK_OK(mkdir("place", 0755));
	CHECK_OK(chdir("place"));
	CHECK(getcwd(cwd, sizeof(cwd)));
	CHECK(strcmp(target_of("/proc/self/cwd"), cwd) == 0);
	CHECK_OK(stat("/proc/self/cwd", &link));
	CHECK_OK(stat(".", &file));
	CHECK(link.st_ino == file.st_ino && link.st_dev == file.st_dev);
	CHECK(strcmp(target_of("/proc/self/root"), "/") == 0);
	CHECK(target_of("/proc/self/exe")[0] == '/');
	CHECK_OK(access("/proc/self/exe", X_OK));
	CHECK_OK(rmdir("../place"));
	strcat(cwd, " (deleted)");
	CHECK(strcmp(target_of("/proc/self/cwd"), cwd) == 0);
	/* Where it was put is its root. */
	pid_t pid = forked();
	if (pid == 0) {
		CHECK_OK(chdir(".."));
		sleep_ms(1000000);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ended(pid), -1 - SIGKILL);
}

TEST(self_is_whoever_looks)
{
	char name[32];
	snprintf(name, sizeof(name), "%d", (int)getpid());
	CHECK(strcmp(target_of("/proc/self"), name) == 0);
	pid_t pid = forked();
	if (pid == 0) {
		snprintf(name, sizeof(name), "%d", (int)getpid());
		CHECK(strcmp(target_of("/proc/self"), name) == 0);
		snprintf(name, sizeof(name), "%d/task/%d", (int)getpid(), (int)getpid());
		CHECK(strcmp(target_of("/proc/thread-self"), name) == 0);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	DIR *folder = opendir("/proc");
	bool seen = false;
	for (struct dirent *entry; (entry = readdir(folder));)
		seen |= atoi(entry->d_name) == getpid();
	CHECK(seen);
	CHECK_ERR(open("/proc/0/stat", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/4000000000/stat", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/none", O_RDONLY), ENOENT);
	CHECK_ERR(mkdir("/proc/new", 0755), ENOENT);
}

TEST(others_secrets_are_kept)
{
	struct stat_line own = stat_of(getpid());
	CHECK(FIELD(own, 26) > 1 && FIELD(own, 28) && FIELD(own, 48));
	pid_t pid = getpid(), child = forked();
	if (child == 0) {
		char target[100];
		CHECK_OK(setresgid(54321, 54321, 54321));
		CHECK_OK(setresuid(54321, 54321, 54321));
		CHECK_ERR(open(of(pid, "environ"), O_RDONLY), EACCES);
		CHECK_ERR(open(of(pid, "fd"), O_RDONLY | O_DIRECTORY), EACCES);
		CHECK_ERR(readlink(of(pid, "exe"), target, sizeof(target)), EACCES);
		CHECK_ERR(readlink(of(pid, "cwd"), target, sizeof(target)), EACCES);
		CHECK_EQ(stat_of(pid).pid, pid);
		CHECK(read_all(of(pid, "status")) > 0);
		/* Addresses help whoever attacks: 1 stands for code that there is. */
		static const int addresses[] = {28, 45, 46, 47, 48, 49, 50, 51};
		struct stat_line line = stat_of(pid);
		CHECK_EQ(FIELD(line, 26), 1);
		CHECK_EQ(FIELD(line, 27), 1);
		for (size_t i = 0; i < sizeof(addresses) / sizeof(int); i++)
			CHECK_EQ(FIELD(line, addresses[i]), 0);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
}

static volatile bool looks_end;

static void *look_at_status(void *arg)
{
	const char *path = of(getpid(), "status");
	char name[128], line[2048];
	snprintf(name, sizeof(name), "%s", path);
	while (!looks_end) {
		int fd = open(name, O_RDONLY);
		CHECK(fd >= 0 && read(fd, line, sizeof(line)) > 0);
		CHECK_OK(close(fd));
	}
	return arg;
}

TEST(ids_change_while_they_are_shown)
{
	pthread_t threads[2];
	gid_t gid = getgid();
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, look_at_status, NULL));
	for (int64_t end = now_ms() + 3000; now_ms() < end;)
		for (int i = 0; i < 100; i++)
			CHECK_OK(syscall(SYS_setresgid, gid, gid, gid));
	looks_end = true;
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

#define PROCMAP_QUERY 0xc0686611u
enum { QUERY_WRITABLE = 2, QUERY_EXECUTABLE = 4, QUERY_OR_NEXT = 16, QUERY_FILES = 32 };

struct query {
	uint64_t size, flags, address, start, end, rights, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};

static int ask(int fd, struct query *query, const void *address, uint64_t flags)
{
	char *name = (char *)query->name;
	uint32_t name_size = query->name_size;
	*query = (struct query){.size = sizeof(*query),
	    .flags = flags,
	    .address = (uintptr_t)address,
	    .name = (uintptr_t)name,
	    .name_size = name_size};
	return ioctl(fd, (int)PROCMAP_QUERY, query);
}

TEST(maps_can_be_asked_for_one_area)
{
	int fd = open("/proc/self/maps", O_RDONLY), file = open("file", O_RDWR | O_CREAT, 0600);
	struct stat stat;
	CHECK(ftruncate(file, 8 * 4096) == 0 && fstat(file, &stat) == 0);
	char *area = mmap(NULL, 4 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED && !munmap(area, 4096));
	CHECK(mmap(area + 2 * 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
		  4096) != MAP_FAILED);
	char name[4096], here[4096];
	struct query query = {0};
	int err = ask(fd, &query, area + 4096, 0);
	if (err < 0 && errno == ENOTTY)
		_exit(CASE_SKIPPED); /* before Linux 6.11 */
	CHECK_OK(err);
	CHECK(query.start == (uintptr_t)area + 4096 && query.end == query.start + 4096);
	CHECK(!query.rights && !query.inode && query.page_size == 4096);
	CHECK_ERR(ask(fd, &query, area, 0), ENOENT);
	CHECK_OK(ask(fd, &query, area, QUERY_OR_NEXT));
	CHECK(query.start == (uintptr_t)area + 4096);
	CHECK_ERR(ask(fd, &query, area + 4096, QUERY_WRITABLE), ENOENT);
	query.name = (uintptr_t)name;
	query.name_size = sizeof(name);
	CHECK_OK(ask(fd, &query, area + 4096, QUERY_FILES | QUERY_OR_NEXT));
	CHECK(query.start == (uintptr_t)area + 2 * 4096 && query.offset == 4096);
	CHECK(query.inode == stat.st_ino && query.rights == (1 | 2 | 8));
	CHECK(query.dev_major == major(stat.st_dev) && query.dev_minor == minor(stat.st_dev));
	CHECK(getcwd(here, sizeof(here)));
	CHECK(!strncmp(name, here, strlen(here)) && strstr(name, "/file"));
	CHECK_EQ(query.name_size, strlen(name) + 1);
	query.name_size = 3;
	CHECK_ERR(ask(fd, &query, area + 2 * 4096, 0), ENAMETOOLONG);
	query.name_size = 0;
	CHECK_ERR(ask(fd, &query, area + 2 * 4096, 0), EINVAL);
	query.name = 0;
	CHECK_ERR(ask(fd, &query, area, 64), EINVAL);
	query.size = 16;
	CHECK_ERR(ioctl(fd, (int)PROCMAP_QUERY, &query), EINVAL);
	CHECK_ERR(ioctl(fd, (int)PROCMAP_QUERY, (void *)8), EFAULT);
	CHECK_ERR(ioctl(open("/proc/self/stat", O_RDONLY), (int)PROCMAP_QUERY, &query), ENOTTY);
}
