# System V's ways for processes to talk: message queues, semaphores and shared memory, found by key and named by number.
MODULE := kernel/sysv
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object \
	kernel/vm kernel/vfs kernel/process
SRCS := ids.c message.c segment.c attach.c semaphore.c undo.c
