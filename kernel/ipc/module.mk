# How processes talk: pipes and FIFOs.
MODULE := kernel/ipc
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials \
	kernel/object kernel/vm kernel/vfs
SRCS := pipe.c bytes.c ends.c fifo.c splice.c
SELFTEST := pipe_selftest.c
