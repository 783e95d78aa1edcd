/* shmget(2) and what belongs to it: System V shared memory. The work is in kernel/sysv. */
#include <abi/errno.h>
#include <arch/mmu.h>
#include <arch/user_copy.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#include "sysv_impl.h"

enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };

struct linux_shmid {
	struct linux_ipc_perm permissions;
	uint64_t size;
	int64_t attach_time, detach_time, change_time;
	int32_t creator, last_user;
	uint64_t attached, unused[2];
};
struct linux_shm_limits {
	uint64_t max, min, segments, per_process, pages, unused[4];
};
struct linux_shm_info {
	int32_t segments;
	uint64_t pages, resident, swapped, swap_attempts, swap_successes;
};
static_assert(sizeof(struct linux_shmid) == 112 && sizeof(struct linux_shm_limits) == 72 &&
		  sizeof(struct linux_shm_info) == 48,
    "Linux's ABI");

int64_t sys_shmget(int key, size_t size, unsigned flags)
{
	return sysv_segment_get(key, size, flags);
}

int64_t sys_shmat(int id, uaddr_t addr, unsigned flags)
{
	return sysv_attach(current_process()->space, id, addr.va, flags);
}

int64_t sys_shmdt(uaddr_t addr)
{
	return sysv_detach(current_process()->space, addr.va);
}

static int64_t tell_segment(int id, int command, uaddr_t to)
{
	struct sysv_segment_info info;
	int result = sysv_segment_stat(id, command != IPC_STAT, command == SHM_STAT_ANY, &info);
	if (result < 0)
		return result;
	struct linux_shmid user = {.permissions = sysv_pack(&info.permissions),
	    .size = info.size,
	    .attach_time = info.attach_time,
	    .detach_time = info.detach_time,
	    .change_time = info.change_time,
	    .creator = (int32_t)info.creator,
	    .last_user = (int32_t)info.last_user,
	    .attached = info.attached};
	return copy_to_user(to, &user, sizeof(user)) ? -EFAULT : result;
}

static int64_t tell_segment_limits(uaddr_t to)
{
	struct sysv_totals totals;
	uint64_t segments = atomic_load(&sysv_segments.max);
	struct linux_shm_limits limits = {.max = atomic_load(&sysv_segment_max),
	    .min = 1,
	    .segments = segments,
	    .per_process = segments,
	    .pages = atomic_load(&sysv_segment_pages_max)};
	int highest = sysv_segment_totals(&totals);
	return copy_to_user(to, &limits, sizeof(limits)) ? -EFAULT : highest;
}

static int64_t tell_segment_totals(uaddr_t to)
{
	struct sysv_totals totals;
	int highest = sysv_segment_totals(&totals);
	struct linux_shm_info info = {.segments = (int32_t)totals.objects,
	    .pages = totals.parts,
	    .resident = totals.bytes / PAGE_SIZE};
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

int64_t sys_shmctl(int id, int command, uaddr_t buf)
{
	struct linux_shmid user;
	struct sysv_permissions permissions;
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_RMID: return sysv_segment_remove(id);
	case IPC_SET:
		if (copy_from_user(&user, buf, sizeof(user)))
			return -EFAULT;
		permissions = sysv_unpack(&user.permissions);
		return sysv_segment_set(id, &permissions);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY: return tell_segment(id, command, buf);
	case IPC_INFO: return tell_segment_limits(buf);
	case SHM_INFO: return tell_segment_totals(buf);
	case SHM_LOCK:
	case SHM_UNLOCK: return sysv_segment_lock(id, command == SHM_LOCK);
	default: return -EINVAL;
	}
}
