/* What a process may have: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, and not more than the machine could ever give. */
#include "vm_impl.h"

#include <abi/linux/process.h>
#include <credentials/credentials.h>

#define SURELY_LITTLE (64 * MiB / PAGE_SIZE) /* not worth asking how much there is */

bool vm_over_limits(
    const struct address_space *space, uint64_t pages, uint32_t prot, uint32_t flags)
{
	if (space->mapped_pages + pages > current_limit(RLIMIT_AS) >> PAGE_SHIFT)
		return true;
	return area_is_data(prot, flags) &&
	       space->data_pages + pages > current_limit(RLIMIT_DATA) >> PAGE_SHIFT;
}

bool vm_is_absurd(uint64_t pages, uint32_t prot, uint32_t flags)
{
	bool takes_memory = flags & AREA_SHARED || prot & VM_WRITE;
	if (pages <= SURELY_LITTLE || !takes_memory || flags & AREA_NO_RESERVE)
		return false;
	struct page_stats stats;
	page_stats_total(&stats);
	return pages > stats.total;
}

bool vm_over_lock_limit(const struct address_space *space, uint64_t pages)
{
	uint64_t limit = current_limit(RLIMIT_MEMLOCK);
	return limit != RLIM_INFINITY && space->locked_pages + pages > limit >> PAGE_SHIFT &&
	       !has_power(POWER_IPC_LOCK);
}

bool vm_may_lock(void)
{
	return current_limit(RLIMIT_MEMLOCK) || has_power(POWER_IPC_LOCK);
}
