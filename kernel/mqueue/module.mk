# POSIX message queues: mq_overview(7).
MODULE := kernel/mqueue
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object \
	kernel/vm kernel/vfs kernel/process
SRCS := queue.c mqueuefs.c
