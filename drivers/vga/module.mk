MODULE := drivers/vga
DEPS := abi lib boot kernel/arch kernel/log kernel/mm
X86 := io.h
SRCS := vga.c screen.c
HOST_SRCS := screen.c
TESTS := screen
