MODULE := kernel/log
DEPS := abi lib kernel/arch
SRCS := log.c console.c
HOST_SRCS := log.c console.c
TESTS := log console
