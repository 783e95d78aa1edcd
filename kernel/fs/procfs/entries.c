/* Which files there are. */
#include "procfs_impl.h"

#include <abi/linux/fcntl.h>

/* clang-format off */
#define FILE_(text, show_)          {.name = text, .mode = S_IFREG | 0444, .show = show_}
#define PRIVATE(text, show_)        {.name = text, .mode = S_IFREG | 0400, .show = show_}
#define WRITABLE(text, show_, put_) {.name = text, .mode = S_IFREG | 0644, .show = show_, .write = put_}
#define LINK_(text, link_)          {.name = text, .mode = S_IFLNK | 0777, .link = link_}
#define DIRECTORY(text, table)      {.name = text, .mode = S_IFDIR | 0555, .children = table, .child_count = ARRAY_LEN(table)}
#define GUARDED(text, mode_, show_) {.name = text, .mode = S_IFREG | (mode_), .show = show_, .is_guarded = true}
#define SPECIAL(text, mode_, kind_) {.name = text, .mode = S_IFDIR | (mode_), .kind = kind_}

/* The last ones: threads have none of them. */
#define OF_PROCESSES 4

static const struct proc_entry task_entries[] = {
    FILE_("stat", show_stat),
    FILE_("status", show_status),
    FILE_("statm", show_statm),
    {.name = "maps", .mode = S_IFREG | 0444, .show = show_maps, .ioctl = ioctl_maps, .is_guarded = true},
    GUARDED("smaps", 0444, show_smaps),
    GUARDED("smaps_rollup", 0444, show_smaps_rollup),
    GUARDED("auxv", 0400, show_auxv),
    FILE_("cmdline", show_cmdline),
    GUARDED("environ", 0400, show_environ),
    WRITABLE("comm", show_comm, write_comm),
    FILE_("limits", show_limits),
    FILE_("mounts", show_mounts),
    FILE_("mountinfo", show_mountinfo),
    FILE_("wchan", show_wchan),
    PRIVATE("stack", show_stack),
    PRIVATE("personality", show_personality),
    FILE_("oom_score", show_oom_score),
    WRITABLE("oom_score_adj", show_oom_score_adj, write_oom_score_adj),
    WRITABLE("make-it-fail", show_make_it_fail, write_make_it_fail),
    LINK_("cwd", link_cwd),
    LINK_("root", link_root),
    LINK_("exe", link_exe),
    SPECIAL("fd", 0500, DIR_FDS),
    {.name = "fdinfo", .mode = S_IFDIR | 0555, .kind = DIR_FDINFO, .is_guarded = true},
    /* These are of processes only. */
    PRIVATE("mountstats", show_mountstats),
    WRITABLE("coredump_filter", show_core_filter, write_core_filter),
    WRITABLE("timerslack_ns", show_timer_slack, write_timer_slack),
    SPECIAL("task", 0555, DIR_TASKS),
};

static const struct proc_entry random_entries[] = {
    FILE_("boot_id", show_boot_id),
    FILE_("uuid", show_uuid),
    FILE_("entropy_avail", show_entropy),
    FILE_("poolsize", show_entropy),
};

static const struct proc_entry keys_entries[] = {
    WRITABLE("maxkeys", show_keys_max, write_keys_max),
    WRITABLE("maxbytes", show_key_bytes_max, write_key_bytes_max),
    WRITABLE("root_maxkeys", show_root_keys_max, write_root_keys_max),
    WRITABLE("root_maxbytes", show_root_key_bytes_max, write_root_key_bytes_max),
};

static const struct proc_entry kernel_entries[] = {
    DIRECTORY("keys", keys_entries),
    WRITABLE("hostname", show_hostname, write_hostname),
    WRITABLE("domainname", show_domainname, write_domainname),
    FILE_("ostype", show_ostype),
    FILE_("osrelease", show_osrelease),
    FILE_("version", show_os_version),
    FILE_("pid_max", show_pid_max),
    {.name = "ns_last_pid", .mode = S_IFREG | 0666, .show = show_last_pid, .write = write_last_pid},
    FILE_("threads-max", show_threads_max),
    FILE_("cap_last_cap", show_cap_last),
    FILE_("ngroups_max", show_groups_max),
    FILE_("msgmax", show_sysv_message_max),
    FILE_("msgmnb", show_sysv_queue_bytes),
    WRITABLE("msgmni", show_msgmni, write_msgmni),
    FILE_("sem", show_sysv_sem_limits),
    WRITABLE("shmmax", show_shmmax, write_shmmax),
    WRITABLE("shmall", show_shmall, write_shmall),
    WRITABLE("shmmni", show_shmmni, write_shmmni),
    FILE_("shm_rmid_forced", show_zero),
    WRITABLE("msg_next_id", show_msg_next_id, write_msg_next_id),
    WRITABLE("sem_next_id", show_sem_next_id, write_sem_next_id),
    WRITABLE("shm_next_id", show_shm_next_id, write_shm_next_id),
    FILE_("overflowuid", show_overflow_id),
    FILE_("overflowgid", show_overflow_id),
    FILE_("randomize_va_space", show_two), /* the heap, too */
    FILE_("tainted", show_zero),
    WRITABLE("core_pattern", show_core_pattern, write_core_pattern),
    FILE_("core_uses_pid", show_zero),
    FILE_("sched_rr_timeslice_ms", show_rr_turn),
    WRITABLE("printk", show_console_level, write_console_level),
    DIRECTORY("random", random_entries),
};

static const struct proc_entry mqueue_entries[] = {
    FILE_("msg_default", show_mqueue_messages_default),
    FILE_("msg_max", show_mqueue_messages_max),
    FILE_("msgsize_default", show_mqueue_bytes_default),
    FILE_("msgsize_max", show_mqueue_bytes_max),
};

static const struct proc_entry fs_entries[] = {
    DIRECTORY("mqueue", mqueue_entries),
    FILE_("aio-max-nr", show_aio_max),
    FILE_("aio-nr", show_aio_requests),
    WRITABLE("file-max", show_file_max, write_file_max),
    FILE_("file-nr", show_file_count),
    WRITABLE("lease-break-time", show_lease_break_time, write_lease_break_time),
    FILE_("leases-enable", show_one),
    FILE_("nr_open", show_open_max),
    FILE_("overflowuid", show_overflow_id),
    FILE_("overflowgid", show_overflow_id),
    FILE_("suid_dumpable", show_zero),
    WRITABLE("pipe-max-size", show_pipe_max, write_pipe_max),
    FILE_("pipe-user-pages-hard", show_zero), /* no limit */
    FILE_("pipe-user-pages-soft", show_zero),
};

static const struct proc_entry vm_entries[] = {
    FILE_("max_map_count", show_area_max),
    FILE_("mmap_min_addr", show_mmap_min),
    FILE_("nr_hugepages", show_zero), /* that are set apart */
    FILE_("nr_overcommit_hugepages", show_zero),
    FILE_("oom_kill_allocating_task", show_zero),
    FILE_("overcommit_memory", show_one),
    FILE_("panic_on_oom", show_zero),
};

static const struct proc_entry sys_entries[] = {
    DIRECTORY("kernel", kernel_entries),
    DIRECTORY("fs", fs_entries),
    DIRECTORY("vm", vm_entries),
};

static const struct proc_entry sysv_entries[] = {
    FILE_("msg", show_sysv_queues),
    FILE_("sem", show_sysv_sets),
    FILE_("shm", show_sysv_segments),
};

static const struct proc_entry tty_entries[] = {
    FILE_("drivers", show_tty_drivers),
};

static const struct proc_entry root_entries[] = {
    LINK_("self", link_self),
    LINK_("thread-self", link_thread_self),
    LINK_("mounts", link_mounts),
    FILE_("cmdline", show_boot_cmdline),
    FILE_("consoles", show_consoles),
    FILE_("cpuinfo", show_cpuinfo),
    FILE_("devices", show_devices),
    FILE_("diskstats", show_nothing),
    FILE_("execdomains", show_execdomains),
    FILE_("filesystems", show_filesystems),
    FILE_("interrupts", show_interrupts),
    FILE_("loadavg", show_loadavg),
    FILE_("locks", show_locks),
    FILE_("meminfo", show_meminfo),
    FILE_("misc", show_nothing),
    FILE_("partitions", show_nothing),
    PRIVATE("slabinfo", show_slabs),
    FILE_("stat", show_system_stat),
    FILE_("swaps", show_swaps),
    FILE_("uptime", show_uptime),
    FILE_("version", show_version),
    FILE_("vmstat", show_vmstat),
    DIRECTORY("sys", sys_entries),
    DIRECTORY("sysvipc", sysv_entries),
    DIRECTORY("tty", tty_entries),
};
/* clang-format on */

const struct proc_entry proc_root = {.name = "",
    .mode = S_IFDIR | 0555,
    .children = root_entries,
    .child_count = ARRAY_LEN(root_entries),
    .kind = DIR_ROOT};
const struct proc_entry proc_process = {.name = "",
    .mode = S_IFDIR | 0555,
    .children = task_entries,
    .child_count = ARRAY_LEN(task_entries)};
const struct proc_entry proc_task = {.name = "",
    .mode = S_IFDIR | 0555,
    .children = task_entries,
    .child_count = ARRAY_LEN(task_entries) - OF_PROCESSES};
const struct proc_entry proc_fd = {.name = "", .mode = S_IFLNK | 0700, .link = link_fd};
const struct proc_entry proc_fdinfo = {
    .name = "", .mode = S_IFREG | 0444, .show = show_fdinfo, .is_guarded = true};
