# Everything that threads wait with: wait queues, sleeping locks, completions, RCU.
MODULE := kernel/wait
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched
wait_common := wait_queue.c completion.c mutex.c rwlock.c semaphore.c rcu.c
SRCS := $(wait_common) $(if $(filter debug,$(CONFIG)),sleep_debug.c)
HOST_SRCS := $(wait_common) sleep_debug.c
TESTS := wait_queue sleeping_lock rcu
SELFTEST := wait_selftest.c sleeping_lock_selftest.c rcu_selftest.c
