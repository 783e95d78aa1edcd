MODULE := kernel/credentials
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait
SRCS := credentials.c
