# /sys: the machine's processors and nodes, as text.
MODULE := kernel/fs/sysfs
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/object kernel/vm kernel/vfs kernel/fs/procfs
SRCS := sysfs.c cpus.c nodes.c
