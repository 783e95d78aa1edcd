# Device files, the devices of memory, and what is mounted at boot.
MODULE := kernel/fs/devfs
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/object kernel/credentials \
	kernel/vm kernel/vfs kernel/random
SRCS := devfs.c memory.c
