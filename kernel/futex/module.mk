# Waiting on words of user memory.
MODULE := kernel/futex
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials \
	kernel/object kernel/vm kernel/vfs kernel/process
SRCS := futex.c wake.c exit.c
