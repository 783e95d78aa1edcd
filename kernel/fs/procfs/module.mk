# /proc: what the kernel knows, as text.
MODULE := kernel/fs/procfs
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/sched kernel/wait kernel/object kernel/credentials \
	kernel/vm kernel/vfs kernel/event kernel/ipc kernel/process kernel/sysv kernel/mqueue kernel/keys kernel/tty kernel/random kernel/acpi kernel/arch/x86_64 kernel/debug
SRCS := procfs.c tree.c entries.c text.c pid_stat.c pid_files.c pid_links.c pid_waits.c maps.c maps_query.c mounts.c fdinfo.c devices.c interrupts.c cpuinfo.c system.c sys.c sysv.c sysv_limits.c
