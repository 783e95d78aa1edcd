/* The leak check: what the kernel has in use, before and after a test. */
#include "selftest_impl.h"

#include <lib/fmt.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <time/clock.h>
#include <time/timer.h>
#include <vfs/vfs.h>
#include <vm/address_space.h>
#include <wait/rcu.h>

#define SETTLE_STEP_NS  (2 * NSEC_PER_MSEC)
#define SETTLE_LIMIT_NS (20 * NSEC_PER_SEC)

void inventory_take(struct inventory *inventory)
{
	dentry_cache_trim(SIZE_MAX);
	rcu_barrier();
	kernel_map_trim();
	vm_trim();
	slab_trim();
	page_cache_drain_all();

	struct page_stats pages;
	page_stats_total(&pages);
	*inventory = (struct inventory){
	    .pages = pages.total - pages.free,
	    .objects = slab_objects_used(),
	    .threads = thread_count(),
	};
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct timer_stats timers;
		timer_stats(cpu, &timers);
		inventory->timers += timers.armed;
		/* The scheduler's own: it comes and goes with whatever runs, this included. */
		struct sched_stats sched;
		sched_stats_of_cpu(cpu, &sched);
		inventory->timers -= sched.is_slice_timer_armed;
	}
}

static bool is_within(const struct inventory *now, const struct inventory *before)
{
	return now->pages <= before->pages && now->objects <= before->objects &&
	       now->threads <= before->threads && now->timers <= before->timers;
}

static size_t describe(
    char *text, size_t size, size_t used, const char *what, uint64_t now, uint64_t before)
{
	if (now <= before || used >= size)
		return used;
	return used + (size_t)snprintf(text + used, size - used, " %lu %s", now - before, what);
}

bool inventory_compare(const struct inventory *before, char *text, size_t size)
{
	struct inventory now;
	nsec_t deadline = uptime_ns() + SETTLE_LIMIT_NS;
	for (;;) {
		inventory_take(&now);
		if (is_within(&now, before))
			return true;
		if (uptime_ns() >= deadline)
			break;
		thread_sleep(SETTLE_STEP_NS);
	}
	size_t used = 0;
	used = describe(text, size, used, "pages", now.pages, before->pages);
	used = describe(text, size, used, "slab objects", now.objects, before->objects);
	used = describe(text, size, used, "threads", now.threads, before->threads);
	describe(text, size, used, "armed timers", now.timers, before->timers);
	return false;
}
