MODULE := drivers/serial
DEPS := abi lib kernel/arch kernel/log kernel/sync kernel/mm kernel/irq kernel/time kernel/sched kernel/wait
X86 := io.h
SRCS := serial.c input.c
