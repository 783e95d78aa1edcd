/* The kernel's allocators on simulated memory, for tests of what allocates. */
#include <arch/host.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>

static struct page_stats pages_at_start;
static uint64_t objects_at_start;

void host_mm_start(size_t bytes)
{
	static struct boot_info info;
	info = (struct boot_info){
	    .range_count = 1,
	    .ranges = {{.start = 0, .end = bytes, .kind = BOOT_MEMORY_RAM}},
	};
	host_memory_create(&info);
	page_early_init(&info);
	page_init();
	slab_init();
	page_stats_total(&pages_at_start);
	objects_at_start = slab_objects_used();
}

void host_mm_finish(void)
{
	struct page_stats now;
	alloc_fail_after(0);
	if (slab_objects_used() != objects_at_start)
		panic("%lld objects leaked", (long long)(slab_objects_used() - objects_at_start));
	slab_trim();
	page_stats_total(&now);
	if (now.free != pages_at_start.free)
		panic("%lld pages leaked", (long long)(pages_at_start.free - now.free));
	host_memory_destroy();
}
