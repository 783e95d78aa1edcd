/*
 * The handlers of the Linux personality: prototypes from the table. Each returns a value or -errno. A handler runs in thread context with
 * interrupts on, may sleep, and reaches user memory only through <arch/user_copy.h>.
 */
#pragma once

#include <abi/syscall_args.h>

#define SYS(number, name, tier, promise, flags, arguments) int64_t sys_##name(arguments);
#define NOT(number, name)
#include <abi/linux.tbl.h>
#undef SYS
#undef NOT
