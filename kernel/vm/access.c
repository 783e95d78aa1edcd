/* Reaching into another process's memory: /proc/PID/cmdline and the like. */
#include "vm_impl.h"

#include <abi/errno.h>
#include <lib/atomic.h>
#include <lib/string.h>

/* The part of [va, va+len) that lies in one page, if it is there. */
static size_t access_page(
    struct address_space *space, uintptr_t va, uint8_t *buf, size_t len, bool write)
{
	struct user_slot slot = user_slot_find(space, va);
	pte_t pte = slot.pte ? atomic_load(slot.pte) : 0;
	if (!pte || (write && !(pte_prot(pte) & VM_WRITE)))
		return 0;
	uint64_t size = pt_level_size(slot.level), inside = va & (size - 1);
	size_t part = min(len, (size_t)(size - inside));
	uint8_t *memory = (uint8_t *)phys_to_virt(pte_paddr(pte, slot.level)) + inside;
	if (write)
		memcpy(memory, buf, part);
	else
		memcpy(buf, memory, part);
	return part;
}

int64_t vm_access(struct address_space *space, uintptr_t va, void *buf, size_t len, bool write)
{
	size_t done = 0;
	rwlock_read_lock(&space->lock);
	while (done < len && va + done < USER_END && vm_find_area(space, va + done)) {
		spin_lock(&space->table.lock); /* the page stays while its slot is held */
		size_t part =
		    access_page(space, va + done, (uint8_t *)buf + done, len - done, write);
		spin_unlock(&space->table.lock);
		if (!part)
			break;
		done += part;
	}
	rwlock_read_unlock(&space->lock);
	return done || !len ? (int64_t)done : -EFAULT;
}
