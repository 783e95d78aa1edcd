/* The countdown to the allocation that fails. */
#include "mm_impl.h"
#include "slab_impl.h"

uint64_t alloc_fail_countdown;
bool (*alloc_fail_chooses)(void);
static bool has_fired; /* a */

/* First the word, then the caches: from there on nobody fills them again. */
static void empty_caches(void)
{
	magazine_drain_cpus(NULL);
	page_cache_drain_all();
}

void alloc_fail_by(bool (*chooses)(void))
{
	atomic_store(&alloc_fail_chooses, chooses);
	empty_caches();
}

bool alloc_fail_after(uint64_t n)
{
	atomic_store(&alloc_fail_countdown, 0);
	bool fired = atomic_swap(&has_fired, false);
	if (n) {
		atomic_store(&alloc_fail_countdown, n);
		empty_caches();
	}
	return fired;
}

bool alloc_fail_step(void)
{
	bool (*chooses)(void) = atomic_load(&alloc_fail_chooses);
	if (chooses && chooses())
		return true;
	uint64_t left = atomic_load(&alloc_fail_countdown);
	while (left && !atomic_cas(&alloc_fail_countdown, &left, left - 1))
		;
	if (left != 1)
		return false;
	atomic_store(&has_fired, true);
	return true;
}
