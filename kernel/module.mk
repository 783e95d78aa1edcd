# The top of the kernel: the boot order, which knows every module.
MODULE := kernel
DEPS := abi lib boot kernel/arch kernel/arch/x86_64 kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/sched kernel/wait \
	kernel/debug kernel/credentials kernel/object kernel/event kernel/vm kernel/vfs kernel/fs/tmpfs kernel/fs/devfs kernel/fs/procfs kernel/fs/sysfs \
	kernel/tty kernel/process kernel/futex kernel/sysv kernel/mqueue kernel/keys kernel/random kernel/vdso \
	kernel/acpi kernel/initrd kernel/monitor drivers drivers/pc drivers/serial drivers/vga posixx
SRCS := main.c
