# Files in memory: the root, /tmp, and the base of what else is made of names only.
MODULE := kernel/fs/tmpfs
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/object kernel/credentials \
	kernel/vm kernel/vfs
SRCS := tmpfs.c options.c directory.c
