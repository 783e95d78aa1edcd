/* /proc: what it says of the system, compared with what calls say. */
#include "proc.h"

#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

TEST(cpuinfo_has_each_processor)
{
	long count = 0;
	read_all("/proc/cpuinfo");
	for (char *at = text; (at = strstr(at, "processor\t: ")); at++)
		CHECK_EQ(atoi(at + 12), count++);
	CHECK_EQ(count, sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(strstr(text, "vendor_id\t: ") && strstr(text, "model name\t: "));
	CHECK(strstr(text, "flags\t\t: ") && strstr(text, "cpu MHz\t\t: "));
}

static bool has_flag(const char *name)
{
	char padded[32];
	snprintf(padded, sizeof(padded), " %s ", name);
	const char *flags = strstr(text, "flags\t\t:");
	const char *end = flags ? strchr(flags, '\n') : NULL,
		   *found = flags ? strstr(flags, padded) : NULL;
	return found && found < end;
}

TEST(cpuinfo_names_what_the_processor_can)
{
	read_all("/proc/cpuinfo");
	/* What each processor of 64 bits has; and what others do not. */
	CHECK(has_flag("fpu") && has_flag("sse2") && has_flag("cx8") && has_flag("lm"));
	CHECK(!has_flag("ia64") && !has_flag("no_such_flag"));
	CHECK_EQ(has_flag("avx2"), !!__builtin_cpu_supports("avx2"));
	CHECK(strstr(text, "cpu cores\t: ") && strstr(text, "siblings\t: ") &&
	      strstr(text, "apicid\t\t: "));
	CHECK(strstr(text, "bits physical, ") && strstr(text, "bogomips\t: "));
}

/* Files in memory are told as such, and given back. */
TEST(meminfo_tells_of_files_in_memory)
{
	enum { SIZE = 32 << 20, HALF_KIB = SIZE / 2 / 1024 };
	struct sysinfo before, after;
	read_all("/proc/meminfo");
	long shared = (long)number_of("Shmem:"), cached = (long)number_of("Cached:");
	CHECK_OK(sysinfo(&before));
	int fd = memfd_create("much", 0);
	CHECK(fd >= 0);
	CHECK_OK(posix_fallocate(fd, 0, SIZE));
	read_all("/proc/meminfo");
	CHECK((long)number_of("Shmem:") - shared > HALF_KIB);
	CHECK((long)number_of("Cached:") - cached > HALF_KIB);
	CHECK_OK(sysinfo(&after));
	CHECK((after.sharedram - before.sharedram) * after.mem_unit / 1024 > HALF_KIB);
	close(fd);
	for (int i = 0; i < 1000 && (long)number_of("Shmem:") - shared > HALF_KIB; i++) {
		usleep(10000);
		read_all("/proc/meminfo");
	}
	CHECK((long)number_of("Shmem:") - shared < HALF_KIB);
	CHECK(number_of("Slab:") == number_of("SReclaimable:") + number_of("SUnreclaim:"));
}

/* Ticks of all processors that were spent in user mode, and in the kernel. */
static void read_ticks(unsigned long *user, unsigned long *system)
{
	read_all("/proc/stat");
	CHECK_EQ(sscanf(text, "cpu %lu %*u %lu", user, system), 2);
}

TEST(stat_tells_the_users_time_from_the_kernels)
{
	unsigned long user, system, user_then, system_then;
	struct timespec used;
	read_ticks(&user, &system);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while (used.tv_sec == 0 && used.tv_nsec < 200000000);
	volatile unsigned work = 0;
	do {
		for (int i = 0; i < 1000000; i++)
			work++;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while (used.tv_sec < 1);
	read_ticks(&user_then, &system_then);
	CHECK(user_then - user > 40);
	CHECK(system_then > system);
}

TEST(meminfo_agrees_with_sysinfo)
{
	struct sysinfo info;
	CHECK_OK(sysinfo(&info));
	read_all("/proc/meminfo");
	CHECK_EQ(number_of("MemTotal:"), info.totalram * info.mem_unit / 1024);
	CHECK_EQ(number_of("SwapTotal:"), info.totalswap * info.mem_unit / 1024);
	CHECK(number_of("MemFree:") > 0 && number_of("MemFree:") <= number_of("MemTotal:"));
	CHECK(number_of("MemAvailable:") > 0);
	CHECK(number_of("MemAvailable:") <= number_of("MemTotal:"));
	static const char *const others[] = {"Buffers:", "Cached:", "SwapFree:"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		CHECK(strstr(value_of(others[i]), " kB"));
}

TEST(stat_of_the_system)
{
	long long user, nice, system, idle, sum = 0, cpu;
	read_all("/proc/stat");
	CHECK_EQ(sscanf(value_of("cpu "), "%lld %lld %lld %lld", &user, &nice, &system, &idle), 4);
	CHECK(user + system > 0);
	for (long i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++) {
		char key[32];
		snprintf(key, sizeof(key), "cpu%ld ", i);
		CHECK_EQ(sscanf(value_of(key), "%*d %*d %*d %lld", &cpu), 1);
		sum += cpu;
	}
	CHECK(llabs(sum - idle) <= 100 + idle / 10);
	CHECK(number_of("ctxt") > 0);
	CHECK(number_of("procs_running") >= 1);
	long boot = number_of("btime");
	struct timespec up;
	clock_gettime(CLOCK_BOOTTIME, &up);
	CHECK(labs(time(NULL) - up.tv_sec - boot) <= 2);
	long processes = number_of("processes");
	CHECK_EQ(ended(forked() ?: (_exit(0), 0)), 0);
	read_all("/proc/stat");
	CHECK(number_of("processes") > processes);
}

TEST(load_averages_follow_what_runs)
{
	double before[3], after[3], told;
	pid_t child = forked();
	if (!child)
		for (;;)
			;
	CHECK_EQ(getloadavg(before, 3), 3);
	/* It is counted every five seconds. */
	sleep_ms(11000);
	CHECK_EQ(getloadavg(after, 3), 3);
	CHECK(after[0] >= 0.1);
	CHECK(after[0] > before[0] || before[0] > 0.5);
	CHECK(after[1] > 0 && after[2] > 0);
	read_all("/proc/loadavg");
	CHECK_EQ(sscanf(text, "%lf", &told), 1);
	CHECK(told > after[0] / 2 - 0.02 && told < after[0] * 2 + 0.5);
	kill(child, SIGKILL);
	ended(child);
}

TEST(uptime_loadavg_version)
{
	double up, idle, load[3];
	int running, all, last;
	struct timespec now;
	read_all("/proc/uptime");
	CHECK_EQ(sscanf(text, "%lf %lf\n", &up, &idle), 2);
	clock_gettime(CLOCK_BOOTTIME, &now);
	double seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	CHECK(up > 0 && up <= seconds + 0.02 && up > seconds - 2 && idle >= 0);
	read_all("/proc/loadavg");
	CHECK_EQ(sscanf(text, "%lf %lf %lf %d/%d %d\n", &load[0], &load[1], &load[2], &running,
		     &all, &last),
	    6);
	CHECK(running >= 1 && all >= running && last > 0);
	struct utsname name;
	CHECK_OK(uname(&name));
	read_all("/proc/version");
	CHECK(strncmp(text, "Linux version ", 14) == 0);
	CHECK(strncmp(text + 14, name.release, strlen(name.release)) == 0);
}

/* What vmstat(8) looks for. */
TEST(vmstat)
{
	static const char *const names[] = {"pgpgin ", "pgpgout ", "pswpin ", "pswpout "};
	read_all("/proc/vmstat");
	CHECK(number_of("nr_free_pages ") > 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(number_of(names[i]) >= 0);
}

TEST(mounts_and_filesystems)
{
	char place[PATH_MAX], kind[64], options[1000];
	int freq, pass;
	bool has_root = false, has_proc = false;
	CHECK(strcmp(target_of("/proc/mounts"), "self/mounts") == 0);
	read_all("/proc/mounts");
	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		CHECK_EQ(sscanf(line, "%*s %4000s %60s %990s %d %d\n", place, kind, options, &freq,
			     &pass),
		    5);
		has_root |= strcmp(place, "/") == 0;
		has_proc |= strcmp(place, "/proc") == 0 && strcmp(kind, "proc") == 0;
		CHECK(strncmp(options, "rw", 2) == 0 || strncmp(options, "ro", 2) == 0);
	}
	CHECK(has_root && has_proc);
	read_all("/proc/filesystems");
	CHECK(strstr(text, "nodev\tproc\n") && strstr(text, "nodev\ttmpfs\n"));
}

TEST(files_can_be_read_in_pieces)
{
	static char whole[1 << 16];
	static const char *const names[] = {"/proc/version", "/proc/cpuinfo", "/proc/filesystems",
	    "/proc/self/maps", "/proc/self/cmdline", "/proc/self/mounts", "/proc/self/limits"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = read_all(names[i]);
		CHECK(len < sizeof(whole));
		memcpy(whole, text, len);
		if (strcmp(names[i], "/proc/cpuinfo") == 0)
			continue; /* its clock rates may change */
		CHECK_EQ(read_pieces(names[i], 7), len);
		CHECK(memcmp(whole, text, len) == 0);
		int fd = open(names[i], O_RDONLY);
		CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
		char piece[4];
		CHECK_EQ(read(fd, piece, 4), 4);
		CHECK(memcmp(piece, whole + 5, 4) == 0);
		CHECK_EQ(pread(fd, piece, 4, (off_t)len + 10), 0);
		close(fd);
	}
	struct stat st;
	CHECK_OK(stat("/proc/version", &st));
	CHECK(S_ISREG(st.st_mode) && st.st_size == 0 && (st.st_mode & 0777) == 0444);
}

TEST(settings_of_the_system_can_be_read)
{
	struct timespec turn;
	CHECK_OK(sched_rr_get_interval(0, &turn));
	read_all("/proc/sys/kernel/sched_rr_timeslice_ms");
	CHECK(atoi(text) > 0);
	int levels[4];
	read_all("/proc/sys/kernel/printk");
	CHECK_EQ(sscanf(text, "%d %d %d %d", levels, levels + 1, levels + 2, levels + 3), 4);
	CHECK(levels[0] >= 1 && levels[3] >= 1);
	read_all("/proc/sys/fs/pipe-user-pages-soft");
	CHECK(*text >= '0' && *text <= '9');
	read_all("/proc/sys/fs/aio-max-nr");
	CHECK(atoi(text) > 0);
	read_all("/proc/sys/vm/max_map_count");
	CHECK(atoi(text) >= 65530);
}

TEST(timer_slack_is_told_and_set_by_file)
{
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 70001));
	read_all("/proc/self/timerslack_ns");
	CHECK_EQ(atoi(text), 70001);
	int fd = open("/proc/self/timerslack_ns", O_RDWR);
	CHECK_EQ(write(fd, "1234", 4), 4);
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1234);
	CHECK_ERR(write(fd, "some", 4), EINVAL);
	CHECK_ERR(prctl(PR_SET_TIMING, 1), EINVAL);
	CHECK_EQ(prctl(PR_GET_TIMING), 0);
}

static ino_t folder_of(pid_t pid)
{
	char name[32];
	struct stat stat;
	snprintf(name, sizeof(name), "/proc/%d", pid);
	CHECK_OK(lstat(name, &stat));
	/* The list of all says the same. */
	DIR *all = opendir("/proc");
	const struct dirent *entry;
	while ((entry = readdir(all)) && atoi(entry->d_name) != pid)
		;
	CHECK(entry && entry->d_ino == stat.st_ino);
	closedir(all);
	return stat.st_ino;
}

TEST(a_process_can_get_a_number_back)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_RDWR);
	char number[16] = {0};
	bool is_same = false;
	if (fd < 0 && errno == ENOENT)
		_exit(CASE_SKIPPED);
	CHECK(fd >= 0);
	for (int i = 0; i < 500 && !is_same; i++) {
		pid_t pid = forked();
		if (!pid)
			pause();
		ino_t first = folder_of(pid);
		CHECK(!kill(pid, SIGKILL) && ended(pid) == -1 - SIGKILL);
		snprintf(number, sizeof(number), "%d", pid - 1);
		CHECK(pwrite(fd, number, strlen(number), 0) == (ssize_t)strlen(number));
		pid_t again = forked();
		if (!again)
			pause();
		/* Unless others took it meanwhile, or its folder's number is the same by chance. */
		is_same = again == pid && folder_of(again) != first;
		CHECK(!kill(again, SIGKILL) && ended(again) == -1 - SIGKILL);
	}
	CHECK(is_same);
	memset(number, 0, sizeof(number));
	CHECK(pread(fd, number, sizeof(number) - 1, 0) > 0 && atoi(number) > 0);
	CHECK_ERR(pwrite(fd, "-1", 2, 0), EINVAL);
	CHECK_ERR(pwrite(fd, "99999999", 8, 0), EINVAL);
	CHECK_OK(setuid(1000));
	CHECK_ERR(pwrite(fd, "100", 3, 0), EPERM);
}

/* Each row of /proc/interrupts has a count for each processor; their sum is that of /proc/stat. */
TEST(interrupts_of_each_processor)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), rows = 0, timer = 0, other;
	unsigned long long before, after, sum = 0;
	read_all("/proc/stat");
	before = strtoull(value_of("intr "), NULL, 10);
	read_all("/proc/interrupts");
	CHECK(strncmp(text, "           CPU0 ", 16) == 0);
	for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1, rows++) {
		char *at = strchr(line, ':') + 1;
		bool is_error = strncmp(line, "ERR:", 4) == 0 || strncmp(line, "MIS:", 4) == 0;
		for (long cpu = 0; cpu < (is_error ? 1 : cpus); cpu++) {
			char *end;
			CHECK(*at == ' ');
			other = strtol(at, &end, 10);
			CHECK(end > at);
			at = end;
			sum += (unsigned long long)other;
			if (strncmp(line, "LOC:", 4) == 0)
				timer += other;
		}
	}
	CHECK(rows > 3 && timer > 0);
	read_all("/proc/stat");
	after = strtoull(value_of("intr "), NULL, 10);
	CHECK(before > 0 && after >= before);
	if (getenv("OWN_MACHINE"))
		CHECK(sum >= before && sum <= after);
	unsigned long long soft, kinds[10];
	CHECK_EQ(
	    sscanf(value_of("softirq "), "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
		&soft, kinds, kinds + 1, kinds + 2, kinds + 3, kinds + 4, kinds + 5, kinds + 6,
		kinds + 7, kinds + 8, kinds + 9),
	    11);
	CHECK(number_of("procs_blocked ") >= 0);
}

TEST(devices_and_their_drivers)
{
	read_all("/proc/devices");
	CHECK(strncmp(text, "Character devices:\n  1 mem\n", 27) == 0);
	CHECK(strstr(text, "\n  5 /dev/tty\n") && strstr(text, "\n136 pts\n"));
	CHECK(strstr(text, "\n\nBlock devices:\n"));
	read_all("/proc/tty/drivers");
	CHECK(strstr(text, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"));
	CHECK(strstr(text, "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"));
	char name[32], flags[32];
	int major, minor;
	if (read_all("/proc/consoles")) {
		CHECK_EQ(sscanf(text, "%31s %*s (%31[^)]) %d:%d", name, flags, &major, &minor), 4);
		CHECK(strchr(flags, 'E') && major > 0 && strlen(text) > 21 && text[20] == ' ');
	}
	read_all("/proc/execdomains");
	CHECK(strcmp(text, "0-0\tLinux           \t[kernel]\n") == 0);
	read_all("/proc/swaps");
	CHECK(strncmp(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", 39) == 0);
	/* There may be none. */
	read_all("/proc/misc");
	read_all("/proc/partitions");
	read_all("/proc/diskstats");
}

TEST(huge_pages_and_what_is_to_be_written)
{
	read_all("/proc/meminfo");
	CHECK(number_of("Dirty:") >= 0 && number_of("Writeback:") >= 0);
	CHECK(strcmp(value_of("Hugepagesize:"), "2048 kB") == 0);
	CHECK(number_of("HugePages_Free:") <= number_of("HugePages_Total:"));
	long total = number_of("HugePages_Total:");
	read_all("/proc/sys/vm/nr_hugepages");
	CHECK_EQ(atol(text), total);
}

TEST(settings_are_numbers)
{
	static const char *const names[] = {"kernel/overflowuid", "kernel/overflowgid",
	    "kernel/randomize_va_space", "kernel/pid_max", "kernel/threads-max",
	    "kernel/cap_last_cap", "kernel/ngroups_max", "kernel/random/entropy_avail",
	    "kernel/random/poolsize", "fs/overflowuid", "fs/overflowgid", "fs/leases-enable",
	    "fs/suid_dumpable", "fs/nr_open", "fs/file-max", "fs/pipe-max-size",
	    "vm/overcommit_memory", "vm/max_map_count", "vm/mmap_min_addr",
	    "vm/nr_overcommit_hugepages", "vm/oom_kill_allocating_task", "vm/panic_on_oom"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[64], *end;
		snprintf(name, sizeof(name), "/proc/sys/%s", names[i]);
		read_all(name);
		strtoul(text, &end, 10);
		CHECK(end > text && strcmp(end, "\n") == 0);
	}
	read_all("/proc/sys/kernel/overflowuid");
	CHECK_EQ(atoi(text), 65534);
	unsigned long used, unused, max;
	read_all("/proc/sys/fs/file-nr");
	CHECK_EQ(sscanf(text, "%lu\t%lu\t%lu\n", &used, &unused, &max), 3);
	CHECK(used > 0 && used <= max);
}
