# Address spaces of processes, and the pages of files.
MODULE := kernel/vm
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object
SRCS := area.c address_space.c map.c protect.c limits.c remap.c remap_pages.c tables.c table_pages.c pages.c fault.c fork.c page_cache.c \
	shared.c access.c advise.c seal.c lock.c usage.c
HOST_SRCS := area.c
TESTS := area
