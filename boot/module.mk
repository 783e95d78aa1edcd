MODULE := boot
DEPS := abi lib
SRCS := pvh.c multiboot2.c ranges.c decode.c
HOST_SRCS := pvh.c multiboot2.c ranges.c decode.c
TESTS := pvh multiboot2 ranges
FUZZ := multiboot2 pvh
