/* Where the architecture's entry code hands over: hooks that kernel/main.c defines. */
#pragma once

#include <lib/types.h>

/* The boot CPU, with boot_info filled; decode_error: what was wrong with the loader's data, or 0. */
NORETURN void kernel_main(int decode_error);
/* Another CPU: runs the per-CPU list of steps, sets *is_up, and starts scheduling. */
NORETURN void kernel_main_cpu(bool *is_up);
