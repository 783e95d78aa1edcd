# kernel/arch on a Unix process: how kernel code becomes a host unit test.
MODULE := kernel/arch/host
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm
HOST_SRCS := host.c host_memory.c host_mm.c
