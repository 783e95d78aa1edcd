MODULE := lib
DEPS := abi
SRCS := memory.c popcount.c string.c text.c fmt.c snprintf.c rbtree.c radix.c chacha.c bitmap.c cpio.c inflate.c gzip.c crc32.c cmdline.c
HOST_SRCS := text.c fmt.c rbtree.c radix.c chacha.c bitmap.c cpio.c inflate.c gzip.c crc32.c cmdline.c
TESTS := string fmt rbtree bitmap list cpio inflate cmdline memory radix chacha
FUZZ := cpio inflate cmdline
SELFTEST := lib_bench.c
# Vector registers, which other kernel code does without (<arch/vector.h>).
FLAGS_lib/chacha.c := -msse2
