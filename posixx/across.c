/* Across processes: process_vm_readv and process_vm_writev, and kcmp. */
#include <abi/errno.h>
#include <arch/user_copy.h>
#include <mm/page_alloc.h>
#include <object/capability.h>
#include <object/io.h>
#include <posixx/syscalls.h>
#include <process/process.h>

#define VECTOR_MAX 1024

/* Of a process or of one of its threads; with a reference, or NULL and *err. */
static struct process *find_to_look(int pid, int *err)
{
	struct process *process = NULL;
	rcu_read_lock();
	struct task *task = pid > 0 ? task_find_locked((uint32_t)pid) : NULL;
	uint32_t number = task ? task->process->pid->number : 0;
	rcu_read_unlock();
	if (number)
		process = process_find(number);
	*err = -ESRCH;
	if (!process)
		return NULL;
	*err = 0;
	if (process_may_look(process, LOOK_BY_REAL_IDS))
		return process;
	process_put(process);
	*err = -EPERM;
	return NULL;
}

/* A walk over the segments of one side. */
struct side {
	uaddr_t segments;
	uint64_t count, next;
	uint64_t base, left; /* of the current segment */
};

/* -EFAULT, -EINVAL: that is no vector. */
static int check_side(const struct side *side, uint64_t *total)
{
	*total = 0;
	if (side->count > VECTOR_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < side->count; i++) {
		struct io_segment segment;
		if (copy_from_user(
			&segment, uaddr_add(side->segments, i * sizeof(segment)), sizeof(segment)))
			return -EFAULT;
		if ((int64_t)segment.len < 0)
			return -EINVAL;
		*total += segment.len;
	}
	return 0;
}

/* False: no more. What another thread changes in the vector meanwhile is its own affair: addresses are checked where they are used. */
static bool fill_side(struct side *side)
{
	while (!side->left) {
		struct io_segment segment;
		if (side->next == side->count ||
		    copy_from_user(&segment,
			uaddr_add(side->segments, side->next * sizeof(segment)), sizeof(segment)))
			return false;
		side->next++;
		side->base = segment.base.va;
		side->left = segment.len;
	}
	return true;
}

/* Bytes moved; fewer than asked: a page was not there on one of the sides. */
static size_t move_part(struct address_space *space, uint64_t remote, uint64_t local, size_t len,
    bool is_write, uint8_t *buffer)
{
	if (!user_range_ok((uaddr_t){remote}, len) || !user_range_ok((uaddr_t){local}, len))
		return 0;
	if (is_write)
		len -= copy_from_user_part(buffer, (uaddr_t){local}, len);
	uintptr_t page = ALIGN_DOWN(remote, PAGE_SIZE);
	if (!len || (is_write ? vm_populate_to_write(space, page, PAGE_SIZE)
			      : vm_populate(space, page, PAGE_SIZE)))
		return 0;
	int64_t moved = vm_access(space, remote, buffer, len, is_write);
	if (moved <= 0)
		return 0;
	size_t missed = is_write ? 0 : copy_to_user_part((uaddr_t){local}, buffer, (size_t)moved);
	return (size_t)moved - missed;
}

static int64_t move_all(
    struct address_space *space, struct side *local, struct side *remote, bool is_write)
{
	struct page *page = page_alloc(0, 0);
	if (!page)
		return -ENOMEM;
	int64_t done = 0;
	bool faulted = false;
	while (!signal_is_fatal_pending() && fill_side(local) && fill_side(remote)) {
		size_t in_page = PAGE_SIZE - (remote->base & (PAGE_SIZE - 1));
		size_t len = min(min(local->left, remote->left), (uint64_t)in_page);
		size_t moved =
		    move_part(space, remote->base, local->base, len, is_write, page_to_virt(page));
		done += (int64_t)moved;
		local->base += moved, local->left -= moved;
		remote->base += moved, remote->left -= moved;
		if (moved < len) {
			faulted = true;
			break;
		}
	}
	page_put(page);
	return done || !faulted ? done : -EFAULT;
}

static int64_t move_between(int pid, struct side local, struct side remote, bool is_write)
{
	uint64_t local_total, remote_total;
	int err = check_side(&local, &local_total);
	if (!err)
		err = check_side(&remote, &remote_total);
	if (err || !local_total || !remote_total)
		return err;
	struct process *process = find_to_look(pid, &err);
	if (!process)
		return err;
	struct address_space *space = process_space(process, LOOK_BY_REAL_IDS);
	int64_t result = space ? move_all(space, &local, &remote, is_write) : -ESRCH;
	if (space)
		address_space_put(space);
	process_put(process);
	return result;
}

int64_t sys_process_vm_readv(int pid, uaddr_t local, uint64_t local_count, uaddr_t remote,
    uint64_t remote_count, uint64_t flags)
{
	struct side to = {.segments = local, .count = local_count},
		    from = {.segments = remote, .count = remote_count};
	return flags ? -EINVAL : move_between(pid, to, from, false);
}

int64_t sys_process_vm_writev(int pid, uaddr_t local, uint64_t local_count, uaddr_t remote,
    uint64_t remote_count, uint64_t flags)
{
	struct side from = {.segments = local, .count = local_count},
		    to = {.segments = remote, .count = remote_count};
	return flags ? -EINVAL : move_between(pid, from, to, true);
}

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM };

/* Only compared, never followed, so it may be gone. */
static const void *part_of(struct process *process, int type, uint64_t fd)
{
	switch (type) {
	case KCMP_FILE: {
		struct capability capability;
		if (!process_capability(process, LOOK_BY_REAL_IDS, (int)fd, &capability))
			return NULL;
		object_put(capability.object);
		return capability.object;
	}
	case KCMP_VM: return atomic_load(&process->space);
	case KCMP_FILES: return atomic_load(&process->capabilities);
	case KCMP_FS: return atomic_load(&process->files_context);
	case KCMP_SIGHAND: return atomic_load(&process->handlers);
	default: return NULL; /* I/O contexts and undo lists: nobody has any */
	}
}

/* An order that programs can sort by, which does not give addresses away. */
static uint64_t order_of(const void *part)
{
	return (uintptr_t)part * 0x9e3779b97f4a7c15ull;
}

int64_t sys_kcmp(int pid1, int pid2, int type, uint64_t index1, uint64_t index2)
{
	int err;
	struct process *first = find_to_look(pid1, &err);
	if (!first)
		return err;
	struct process *second = find_to_look(pid2, &err);
	if (second) {
		const void *a = part_of(first, type, index1), *b = part_of(second, type, index2);
		uint64_t order_a = order_of(a), order_b = order_of(b);
		err = order_a == order_b ? 0 : order_a < order_b ? 1 : 2;
		if (type < KCMP_FILE || type > KCMP_SYSVSEM)
			err = -EINVAL;
		else if (type == KCMP_FILE && (!a || !b))
			err = -EBADF;
		process_put(second);
	}
	process_put(first);
	return err;
}

/* Another process's descriptor, as if it had been passed on. */
static int64_t take_descriptor(struct process *process, int target)
{
	if (!process->pid || atomic_load(&process->state) >= PROCESS_ZOMBIE)
		return -ESRCH;
	if (!process_may_look(process, LOOK_BY_REAL_IDS))
		return -EPERM;
	struct capability capability;
	if (target < 0 || !process_capability(process, LOOK_BY_REAL_IDS, target, &capability))
		return -EBADF;
	int64_t fd = cap_install(capability.object, capability.rights, CAP_CLOEXEC, 0);
	if (fd < 0)
		object_put(capability.object);
	return fd;
}

int64_t sys_pidfd_getfd(int pidfd, int target, unsigned flags)
{
	unsigned pidfd_flags;
	if (flags)
		return -EINVAL;
	struct process *process = pidfd_process(pidfd, &pidfd_flags);
	if (!process)
		return -EBADF;
	int64_t fd = take_descriptor(process, target);
	process_put(process);
	return fd;
}
