# Processes and threads of user programs, with their signals.
MODULE := kernel/process
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials \
	kernel/object kernel/vm kernel/vfs
SRCS := process.c memory_kill.c pid.c executable.c pidfd.c signalfd.c io_signal.c io_tell.c clone.c vfork.c exit.c wait.c group.c look.c \
	signal_queue.c signal_action.c signal_send.c signal_mask.c signal_many.c signal_stop.c signal_deliver.c signal_timer.c posix_timer.c usage.c \
	core.c core_name.c core_notes.c \
	make_fail.c
