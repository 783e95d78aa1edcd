MODULE := kernel/object
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait
SRCS := object.c io.c copy.c capability.c cap_table.c
HOST_SRCS := capability.c cap_table.c
TESTS := capability
