/* Private to posixx: the part of prctl(2) that is about the powers of root, capabilities(7). */
#pragma once

#include <lib/types.h>

/* -EINVAL: no such option. */
int64_t powers_control(int option, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5);
