# Keys and keyrings: keyrings(7).
MODULE := kernel/keys
DEPS := abi lib boot kernel/arch kernel/log kernel/sync kernel/mm kernel/time kernel/sched kernel/wait kernel/credentials kernel/object \
	kernel/vm kernel/vfs kernel/process kernel/random
SRCS := key.c keyring.c owners.c
