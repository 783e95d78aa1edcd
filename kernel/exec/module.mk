# Starting programs.
MODULE := kernel/exec
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object \
	kernel/vm kernel/vfs kernel/process kernel/random
SRCS := elf.c strings.c load.c script.c space.c stack.c exec.c
HOST_SRCS := elf.c
TESTS := elf
FUZZ := elf
