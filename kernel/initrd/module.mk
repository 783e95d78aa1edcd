MODULE := kernel/initrd
DEPS := abi lib boot kernel/arch kernel/log kernel/mm
SRCS := initrd.c
HOST_SRCS := initrd.c
TESTS := initrd
SELFTEST := initrd_selftest.c
