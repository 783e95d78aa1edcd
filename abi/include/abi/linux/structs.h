/* Structures that cross the system-call boundary, as Linux lays them out on x86_64. Sizes are asserted here, offsets against the host's headers
 * in a host test. */
#pragma once

#include <lib/types.h>

struct linux_timespec {
	int64_t seconds, nanoseconds;
};

struct linux_timeval {
	int64_t seconds, microseconds;
};

struct linux_iovec {
	uint64_t base, len;
};

struct linux_stat {
	uint64_t st_dev, st_ino, st_nlink;
	uint32_t st_mode, st_uid, st_gid, pad0;
	uint64_t st_rdev;
	int64_t st_size, st_blksize, st_blocks;
	struct linux_timespec atime, mtime, ctime;
	int64_t reserved[3];
};
static_assert(sizeof(struct linux_stat) == 144, "Linux's ABI");

struct linux_statx_timestamp {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t reserved;
};

struct linux_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct linux_statx_timestamp atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mount_id;
	uint32_t dio_mem_align, dio_offset_align;
	uint64_t spare[12];
};
static_assert(sizeof(struct linux_statx) == 256, "Linux's ABI");

struct linux_statfs {
	int64_t type, bsize, blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct linux_statfs) == 120, "Linux's ABI");

/* Followed by the name and padded to 8 bytes. */
struct linux_dirent64 {
	uint64_t ino;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

struct linux_pollfd {
	int32_t fd;
	int16_t events, revents;
};
static_assert(sizeof(struct linux_pollfd) == 8, "Linux's ABI");

struct linux_rusage {
	struct linux_timeval user, system;
	int64_t max_rss_kib, ixrss, idrss, isrss, minor_faults, major_faults, swaps, in_blocks,
	    out_blocks, msg_sent, msg_received, signals, voluntary_switches, involuntary_switches;
};
static_assert(sizeof(struct linux_rusage) == 144, "Linux's ABI");

struct linux_rlimit {
	uint64_t current, maximum;
};

struct linux_sigaltstack {
	uint64_t base;
	int32_t flags, padding;
	uint64_t size;
};

struct linux_siginfo {
	int32_t signal, error, code, padding;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			union {
				uint64_t value;
				struct {
					int32_t status, padding2;
					int64_t user_ticks, system_ticks;
				};
			};
		};
		struct {
			int32_t timer_id, overrun;
			uint64_t timer_value;
		};
		uint64_t address;
		struct {
			int64_t band;
			int32_t fd;
		};
		uint8_t bytes[112];
	};
};
static_assert(sizeof(struct linux_siginfo) == 128, "Linux's ABI");

struct linux_utsname {
	char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

struct linux_sysinfo {
	int64_t uptime;
	uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
	uint16_t processes, padding;
	uint64_t total_high, free_high;
	uint32_t unit;
};
static_assert(sizeof(struct linux_sysinfo) == 112, "Linux's ABI");

struct linux_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
	    set_tid_size, cgroup;
};
static_assert(sizeof(struct linux_clone_args) == 88, "Linux's ABI");
