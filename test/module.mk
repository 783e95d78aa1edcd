# The test harnesses: test/host runs unit tests on this machine, test/kernel runs self-tests inside the kernel.
MODULE := test
DEPS := abi lib boot kernel/arch kernel/acpi kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/debug \
	kernel/object kernel/vm kernel/vfs
SRCS := kernel/selftest.c kernel/parallel.c kernel/inventory.c kernel/bench.c
HOST_SRCS := host/panic.c
TESTS := harness
