MODULE := drivers/vga
DEPS := abi lib boot kernel/arch kernel/log kernel/mm
SRCS := vga.c screen.c
HOST_SRCS := screen.c
TESTS := screen
