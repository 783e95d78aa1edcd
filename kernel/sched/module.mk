# Threads and the choice which of them runs. policy.c and run_queue.c are pure: the decisions; the rest acts on them.
MODULE := kernel/sched
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time
SRCS := policy.c run_queue.c schedule.c place.c balance.c block.c idle.c thread.c attributes.c load.c sched.c
HOST_SRCS := policy.c run_queue.c test/simulator.c
TESTS := policy run_queue
SELFTEST := crew.c thread_selftest.c sched_selftest.c real_time_selftest.c sched_bench.c
