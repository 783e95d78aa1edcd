/* The file system, and which files there are. */
#include "sysfs_impl.h"

#include <abi/linux/fcntl.h>
#include <sysfs/sysfs.h>

#define SYSFS_MAGIC 0x62656572

#define SHOW_TEXT(name, ...)                                                                       \
	static int name(struct proc_text *text, const struct proc_subject *subject)                \
	{                                                                                          \
		(void)subject;                                                                     \
		proc_print(text, __VA_ARGS__);                                                     \
		return 0;                                                                          \
	}

/* Anonymous memory comes in huge pages where they fit, shared memory in small ones. */
SHOW_TEXT(show_huge_anonymous, "[always] madvise never\n")
SHOW_TEXT(show_huge_shared, "always within_size advise [never] deny force\n")
/* None is looked for by moving others; what is only read is a small page of zeroes. */
SHOW_TEXT(show_huge_search, "always defer defer+madvise madvise [never]\n")
SHOW_TEXT(show_huge_zero, "0\n")
SHOW_TEXT(show_huge_size, "%llu\n", 2 * MiB)

/* clang-format off */
#define FILE_(text, show_)     {.name = text, .mode = S_IFREG | 0444, .show = show_}
#define DIRECTORY(text, table) {.name = text, .mode = S_IFDIR | 0755, .children = table, .child_count = ARRAY_LEN(table)}
#define EMPTY(text)            {.name = text, .mode = S_IFDIR | 0755}

static const struct proc_entry topology_entries[] = {
    FILE_("core_cpus", show_core_bits),
    FILE_("core_cpus_list", show_core_list),
    FILE_("core_id", show_core),
    FILE_("core_siblings", show_package_bits),
    FILE_("core_siblings_list", show_package_list),
    FILE_("die_cpus", show_package_bits),
    FILE_("die_cpus_list", show_package_list),
    FILE_("die_id", show_package),
    FILE_("package_cpus", show_package_bits),
    FILE_("package_cpus_list", show_package_list),
    FILE_("physical_package_id", show_package),
    FILE_("thread_siblings", show_core_bits),
    FILE_("thread_siblings_list", show_core_list),
};
static const struct proc_entry one_cpu_entries[] = {DIRECTORY("topology", topology_entries)};
static const struct proc_entry one_cpu = DIRECTORY("", one_cpu_entries);

static const struct proc_entry cpu_entries[] = {
    FILE_("isolated", show_no_cpus),
    FILE_("kernel_max", show_cpu_max),
    FILE_("offline", show_no_cpus),
    FILE_("online", show_cpus),
    FILE_("possible", show_cpus),
    FILE_("present", show_cpus),
};

static const struct proc_entry one_node_entries[] = {
    FILE_("cpulist", show_node_cpu_list),
    FILE_("cpumap", show_node_cpu_bits),
    FILE_("distance", show_node_distances),
    FILE_("meminfo", show_node_memory),
};
static const struct proc_entry one_node = DIRECTORY("", one_node_entries);

static const struct proc_entry node_entries[] = {
    FILE_("has_cpu", show_nodes_with_cpus),
    FILE_("has_memory", show_nodes_with_memory),
    FILE_("has_normal_memory", show_nodes_with_memory),
    FILE_("online", show_nodes),
    FILE_("possible", show_nodes),
};

static const struct proc_entry system_entries[] = {
    {.name = "cpu", .mode = S_IFDIR | 0755, .children = cpu_entries, .child_count = ARRAY_LEN(cpu_entries),
     .kind = DIR_NUMBERED, .prefix = "cpu", .count = count_cpus, .each = &one_cpu},
    {.name = "node", .mode = S_IFDIR | 0755, .children = node_entries, .child_count = ARRAY_LEN(node_entries),
     .kind = DIR_NUMBERED, .prefix = "node", .count = count_nodes, .each = &one_node},
};
static const struct proc_entry device_entries[] = {DIRECTORY("system", system_entries)};

static const struct proc_entry huge_entries[] = {
    FILE_("defrag", show_huge_search),
    FILE_("enabled", show_huge_anonymous),
    FILE_("hpage_pmd_size", show_huge_size),
    FILE_("shmem_enabled", show_huge_shared),
    FILE_("use_zero_page", show_huge_zero),
};
static const struct proc_entry mm_entries[] = {DIRECTORY("transparent_hugepage", huge_entries)};
static const struct proc_entry kernel_entries[] = {DIRECTORY("mm", mm_entries)};

/* Where disks would be, and cgroups be mounted. */
static const struct proc_entry dev_entries[] = {EMPTY("block")};
static const struct proc_entry fs_entries[] = {EMPTY("cgroup")};
static const struct proc_entry root_entries[] = {
    EMPTY("block"),
    DIRECTORY("dev", dev_entries),
    DIRECTORY("devices", device_entries),
    DIRECTORY("fs", fs_entries),
    DIRECTORY("kernel", kernel_entries),
};
static const struct proc_entry root = DIRECTORY("", root_entries);
/* clang-format on */

static const struct proc_tree tree = {
    .root = &root, .magic = SYSFS_MAGIC, .file_size = PAGE_SIZE, .is_constant = true};

static int mount(const struct file_system *type, const char *source, uint32_t flags,
    const char *options, struct super **result)
{
	(void)source, (void)options;
	return proc_tree_mount(type, flags, &tree, result);
}

static const struct file_system type = {.name = "sysfs", .mount = mount};

void sysfs_register(void)
{
	file_system_register(&type);
}
