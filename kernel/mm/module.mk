MODULE := kernel/mm
DEPS := abi lib boot kernel/arch kernel/log kernel/sync
SRCS := early.c node.c zone.c page_cache.c page_alloc.c page_init.c page_stats.c page_debug.c alloc_fail.c \
	slab.c magazine.c slab_pages.c slab_cache.c slab_debug.c kmalloc.c \
	page_table.c page_table_range.c direct_map.c kernel_page_table.c kernel_map.c kernel_stack.c tlb.c
HOST_SRCS := early.c node.c zone.c page_cache.c page_alloc.c page_init.c page_stats.c page_debug.c alloc_fail.c \
	slab.c magazine.c slab_pages.c slab_cache.c slab_debug.c kmalloc.c \
	page_table.c page_table_range.c direct_map.c kernel_map.c kernel_stack.c tlb.c
TESTS := page_alloc slab page_table direct_map tlb kernel_map
SELFTEST := mm_bench.c mm_selftest.c protection_selftest.c kernel_map_selftest.c tlb_selftest.c
