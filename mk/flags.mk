# Compiler flags: one set for everything that runs without a C library, one for host tests.

compiler_includes := $(shell $(CC) -print-file-name=include)
is_clang := $(findstring clang,$(CC))

warnings := -Wall -Wextra -Werror -Wshadow -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations -Wold-style-definition \
	-Wredundant-decls -Wimplicit-fallthrough -Wformat=2 -Wswitch-enum -Wdouble-promotion \
	-Wnull-dereference
gcc_warnings := -Wlogical-op -Wduplicated-cond -Wduplicated-branches
clang_warnings := -Wthread-safety
own_warnings := $(if $(is_clang),$(clang_warnings),$(gcc_warnings))

# gnu17 rather than c17: named address spaces (per-CPU data through GS) and asm are GNU C.
# Paths are mapped to relative ones so that the same sources give the same bytes anywhere.
common_flags := -std=gnu17 -g -fno-strict-aliasing -fwrapv -fno-common -fno-omit-frame-pointer \
	-ffile-prefix-map=$(CURDIR)=. $(warnings)

CONFIG_FLAGS_release := -DCONFIG_DEBUG=0
# Undefined behaviour is a panic in debug kernels (kernel/debug/ubsan.c). Overflow is defined by -fwrapv.
CONFIG_FLAGS_debug   := -DCONFIG_DEBUG=1 -fsanitize=undefined -fno-sanitize=object-size,pointer-overflow
ifndef CONFIG_FLAGS_$(CONFIG)
$(error CONFIG is '$(CONFIG)': it may be release or debug)
endif

kernel_flags := $(common_flags) $(own_warnings) -O2 -DEXO_KERNEL=1 $(CONFIG_FLAGS_$(CONFIG)) \
	-ffreestanding -nostdinc -isystem $(compiler_includes) \
	-m64 -march=x86-64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-pic -fno-pie \
	-fno-asynchronous-unwind-tables -fstack-protector-strong -mstack-protector-guard=global \
	-Wframe-larger-than=1024
asm_flags := -g -Wa,-I$(OUT) -m64 -DEXO_KERNEL=1 -D__ASSEMBLER__ -ffreestanding -nostdinc -ffile-prefix-map=$(CURDIR)=.

host_common_flags := $(common_flags) -O1 -DEXO_HOST=1 -DCONFIG_DEBUG=1 -fno-sanitize-recover=all -pthread
host_flags := $(host_common_flags) $(own_warnings) -fsanitize=address,undefined
fuzz_flags := $(host_common_flags) $(clang_warnings) -fsanitize=fuzzer-no-link,address,undefined
