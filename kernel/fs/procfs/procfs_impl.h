/*
 * What the files of procfs share.
 *
 *   entries.c      which files there are: a row each, with the function that prints it
 *   tree.c         the tree that is made of the rows and of the processes: <procfs/tree.h>; text.c: reading and writing a file
 *   procfs.c       the file system
 *   pid_*.c        the files of a process, with maps.c, mounts.c and fdinfo.c
 *   system.c       those of the machine, with cpuinfo.c, devices.c and interrupts.c; sys.c, sysv_limits.c: /proc/sys; sysv.c: /proc/sysvipc
 */
#pragma once

#include <process/process.h>
#include <procfs/procfs.h>
#include <procfs/tree.h>
#include <vfs/vfs.h>

/* What an inode of ours is: inode->data. */
struct proc_node {
	const struct proc_entry *entry;
	uint32_t pid, tid;
	int index;
	uint64_t start_ns; /* of that process: a later one with its number is another */
};
/* 0 and a subject whose process is referenced; -ESRCH. */
MUST_USE int proc_subject_of(const struct proc_node *node, struct proc_subject *subject);
void proc_subject_end(struct proc_subject *subject);

extern const struct proc_entry proc_root;
extern const struct proc_entry proc_process; /* the directory of a process */
extern const struct proc_entry proc_task;    /* and of a thread */
extern const struct proc_entry proc_fd;      /* a link in fd */
extern const struct proc_entry proc_fdinfo;  /* a file in fdinfo */
extern const struct object_ops proc_file_ops;

/* A thread, as it was a moment ago. */
struct task_look {
	uint32_t tid;
	char name[THREAD_NAME_MAX], state;
	struct process_usage usage;
	uint64_t pending, blocked;
	cpumask_t cpus;
	unsigned cpu, policy, rt_priority;
};
/* The thread `tid` of the process, or its first one (0). False: there is none. */
bool proc_look_at_task(struct process *process, uint32_t tid, struct task_look *look);
/* The next thread behind `tid`; 0: none. */
uint32_t proc_next_tid(struct process *process, uint32_t tid);
char proc_state(const struct process *process, const struct task_look *look);
uint64_t ticks_of_ns(uint64_t ns); /* at 100 Hz */
/* Why there was no memory to look at: -EACCES, or 0: the process has none any more. */
int proc_may_not_look(struct process *process);

/* pid_files.c, pid_stat.c, maps.c, pid_links.c, system.c: the functions of entries.c */
#define SHOW(name) int name(struct proc_text *text, const struct proc_subject *subject)
#define LINK(name) int name(const struct proc_subject *subject, char *buf, struct path *jump)
SHOW(show_stat);
SHOW(show_statm);
SHOW(show_status);
SHOW(show_maps);
SHOW(show_smaps);
SHOW(show_cmdline);
SHOW(show_environ);
SHOW(show_comm);
SHOW(show_limits);
SHOW(show_mounts);
SHOW(show_mountinfo);
SHOW(show_fdinfo);
SHOW(show_devices);
SHOW(show_consoles);
SHOW(show_tty_drivers);
SHOW(show_interrupts);
int show_interrupt_sums(struct proc_text *text);
SHOW(show_nothing);
SHOW(show_execdomains);
SHOW(show_overflow_id);
SHOW(show_two);
SHOW(show_smaps_rollup);
SHOW(show_auxv);
SHOW(show_wchan);
SHOW(show_stack);
SHOW(show_personality);
SHOW(show_mountstats);
SHOW(show_locks);
SHOW(show_oom_score);
SHOW(show_oom_score_adj);
SHOW(show_core_filter);
SHOW(show_timer_slack);
SHOW(show_rr_turn);
SHOW(show_keys_max);
SHOW(show_key_bytes_max);
SHOW(show_root_keys_max);
SHOW(show_root_key_bytes_max);
SHOW(show_core_pattern);
SHOW(show_console_level);
unsigned online_cpus(void);
SHOW(show_cpuinfo);
SHOW(show_meminfo);
SHOW(show_system_stat);
SHOW(show_uptime);
SHOW(show_loadavg);
SHOW(show_version);
SHOW(show_vmstat);
SHOW(show_filesystems);
SHOW(show_boot_cmdline);
SHOW(show_slabs);
SHOW(show_make_it_fail);
int write_make_it_fail(const struct proc_subject *subject, char *text);
SHOW(show_swaps);
SHOW(show_hostname);
SHOW(show_sysv_message_max);
SHOW(show_sysv_queue_bytes);
SHOW(show_msgmni);
SHOW(show_sysv_sem_limits);
SHOW(show_sysv_queues);
SHOW(show_sysv_sets);
SHOW(show_sysv_segments);
SHOW(show_shmmax);
SHOW(show_shmall);
SHOW(show_shmmni);
SHOW(show_msg_next_id);
SHOW(show_sem_next_id);
SHOW(show_shm_next_id);
SHOW(show_domainname);
SHOW(show_ostype);
SHOW(show_osrelease);
SHOW(show_os_version);
SHOW(show_pid_max);
SHOW(show_threads_max);
SHOW(show_uuid);
SHOW(show_boot_id);
SHOW(show_entropy);
SHOW(show_zero);
SHOW(show_one);
SHOW(show_cap_last);
SHOW(show_groups_max);
SHOW(show_pipe_max);
SHOW(show_open_max);
SHOW(show_file_max);
SHOW(show_file_count);
SHOW(show_aio_max);
SHOW(show_mqueue_messages_default);
SHOW(show_mqueue_messages_max);
SHOW(show_mqueue_bytes_default);
SHOW(show_mqueue_bytes_max);
SHOW(show_aio_requests);
SHOW(show_mmap_min);
SHOW(show_area_max);
LINK(link_self);
LINK(link_thread_self);
LINK(link_mounts);
LINK(link_cwd);
LINK(link_root);
LINK(link_exe);
LINK(link_fd);
int write_hostname(const struct proc_subject *subject, char *text);
int write_domainname(const struct proc_subject *subject, char *text);
int write_file_max(const struct proc_subject *subject, char *text);
int write_pipe_max(const struct proc_subject *subject, char *text);
int write_shmmax(const struct proc_subject *subject, char *text);
int write_shmall(const struct proc_subject *subject, char *text);
int write_msgmni(const struct proc_subject *subject, char *text);
int write_shmmni(const struct proc_subject *subject, char *text);
int write_msg_next_id(const struct proc_subject *subject, char *text);
int write_sem_next_id(const struct proc_subject *subject, char *text);
int write_shm_next_id(const struct proc_subject *subject, char *text);
int write_comm(const struct proc_subject *subject, char *text);
int64_t ioctl_maps(const struct proc_subject *subject, uint64_t request, uaddr_t arg);
int write_oom_score_adj(const struct proc_subject *subject, char *text);
int write_core_filter(const struct proc_subject *subject, char *text);
int write_timer_slack(const struct proc_subject *subject, char *text);
int write_core_pattern(const struct proc_subject *subject, char *text);
int write_keys_max(const struct proc_subject *subject, char *text);
int show_last_pid(struct proc_text *text, const struct proc_subject *subject);
int write_last_pid(const struct proc_subject *subject, char *text);
int show_lease_break_time(struct proc_text *text, const struct proc_subject *subject);
int write_lease_break_time(const struct proc_subject *subject, char *text);
int write_key_bytes_max(const struct proc_subject *subject, char *text);
int write_root_keys_max(const struct proc_subject *subject, char *text);
int write_root_key_bytes_max(const struct proc_subject *subject, char *text);
int write_console_level(const struct proc_subject *subject, char *text);
