# The Linux personality: one file per family of system calls, on top of everything.
MODULE := posixx
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/object kernel/vm \
	kernel/vfs kernel/ipc kernel/event kernel/credentials kernel/process kernel/futex kernel/sysv kernel/mqueue kernel/keys kernel/exec \
	kernel/random kernel/acpi kernel/tty kernel/fs/procfs drivers/serial
X86 := user_asm.h
SRCS := dispatch.c fd.c rw.c memory.c memfd.c exec.c system.c prctl.c across.c syslog.c ioprio.c posix_timer.c sysv_message.c \
	sysv_semaphore.c sysv_segment.c init.c console.c pipe.c poll.c select.c poller.c
SRCS += path.c open.c dir.c getdents.c stat.c attr.c mount.c file.c copy.c xattr.c
SRCS += socket.c advice.c splice.c epoll.c timerfd.c signalfd.c aio.c adjtime.c mqueue.c keys.c keyctl.c handle.c
SRCS += io_signal.c ports.c signal.c kill.c itimer.c time.c process.c clone.c wait.c futex.c identity.c powers.c limits.c schedule.c
