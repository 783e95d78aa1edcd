# From a vector to its handler; lines, messages, statistics.
MODULE := kernel/irq
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm
SRCS := dispatch.c line.c msi.c vector_space.c
HOST_SRCS := vector_space.c
TESTS := vector_space
SELFTEST := irq_selftest.c
