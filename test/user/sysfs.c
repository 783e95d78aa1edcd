/* /sys: processors, nodes and huge pages, compared with what calls and /proc say. */
#include "proc.h"

#include <dirent.h>
#include <sys/vfs.h>

/* What a list like "0-2,5" says. */
static uint64_t set_of(const char *list)
{
	uint64_t set = 0;
	char *at;
	while (*list >= '0' && *list <= '9') {
		unsigned long first = strtoul(list, &at, 10), last = first;
		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		for (; first <= last && first < 64; first++)
			set |= 1ull << first;
		list = *at == ',' ? at + 1 : at;
	}
	CHECK(strcmp(list, "\n") == 0);
	return set;
}

static uint64_t list_at(const char *folder, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/devices/system/%s/%s", folder, name);
	read_all(path);
	return set_of(text);
}

static uint64_t bits_at(const char *folder, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "/sys/devices/system/%s/%s", folder, name);
	read_all(path);
	CHECK(text[0] && text[strlen(text) - 1] == '\n');
	uint64_t bits = 0;
	for (const char *at = text; *at != '\n'; at++)
		if (*at != ',')
			bits = bits << 4 | strtoul((char[]){*at, 0}, NULL, 16);
	return bits;
}

/* How many entries of a folder are the prefix and a number. */
static int count_numbered(const char *folder, const char *prefix)
{
	int count = 0;
	DIR *dir = opendir(folder);
	CHECK(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
			 strchr("0123456789", entry->d_name[strlen(prefix)]);
	closedir(dir);
	return count;
}

TEST(processors)
{
	uint64_t online = list_at("cpu", "online"), possible = list_at("cpu", "possible");
	CHECK_EQ(__builtin_popcountll(online), sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(online & 1 && (possible & online) == online);
	CHECK_EQ(list_at("cpu", "present") & online, online);
	CHECK_EQ(list_at("cpu", "offline") & online, 0);
	CHECK_EQ(list_at("cpu", "isolated") & ~possible, 0);
	read_all("/sys/devices/system/cpu/kernel_max");
	CHECK(atoi(text) >= __builtin_popcountll(online) - 1);
	CHECK_EQ(count_numbered("/sys/devices/system/cpu", "cpu"), __builtin_popcountll(possible));
	struct stat stat;
	CHECK_ERR(lstat("/sys/devices/system/cpu/cpu64000", &stat), ENOENT);
	CHECK_ERR(lstat("/sys/devices/system/cpu/cpu", &stat), ENOENT);
	CHECK_ERR(lstat("/sys/devices/system/cpu/cpu00", &stat), ENOENT);
	CHECK_ERR(lstat("/sys/devices/system/cpu/0", &stat), ENOENT);
}

TEST(topology)
{
	uint64_t online = list_at("cpu", "online");
	for (unsigned cpu = 0; cpu < 64; cpu++) {
		char folder[64], path[128];
		if (!(online >> cpu & 1))
			continue;
		snprintf(folder, sizeof(folder), "cpu/cpu%u/topology", cpu);
		uint64_t core = list_at(folder, "core_cpus_list");
		uint64_t package = list_at(folder, "package_cpus_list");
		CHECK(core >> cpu & 1 && (package & core) == core);
		CHECK_EQ(bits_at(folder, "core_cpus"), core);
		CHECK_EQ(bits_at(folder, "thread_siblings"), core);
		CHECK_EQ(list_at(folder, "thread_siblings_list"), core);
		CHECK_EQ(bits_at(folder, "package_cpus"), package);
		CHECK_EQ(bits_at(folder, "core_siblings"), package);
		CHECK_EQ(list_at(folder, "core_siblings_list"), package);
		CHECK_EQ(list_at(folder, "die_cpus_list") & core, core);
		snprintf(path, sizeof(path), "/sys/devices/system/%s/physical_package_id", folder);
		read_all(path);
		CHECK(*text >= '0' && *text <= '9');
	}
}

/* As cpuinfo says them. */
TEST(cores_agree_with_cpuinfo)
{
	read_all("/proc/cpuinfo");
	long core = number_of("core id\t\t: "), package = number_of("physical id\t: ");
	read_all("/sys/devices/system/cpu/cpu0/topology/core_id");
	CHECK_EQ(atol(text), core);
	read_all("/sys/devices/system/cpu/cpu0/topology/physical_package_id");
	CHECK_EQ(atol(text), package);
}

TEST(nodes)
{
	uint64_t online = list_at("node", "online"), cpus = 0;
	long total = 0;
	CHECK(online & 1 && (list_at("node", "possible") & online) == online);
	CHECK_EQ(list_at("node", "has_cpu") & ~online, 0);
	CHECK_EQ(list_at("node", "has_memory") & ~online, 0);
	CHECK_EQ(count_numbered("/sys/devices/system/node", "node"), __builtin_popcountll(online));
	for (unsigned node = 0; node < 64; node++) {
		char folder[32], key[128];
		if (!(online >> node & 1))
			continue;
		snprintf(folder, sizeof(folder), "node/node%u", node);
		uint64_t own = list_at(folder, "cpulist");
		CHECK_EQ(bits_at(folder, "cpumap"), own);
		CHECK_EQ(cpus & own, 0);
		cpus |= own;
		snprintf(key, sizeof(key), "/sys/devices/system/%s/distance", folder);
		read_all(key);
		int distances = 1;
		for (const char *at = text; *at; at++)
			distances += *at == ' ';
		CHECK(distances == __builtin_popcountll(online) && atoi(text) >= 10);
		snprintf(key, sizeof(key), "/sys/devices/system/%s/meminfo", folder);
		read_all(key);
		snprintf(key, sizeof(key), "Node %u MemTotal:", node);
		long here = number_of(key);
		CHECK(strstr(value_of(key), " kB"));
		snprintf(key, sizeof(key), "Node %u MemFree:", node);
		long left = number_of(key);
		snprintf(key, sizeof(key), "Node %u MemUsed:", node);
		CHECK_EQ(number_of(key), here - left);
		total += here;
	}
	CHECK_EQ(cpus, list_at("cpu", "online"));
	read_all("/proc/meminfo");
	CHECK(total > 0 && total <= number_of("MemTotal:") + 64);
	if (getenv("OWN_MACHINE"))
		CHECK_EQ(number_of("MemTotal:"), total);
}

TEST(huge_pages)
{
	read_all("/sys/kernel/mm/transparent_hugepage/enabled");
	CHECK(strstr(text, "[always]") || strstr(text, "[madvise]") || strstr(text, "[never]"));
	read_all("/sys/kernel/mm/transparent_hugepage/defrag");
	CHECK(strchr(text, '[') && strchr(text, ']'));
	read_all("/sys/kernel/mm/transparent_hugepage/use_zero_page");
	CHECK(*text == '0' || *text == '1');
	read_all("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	CHECK(strchr(text, '[') && strchr(text, ']'));
	read_all("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
	CHECK(strcmp(text, "2097152\n") == 0);
}

TEST(sys_is_a_file_system_of_its_own)
{
	struct statfs fs;
	struct stat stat;
	CHECK_OK(statfs("/sys", &fs));
	CHECK_EQ(fs.f_type, 0x62656572);
	CHECK_OK(lstat("/sys/devices/system/cpu/online", &stat));
	CHECK_EQ(stat.st_mode, S_IFREG | 0444);
	CHECK_EQ(stat.st_size, 4096);
	CHECK_OK(lstat("/sys/devices/system/cpu/cpu0", &stat));
	CHECK(S_ISDIR(stat.st_mode));
	CHECK_OK(lstat("/sys/fs/cgroup", &stat));
	CHECK(S_ISDIR(stat.st_mode));
	CHECK_OK(lstat("/sys/dev/block", &stat));
	CHECK(S_ISDIR(stat.st_mode));
	CHECK_OK(lstat("/sys/block", &stat));
	CHECK(S_ISDIR(stat.st_mode));
	CHECK_ERR(mkdir("/sys/new", 0755), EPERM);
	read_all("/proc/filesystems");
	CHECK(strstr(text, "nodev\tsysfs\n"));
	read_all("/proc/mounts");
	CHECK(strstr(text, " /sys sysfs rw"));
}
