/* Core dumps: core(5). */
#include "check.h"

#include <elf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const char marked[] = "a text that can be found again";

/* What this program does when a case runs it. */
void check_as_program(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc == 2 && !strcmp(argv[1], "core-again"))
		_exit(0);
}

/* Where cores go to is the administrator's choice: we need the usual place. */
static void need_plain_pattern(void)
{
	char pattern[128] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
	if (fd < 0 || read(fd, pattern, sizeof(pattern) - 1) <= 0 || strcmp(pattern, "core\n"))
		_exit(CASE_SKIPPED);
	char digit = '0';
	fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY);
	if (fd >= 0 && read(fd, &digit, 1) == 1 && digit != '0')
		_exit(CASE_SKIPPED);
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
	if (limit.rlim_max < 1 << 24)
		_exit(CASE_SKIPPED);
	limit.rlim_cur = limit.rlim_max;
	CHECK_OK(setrlimit(RLIMIT_CORE, &limit));
}

static int status_of(pid_t pid)
{
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static pid_t raising(int signal)
{
	pid_t child = forked();
	if (!child) {
		raise(signal);
		_exit(0);
	}
	return child;
}

TEST(signals_that_dump_and_those_that_do_not)
{
	static const int dumping[] = {
	    SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
	static const int others[] = {
	    SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGIO};
	need_plain_pattern();
	for (size_t i = 0; i < sizeof(dumping) / sizeof(int); i++) {
		int status = status_of(raising(dumping[i]));
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == dumping[i]);
		CHECK(WCOREDUMP(status));
		CHECK_OK(unlink("core"));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(int); i++) {
		int status = status_of(raising(others[i]));
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == others[i]);
		CHECK(!WCOREDUMP(status));
		CHECK_ERR(access("core", F_OK), ENOENT);
	}
}

TEST(memory_and_registers_are_in_the_file)
{
	need_plain_pattern();
	pid_t child = forked();
	if (!child) {
		char *copy =
		    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		strcpy(copy, marked);
		*(volatile char **)(copy + 64) = copy;
		volatile int *volatile nowhere = (void *)8;
		*nowhere = 1;
	}
	int status = status_of(child);
	CHECK(WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
	struct stat stat;
	CHECK_OK(lstat("core", &stat));
	CHECK_EQ(stat.st_mode, S_IFREG | 0600);
	int fd = open("core", O_RDONLY);
	char *core = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(core != MAP_FAILED);
	const Elf64_Ehdr *head = (void *)core;
	CHECK(!memcmp(head->e_ident, ELFMAG, SELFMAG));
	CHECK_EQ(head->e_type, ET_CORE);
	CHECK_EQ(head->e_machine, EM_X86_64);
	bool has_text = false, has_status = false;
	for (int i = 0; i < head->e_phnum; i++) {
		const Elf64_Phdr *part = (void *)(core + head->e_phoff + i * head->e_phentsize);
		CHECK(part->p_offset + part->p_filesz <= (size_t)stat.st_size);
		if (part->p_type == PT_LOAD && part->p_filesz >= 4096 &&
		    !strcmp(core + part->p_offset, marked))
			has_text = true;
		if (part->p_type != PT_NOTE)
			continue;
		for (char *at = core + part->p_offset;
		     at < core + part->p_offset + part->p_filesz;) {
			const Elf64_Nhdr *note = (void *)at;
			char *body = at + sizeof(*note) + ((note->n_namesz + 3) & ~3u);
			if (note->n_type == NT_PRSTATUS && !has_status) {
				has_status = true;
				CHECK_EQ(note->n_descsz, 336);
				CHECK_EQ(*(int *)body, SIGSEGV);
				CHECK_EQ(*(int *)(body + 32), child);
				CHECK(*(uint64_t *)(body + 112 + 16 * 8) != 0); /* rip */
				CHECK(*(uint64_t *)(body + 112 + 19 * 8) != 0); /* rsp */
			}
			at = body + ((note->n_descsz + 3) & ~3u);
		}
	}
	CHECK(has_text);
	CHECK(has_status);
}

TEST(limits_and_dumpable_are_respected)
{
	need_plain_pattern();
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_CORE, &limit));
	pid_t child = forked();
	if (!child) {
		CHECK_OK(prctl(PR_SET_DUMPABLE, 0));
		abort();
	}
	CHECK(!WCOREDUMP(status_of(child)));
	CHECK_ERR(access("core", F_OK), ENOENT);
	limit.rlim_cur = 8192;
	CHECK_OK(setrlimit(RLIMIT_CORE, &limit));
	CHECK(WCOREDUMP(status_of(raising(SIGABRT))));
	struct stat stat;
	CHECK_OK(lstat("core", &stat));
	CHECK(stat.st_size <= 8192);
	unlink("core");
	limit.rlim_cur = 0;
	CHECK_OK(setrlimit(RLIMIT_CORE, &limit));
	CHECK(!WCOREDUMP(status_of(raising(SIGABRT))));
	CHECK_ERR(access("core", F_OK), ENOENT);
}

TEST(the_parent_is_told_of_the_dump)
{
	need_plain_pattern();
	siginfo_t info = {0};
	pid_t child = raising(SIGABRT);
	CHECK_OK(waitid(P_PID, (id_t)child, &info, WEXITED));
	CHECK_EQ(info.si_code, CLD_DUMPED);
	CHECK_EQ(info.si_status, SIGABRT);
}

TEST(a_handler_still_comes_first)
{
	need_plain_pattern();
	pid_t child = forked();
	if (!child) {
		signal(SIGQUIT, SIG_IGN);
		raise(SIGQUIT);
		signal(SIGQUIT, _exit);
		raise(SIGQUIT);
	}
	int status = status_of(child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGQUIT);
	CHECK_ERR(access("core", F_OK), ENOENT);
}

#define THREADS 4

/* What each thread leaves for the reader of the core: in memory that is shared with him, and in private memory that is dumped. */
struct left_behind {
	int tid;
	uint64_t stack;
};
static struct left_behind *left; /* and behind the threads, where the marks are */
static uint64_t *marks;
static atomic_int ready;

static void *leave_mark(void *arg)
{
	long i = (long)arg;
	uint64_t here;
	left[i].tid = (int)syscall(SYS_gettid);
	left[i].stack = (uint64_t)(uintptr_t)&here;
	/* The end of a thread would clear it. */
	marks[i] = 0x6b72616d00000000 + (uint64_t)i + 1;
	syscall(SYS_set_tid_address, &marks[i]);
	atomic_fetch_add(&ready, 1);
	if (i == 1)
		for (;;)
			; /* in user mode */
	for (;;)
		pause();
	return NULL;
}

static void crash_among_threads(void)
{
	pthread_t thread;
	marks = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	left[THREADS].stack = (uint64_t)(uintptr_t)marks;
	for (long i = 1; i < THREADS; i++)
		CHECK(!pthread_create(&thread, NULL, leave_mark, (void *)i));
	while (atomic_load(&ready) < THREADS - 1)
		sched_yield();
	left[0] = (struct left_behind){(int)syscall(SYS_gettid), (uint64_t)(uintptr_t)&thread};
	volatile int *volatile nowhere = (void *)8;
	*nowhere = 1;
}

/* Which of the threads a status is of; it must be what that thread was. */
static int thread_of(const char *status)
{
	int tid;
	uint64_t stack;
	memcpy(&tid, status + 32, sizeof(tid));
	memcpy(&stack, status + 112 + 19 * 8, sizeof(stack));
	for (int i = 0; i < THREADS; i++)
		if (left[i].tid == tid) {
			CHECK(stack - left[i].stack + 65536 < 2 * 65536);
			return i;
		}
	FAIL("a status of %d", tid);
}

/* Counts the statuses, each of another thread, that which crashed first. */
static int count_statuses(const char *at, const char *end)
{
	int count = 0, seen = 0;
	while (at < end) {
		const Elf64_Nhdr *note = (const void *)at;
		const char *body = at + sizeof(*note) + ((note->n_namesz + 3) & ~3u);
		if (note->n_type == NT_PRSTATUS) {
			int thread = thread_of(body);
			CHECK(count || !thread);
			CHECK(!(seen & 1 << thread));
			seen |= 1 << thread;
			count++;
		}
		at = body + ((note->n_descsz + 3) & ~3u);
	}
	return count;
}

TEST(all_threads_are_in_the_file)
{
	need_plain_pattern();
	left = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = forked();
	if (!child)
		crash_among_threads();
	int status = status_of(child), found = 0, statuses = 0;
	CHECK(WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
	struct stat stat;
	CHECK_OK(lstat("core", &stat));
	int fd = open("core", O_RDONLY);
	const char *core = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(core != MAP_FAILED);
	const Elf64_Ehdr *head = (const void *)core;
	for (int i = 0; i < head->e_phnum; i++) {
		const Elf64_Phdr *part =
		    (const void *)(core + head->e_phoff + (size_t)i * head->e_phentsize);
		const char *body = core + part->p_offset;
		if (part->p_type == PT_NOTE)
			statuses += count_statuses(body, body + part->p_filesz);
		uint64_t inside = left[THREADS].stack - part->p_vaddr;
		if (part->p_type != PT_LOAD || inside >= part->p_filesz)
			continue;
		found++;
		for (uint64_t mark = 1; mark < THREADS; mark++)
			CHECK_EQ(((const uint64_t *)(body + inside))[mark],
			    0x6b72616d00000000 + mark + 1);
	}
	CHECK_EQ(statuses, THREADS);
	CHECK_EQ(found, 1);
}

static void *crash(void *arg)
{
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < THREADS)
		;
	volatile int *volatile nowhere = (void *)8;
	*nowhere = 1;
	return arg;
}

TEST(threads_may_crash_together)
{
	need_plain_pattern();
	for (int round = 0; round < 10; round++) {
		pid_t child = forked();
		if (!child) {
			pthread_t thread;
			for (int i = 1; i < THREADS; i++)
				CHECK(!pthread_create(&thread, NULL, crash, NULL));
			crash(NULL);
		}
		int status = status_of(child);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
		CHECK_OK(unlink("core"));
	}
}

static void *run_again(void *arg)
{
	execl("/proc/self/exe", "core", "core-again", NULL);
	return arg;
}

/* A thread in execve and one that crashes: one of them is first, and the process ends as it says. */
TEST(a_crash_may_meet_an_exec)
{
	need_plain_pattern();
	for (int round = 0; round < 20; round++) {
		pid_t child = forked();
		if (!child) {
			pthread_t thread;
			CHECK(!pthread_create(&thread, NULL, run_again, NULL));
			if (round % 2)
				usleep((useconds_t)(rand() % 2000));
			abort();
		}
		int status = status_of(child);
		CHECK(WIFEXITED(status) ? !WEXITSTATUS(status) : WTERMSIG(status) == SIGABRT);
		unlink("core");
	}
}

static off_t core_size(const char *filter)
{
	pid_t child = forked();
	if (!child) {
		int fd = open("/proc/self/coredump_filter", O_RDWR);
		char text[16] = {0};
		CHECK(fd >= 0 && write(fd, filter, strlen(filter)) == (ssize_t)strlen(filter));
		CHECK(pread(fd, text, sizeof(text) - 1, 0) == 9);
		CHECK_EQ(strtol(text, NULL, 16), strtol(filter, NULL, 0));
		if (!fork()) /* inherited */
			abort();
		wait(NULL);
		_exit(0);
	}
	CHECK_EQ(ended(child), 0);
	struct stat stat;
	CHECK_OK(lstat("core", &stat));
	CHECK_OK(unlink("core"));
	return stat.st_blocks;
}

TEST(what_goes_into_the_file_can_be_chosen)
{
	need_plain_pattern();
	size_t size = 1 << 20;
	char *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(own, 'o', size);
	memset(shared, 's', size);
	off_t blocks = (off_t)(size / 512), none = core_size("0");
	CHECK(none < blocks);
	CHECK(core_size("1") >= none + blocks);
	CHECK(core_size("0x2") >= none + blocks);
	CHECK(core_size("0x33") >= none + 2 * blocks);
}
