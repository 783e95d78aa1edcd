# What shows where the kernel is, and ends it when it must.
MODULE := kernel/debug
DEPS := abi lib boot kernel/arch kernel/arch/x86_64 kernel/acpi kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait
SELFTEST := debug_selftest.c log_selftest.c
SRCS := panic.c registers.c backtrace.c frame_walk.c symbol.c threads.c crash.c ubsan.c
HOST_SRCS := frame_walk.c symbol.c
TESTS := frame_walk symbol
