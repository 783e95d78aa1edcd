MODULE := drivers/serial
DEPS := abi lib kernel/arch kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/sched kernel/wait
SRCS := serial.c input.c
