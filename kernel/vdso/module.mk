# The page of code that user programs read the clock with.
MODULE := kernel/vdso
DEPS := abi lib boot kernel/arch kernel/arch/x86_64 kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait \
	kernel/credentials kernel/object kernel/vm
SRCS := vdso.c image.S
