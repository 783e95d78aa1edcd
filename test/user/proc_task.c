/* /proc/PID and /proc/PID/task/TID: where threads wait, where they may run, what programs were told at their start. */
#include "proc.h"

#include <grp.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/personality.h>

static bool is_symbol(void)
{
	for (const char *at = text; *at; at++)
		if (!strchr(
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", *at))
			return false;
	return text[0] && strcmp(text, "0") != 0;
}

TEST(wchan_names_where_a_thread_waits)
{
	/* Who looks, runs. */
	CHECK_EQ(read_all("/proc/self/wchan"), 1);
	CHECK(strcmp(text, "0") == 0);
	int ends[2];
	CHECK_OK(pipe(ends));
	pid_t sleeper = forked();
	if (!sleeper)
		for (;;)
			pause();
	pid_t reader = forked();
	if (!reader)
		_exit(read(ends[0], text, 1) != 1);
	for (int i = 0; i < 1000 && !is_symbol(); i++) {
		sleep_ms(1);
		read_all(of(sleeper, "wchan"));
	}
	CHECK(is_symbol());
	char *first = strdup(text);
	strcpy(text, "0");
	for (int i = 0; i < 1000 && !is_symbol(); i++) {
		sleep_ms(1);
		read_all(of(reader, "wchan"));
	}
	CHECK(is_symbol() && strstr(text, "pipe"));
	CHECK(strcmp(text, first) != 0);
	/* The thread's own, by its number; and a stack for who administers the machine. */
	char name[64];
	snprintf(name, sizeof(name), "task/%d/wchan", reader);
	read_all(of(reader, name));
	CHECK(strstr(text, "pipe"));
	read_all(of(reader, "stack"));
	CHECK(strncmp(text, "[<0>] ", 6) == 0 && strstr(text, "pipe"));
	/* Nobody's business but of those who may look into it. */
	pid_t stranger = forked();
	if (!stranger) {
		CHECK_OK(setresgid(54321, 54321, 54321));
		CHECK_OK(setresuid(54321, 54321, 54321));
		CHECK_EQ(read_all(of(reader, "wchan")), 1);
		CHECK(strcmp(text, "0") == 0);
		CHECK_ERR(open(of(reader, "stack"), O_RDONLY), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(stranger), 0);
	int gone = open(of(reader, "wchan"), O_RDONLY);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ(ended(reader), 0);
	CHECK_ERR(read(gone, text, 10), ESRCH);
	CHECK_OK(kill(sleeper, SIGKILL));
	CHECK_EQ(ended(sleeper), -1 - SIGKILL);
}

TEST(auxv_is_what_the_program_was_told)
{
	static const unsigned long keys[] = {AT_PHDR, AT_PHNUM, AT_PAGESZ, AT_ENTRY, AT_UID,
	    AT_SECURE, AT_RANDOM, AT_HWCAP, AT_CLKTCK, AT_EXECFN, AT_SYSINFO_EHDR};
	size_t len = read_all("/proc/self/auxv"), count = len / (2 * sizeof(long));
	const unsigned long *pairs = (const unsigned long *)text;
	CHECK(count > 10 && len % (2 * sizeof(long)) == 0);
	CHECK(pairs[2 * count - 2] == AT_NULL && pairs[2 * count - 1] == 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t at = 0;
		while (at < count && pairs[2 * at] != keys[i])
			at++;
		CHECK(at < count);
		CHECK_EQ(pairs[2 * at + 1], getauxval(keys[i]));
	}
	/* A child has the same. */
	char own[2048];
	CHECK(len < sizeof(own));
	memcpy(own, text, len);
	pid_t pid = forked();
	if (!pid)
		_exit(read_all("/proc/self/auxv") != len || memcmp(own, text, len) != 0);
	CHECK_EQ(ended(pid), 0);
	pid_t other = getpid(), stranger = forked();
	if (!stranger) {
		CHECK_OK(setresgid(54321, 54321, 54321));
		CHECK_OK(setresuid(54321, 54321, 54321));
		CHECK_ERR(open(of(other, "auxv"), O_RDONLY), EACCES);
		_exit(0);
	}
	CHECK_EQ(ended(stranger), 0);
}

/* The sum of a line of all areas. */
static long sum_of(const char *key)
{
	long sum = 0;
	for (const char *at = text; (at = strstr(at, key)); at++)
		if (at == text || at[-1] == '\n')
			sum += strtol(at + strlen(key), NULL, 10);
	return sum;
}

TEST(smaps_rollup_is_the_sum_of_smaps)
{
	static const char *const keys[] = {
	    "Rss:", "Pss:", "Pss_Dirty:", "Shared_Clean:", "Shared_Dirty:", "Private_Clean:",
	    "Private_Dirty:", "Referenced:", "Anonymous:", "LazyFree:", "AnonHugePages:",
	    "ShmemPmdMapped:", "Shared_Hugetlb:", "Swap:", "SwapPss:", "Locked:"};
	enum { COUNT = sizeof(keys) / sizeof(keys[0]) };
	long sums[COUNT];
	const size_t size = 4 << 20;
	memset(text, 1, sizeof(text)); /* it is there before it is counted */
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	memset(memory, 1, size);
	read_all("/proc/self/smaps");
	CHECK(strstr(text, "\nTHPeligible:    ") && strstr(text, "\nVmFlags: rd "));
	CHECK(strstr(text, "\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"));
	for (int i = 0; i < COUNT; i++)
		sums[i] = sum_of(keys[i]);
	read_all("/proc/self/smaps_rollup");
	unsigned long start, end;
	int name = 0;
	CHECK_EQ(sscanf(text, "%lx-%lx ---p 00000000 00:00 0 %n", &start, &end, &name), 2);
	CHECK(name == 73 && strncmp(text + name, "[rollup]\nRss: ", 14) == 0);
	CHECK(start < (unsigned long)text && end > (unsigned long)&start);
	for (int i = 0; i < COUNT; i++)
		CHECK(labs(number_of(keys[i]) - sums[i]) <= 256);
	CHECK(labs(number_of("Pss:") - number_of("Pss_Anon:") - number_of("Pss_File:") -
		   number_of("Pss_Shmem:")) <= 8);
	CHECK(number_of("Pss_Shmem:") >= (long)size / 1024);
}

TEST(personality_and_mountstats)
{
	read_all("/proc/self/personality");
	CHECK_EQ(strlen(text), 9);
	CHECK_EQ(strtoul(text, NULL, 16), (unsigned)personality(0xffffffff));
	CHECK_OK(personality(ADDR_NO_RANDOMIZE));
	read_all("/proc/self/personality");
	CHECK(strcmp(text, "00040000\n") == 0);
	read_all("/proc/self/mountstats");
	CHECK(strstr(text, "device proc mounted on /proc with fstype proc\n"));
}

/* Where a thread may run is its own. */
static pthread_barrier_t is_bound, is_seen;

static void *bound_thread(void *arg)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
	*(int *)arg = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&is_bound);
	pthread_barrier_wait(&is_seen);
	return NULL;
}

TEST(status_tells_where_a_thread_may_run)
{
	pthread_t thread;
	char name[64], all[300];
	int tid;
	cpu_set_t set;
	CHECK_OK(sched_getaffinity(0, sizeof(set), &set));
	if (!CPU_ISSET(0, &set))
		_exit(CASE_SKIPPED);
	read_all("/proc/self/status");
	snprintf(all, sizeof(all), "%s", value_of("Cpus_allowed_list:"));
	CHECK_EQ(
	    __builtin_popcountl(strtoul(value_of("Cpus_allowed:"), NULL, 16)), CPU_COUNT(&set));
	CHECK_EQ(number_of("Mems_allowed_list:"), 0);
	CHECK(strstr(value_of("Mems_allowed:"), "00000001") ||
	      strstr(value_of("Mems_allowed:"), "00000003") || number_of("Mems_allowed:") == 1);
	pthread_barrier_init(&is_bound, NULL, 2);
	pthread_barrier_init(&is_seen, NULL, 2);
	CHECK(!pthread_create(&thread, NULL, bound_thread, &tid));
	pthread_barrier_wait(&is_bound);
	snprintf(name, sizeof(name), "/proc/self/task/%d/status", tid);
	read_all(name);
	CHECK(strcmp(value_of("Cpus_allowed_list:"), "0") == 0);
	CHECK_EQ(strtoul(value_of("Cpus_allowed:"), NULL, 16), 1);
	CHECK(number_of("NSpid:") == tid && number_of("NStgid:") == getpid());
	CHECK_EQ(number_of("NSsid:"), getsid(0));
	read_all("/proc/self/status");
	CHECK(strcmp(value_of("Cpus_allowed_list:"), all) == 0);
	CHECK(number_of("VmPTE:") > 0 && number_of("VmPin:") == 0 && number_of("Kthread:") == 0);
	pthread_barrier_wait(&is_seen);
	CHECK(!pthread_join(thread, NULL));
}

/* The policy, and the priority that is shown of it. */
TEST(stat_tells_the_policy)
{
	static const int policies[] = {SCHED_BATCH, SCHED_IDLE, SCHED_OTHER};
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		/* The call itself: musl refuses. */
		struct sched_param none = {0};
		CHECK_OK(syscall(SYS_sched_setscheduler, 0, policies[i], &none));
		read_all("/proc/self/stat");
		const char *at = strrchr(text, ')');
		for (int field = 2; field < 41; field++)
			at = strchr(at + 1, ' ');
		CHECK_EQ(atoi(at), policies[i]);
	}
}

TEST(mounts_say_how_access_times_are_kept)
{
	char options[300];
	read_all("/proc/self/mounts");
	const char *line = strstr(text, " /proc proc ");
	CHECK(line && sscanf(line, " /proc proc %299s", options) == 1);
	CHECK(strstr(options, ",relatime") || strstr(options, ",noatime"));
}

TEST(status_lists_groups)
{
	const gid_t groups[] = {20, 30, 40};
	CHECK_OK(setgroups(3, groups));
	read_all("/proc/self/status");
	CHECK(strstr(text, "\nGroups:\t20 30 40 \nNStgid:\t"));
	CHECK_OK(setgroups(0, NULL));
	read_all("/proc/self/status");
	CHECK(strstr(text, "\nGroups:\t \nNStgid:\t"));
}

TEST(status_counts_room_for_descriptors)
{
	CHECK_OK(dup2(0, 700));
	read_all("/proc/self/status");
	CHECK(number_of("FDSize:") > 700);
}

TEST(modes_say_who_may_look)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {{"auxv", 0400}, {"wchan", 0444}, {"stack", 0400}, {"personality", 0400},
	    {"mountinfo", 0444}, {"smaps_rollup", 0444}, {"maps", 0444}, {"environ", 0400},
	    {"limits", 0444}, {"comm", 0644}, {"fd", 0500}};
	struct stat stat;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[64];
		CHECK_OK(lstat(of(getpid(), files[i].name), &stat));
		CHECK_EQ(stat.st_mode & 07777, files[i].mode);
		snprintf(name, sizeof(name), "task/%d/%s", getpid(), files[i].name);
		CHECK_OK(lstat(of(getpid(), name), &stat));
		CHECK_EQ(stat.st_mode & 07777, files[i].mode);
	} /* What a thread has no part in. */
	snprintf(text, sizeof(text), "/proc/self/task/%d/mountstats", getpid());
	CHECK(lstat(text, &stat) && errno == ENOENT);
	CHECK_OK(lstat("/proc/self/mountstats", &stat));
	CHECK_EQ(stat.st_mode & 07777, 0400);
}
