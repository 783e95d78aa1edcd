/* Private to posixx: what the three kinds of System V IPC share. */
#pragma once

#include <sysv/sysv.h>

struct linux_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t sequence, padding;
	uint64_t unused[2];
};

static inline struct linux_ipc_perm sysv_pack(const struct sysv_permissions *from)
{
	return (struct linux_ipc_perm){.key = from->key,
	    .uid = from->uid,
	    .gid = from->gid,
	    .cuid = from->cuid,
	    .cgid = from->cgid,
	    .mode = from->mode,
	    .sequence = (uint16_t)from->generation};
}

static inline struct sysv_permissions sysv_unpack(const struct linux_ipc_perm *from)
{
	return (struct sysv_permissions){.uid = from->uid, .gid = from->gid, .mode = from->mode};
}
