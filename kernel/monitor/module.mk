# The console inside the kernel: a debugging aid.
MODULE := kernel/monitor
DEPS := abi lib boot kernel/arch kernel/arch/x86_64 kernel/log kernel/acpi kernel/sync kernel/mm kernel/irq kernel/time kernel/sched \
	kernel/wait kernel/debug drivers drivers/pci drivers/serial
SRCS := monitor.c line_edit.c commands.c commands_thread.c commands_mem.c commands_cpu.c commands_device.c banner.c
HOST_SRCS := line_edit.c
TESTS := line_edit
