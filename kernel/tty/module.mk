# Terminals: lines, job control, the serial console.
MODULE := kernel/tty
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials \
	kernel/object kernel/vm kernel/vfs kernel/process drivers/serial
SRCS := line.c line_output.c tty.c tty_ioctl.c job.c serial_tty.c pty.c pts.c
HOST_SRCS := line.c line_output.c
TESTS := line
