/* Memory: mmap(2) and what belongs to it. The work is in kernel/vm. */
#include <abi/errno.h>
#include <abi/linux/fcntl.h>
#include <abi/linux/mman.h>
#include <arch/mmu.h>
#include <object/capability.h>
#include <posixx/syscalls.h>
#include <process/process.h>
#include <vm/address_space.h>

/* All that MAP_SHARED_VALIDATE lets through: MAP_SYNC is not among them. */
#define MAP_KNOWN                                                                                  \
	(MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_GROWSDOWN |              \
	    MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |           \
	    MAP_NONBLOCK | MAP_STACK | MAP_32BIT)

static struct address_space *space(void)
{
	return current_process()->space;
}

static int64_t map_object(
    uaddr_t addr, size_t len, unsigned prot, unsigned flags, int fd, uint64_t offset)
{
	struct cap_ref ref = cap_lookup(fd, RIGHT_MAP);
	if (!ref.object)
		return ref.err;
	int64_t result;
	unsigned access = ref.object->flags & O_ACCMODE;
	bool shared_write = (flags & MAP_TYPE) != MAP_PRIVATE && prot & PROT_WRITE;
	if (!len)
		result = -EINVAL;
	else if (access == O_WRONLY || (shared_write && access != O_RDWR))
		result = -EACCES;
	else
		result = vm_map(space(), addr.va, len, prot, flags, ref.object, offset);
	cap_release(ref);
	return result;
}

int64_t sys_mmap(uaddr_t addr, size_t len, unsigned prot, unsigned flags, int fd, int64_t offset)
{
	unsigned type = flags & MAP_TYPE;
	if (!IS_ALIGNED(offset, PAGE_SIZE) ||
	    (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE))
		return -EINVAL;
	if (flags & MAP_HUGETLB)
		return -ENOMEM; /* no reserved huge pages; large areas get huge pages by themselves */
	if (type == MAP_SHARED_VALIDATE && flags & ~(unsigned)MAP_KNOWN)
		return -EOPNOTSUPP;
	if (flags & MAP_GROWSDOWN && !(flags & MAP_ANONYMOUS && type == MAP_PRIVATE))
		return -EINVAL; /* only a stack grows */
	if (flags & MAP_ANONYMOUS && type == MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return vm_map(space(), addr.va, len, prot, flags, NULL, 0);
	uint64_t end;
	if (offset < 0 || add_overflows((uint64_t)offset, len, &end) || end > INT64_MAX)
		return -EOVERFLOW;
	return map_object(addr, len, prot, flags, fd, (uint64_t)offset);
}

int64_t sys_munmap(uaddr_t addr, size_t len)
{
	return vm_unmap(space(), addr.va, len);
}

int64_t sys_mprotect(uaddr_t addr, size_t len, unsigned prot)
{
	if (prot & ~(unsigned)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN |
			       PROT_GROWSUP))
		return -EINVAL;
	return vm_protect(space(), addr.va, len, prot);
}

int64_t sys_mremap(
    uaddr_t old_addr, size_t old_len, size_t new_len, unsigned flags, uaddr_t new_addr)
{
	return vm_remap(space(), old_addr.va, old_len, new_len, flags, new_addr.va);
}

/* The rights stay as they are, and nothing else may be asked for. */
int64_t sys_remap_file_pages(uaddr_t addr, size_t len, unsigned prot, uint64_t page, unsigned flags)
{
	return prot ? -EINVAL
		    : vm_remap_pages(space(), addr.va, len, page, !(flags & MAP_NONBLOCK));
}

int64_t sys_mseal(uaddr_t addr, size_t len, uint64_t flags)
{
	return flags ? -EINVAL : vm_seal(space(), addr.va, len);
}

int64_t sys_brk(uaddr_t addr)
{
	return (int64_t)vm_set_brk(space(), addr.va);
}

int64_t sys_madvise(uaddr_t addr, size_t len, int advice)
{
	return vm_advise(space(), addr.va, len, advice);
}

static int ignore_residency(void *ctx, size_t page, bool present)
{
	(void)ctx, (void)page, (void)present;
	return 0;
}

/* Mappings and files share their pages, so there is nothing to write through; what is left are the checks. */
int64_t sys_msync(uaddr_t addr, size_t len, unsigned flags)
{
	size_t rounded = ALIGN_UP(len, PAGE_SIZE);
	if (flags & ~(unsigned)(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
	    (flags & MS_ASYNC && flags & MS_SYNC) || !IS_ALIGNED(addr.va, PAGE_SIZE))
		return -EINVAL;
	if (!rounded)
		return 0; /* as on Linux, also for a length that is nearly all there is */
	if (rounded < len || !user_range_ok(addr, rounded))
		return -ENOMEM;
	int err = vm_residency(space(), addr.va, addr.va + rounded, ignore_residency, NULL);
	if (!err && flags & MS_INVALIDATE && vm_has_locked(space(), addr.va, addr.va + rounded))
		err = -EBUSY;
	return err;
}

static int put_residency(void *ctx, size_t page, bool present)
{
	return put_user_u8(uaddr_add(*(uaddr_t *)ctx, page), present);
}

int64_t sys_mincore(uaddr_t addr, size_t len, uaddr_t vec)
{
	if (!IS_ALIGNED(addr.va, PAGE_SIZE))
		return -EINVAL;
	size_t rounded = ALIGN_UP(len, PAGE_SIZE);
	if (rounded < len || !user_range_ok(addr, rounded))
		return -ENOMEM;
	return vm_residency(space(), addr.va, addr.va + rounded, put_residency, &vec);
}

int64_t sys_mlock(uaddr_t addr, size_t len)
{
	return vm_lock(space(), addr.va, len, VM_LOCK_NOW);
}

int64_t sys_mlock2(uaddr_t addr, size_t len, unsigned flags)
{
	if (flags & ~(unsigned)MLOCK_ONFAULT)
		return -EINVAL;
	return vm_lock(
	    space(), addr.va, len, flags & MLOCK_ONFAULT ? VM_LOCK_ON_FAULT : VM_LOCK_NOW);
}

int64_t sys_munlock(uaddr_t addr, size_t len)
{
	return vm_lock(space(), addr.va, len, VM_UNLOCK);
}

int64_t sys_mlockall(unsigned flags)
{
	if (!flags || flags & ~(unsigned)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	return vm_lock_all(space(), flags & MCL_CURRENT, flags & MCL_FUTURE);
}

int64_t sys_munlockall(void)
{
	return vm_lock_all(space(), false, false);
}
