MODULE := kernel/random
DEPS := abi lib boot kernel/arch kernel/log kernel/sync
SRCS := random.c
