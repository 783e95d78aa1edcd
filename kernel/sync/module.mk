# Spinlocks, preemption, sequence counts; the checks of debug builds are files of their own.
MODULE := kernel/sync
DEPS := abi lib kernel/arch kernel/log
sync_checks := context_debug.c lock_debug.c spin_debug.c
SRCS := spinlock.c preempt.c $(if $(filter debug,$(CONFIG)),$(sync_checks))
HOST_SRCS := spinlock.c preempt.c $(sync_checks)
TESTS := spinlock lock_debug
SELFTEST := sync_selftest.c
# They run at every lock: with the compiler's own checks of each access they would take twice as long.
FLAGS_kernel/sync/lock_debug.c := -fno-sanitize=undefined
FLAGS_kernel/sync/spin_debug.c := -fno-sanitize=undefined
