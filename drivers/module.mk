# What every driver is to the kernel: one interface, one table, one list of devices. The drivers are folders below.
MODULE := drivers
DEPS := abi lib kernel/arch kernel/log kernel/sync kernel/mm
SRCS := manager.c
HOST_SRCS := manager.c
TESTS := manager
