/*
 * Who a thread acts as. Immutable once published: a change makes a copy and swaps the pointer, so readers need only RCU, or nothing for
 * the current thread. Capabilities (the root powers) are Linux's: uid 0 has them all unless dropped.
 */
#pragma once

#include <lib/types.h>
#include <wait/rcu.h>

#define CAPABILITY_COUNT 41

struct credentials {
	uint32_t refs; /* a */
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
	uint32_t securebits;
	bool no_new_privs, keep_caps;
	struct rcu_head rcu;
	size_t group_count;
	uint32_t groups[]; /* sorted */
};

/* Linux's capability numbers that we check. */
enum root_power {
	POWER_CHOWN = 0,
	POWER_DAC_OVERRIDE = 1,
	POWER_DAC_READ_SEARCH = 2,
	POWER_FOWNER = 3,
	POWER_FSETID = 4,
	POWER_KILL = 5,
	POWER_SETGID = 6,
	POWER_SETUID = 7,
	POWER_SETPCAP = 8,
	POWER_IPC_LOCK = 14,
	POWER_IPC_OWNER = 15,
	POWER_SYS_RAWIO = 17,
	POWER_SYS_CHROOT = 18,
	POWER_SYS_PTRACE = 19,
	POWER_SYS_ADMIN = 21,
	POWER_SYS_BOOT = 22,
	POWER_SYS_NICE = 23,
	POWER_SYS_RESOURCE = 24,
	POWER_SYS_TIME = 25,
	POWER_SYS_TTY_CONFIG = 26,
	POWER_MKNOD = 27,
	POWER_LEASE = 28,
	POWER_SYSLOG = 34,
	POWER_WAKE_ALARM = 35,
	POWER_CHECKPOINT_RESTORE = 40,
};

/* The current thread's. A hook of the process module; kernel threads have root's. */
const struct credentials *current_credentials(void);
bool has_power(enum root_power power); /* of the current thread */
bool credentials_in_group(const struct credentials *creds, uint32_t gid);
/* A private copy to change, with room for `group_count`. commit (a hook of the process module) publishes it for the current thread. */
MUST_USE struct credentials *credentials_copy(const struct credentials *from, size_t group_count);
/* execve: root's powers come and go with the user id; everybody else's are dropped, but the ambient ones. */
void credentials_exec_powers(struct credentials *creds);
void credentials_commit(struct credentials *creds);
struct credentials *credentials_get(struct credentials *creds);
/* False: the last reference is gone. Under rcu_read_lock. */
MUST_USE bool credentials_try_get(struct credentials *creds);
void credentials_put(struct credentials *creds);
