/* Where a panic of kernel code goes on the host. Private to test/host. */
#pragma once

#include <lib/types.h>
#include <stdarg.h>

/* Does not return. NULL: the message is printed and the process aborts, which a fuzzer reports. */
extern void (*panic_hook)(const char *format, va_list args) PRINTF_LIKE(1, 0);
