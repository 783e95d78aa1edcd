/* panic() on the host: the test program decides what it means; a program without an opinion aborts. */
#include "panic_hook.h"

#include <log/assert.h>
#include <stdio.h>
#include <stdlib.h>

void (*panic_hook)(const char *format, va_list args);

void panic(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (panic_hook)
		panic_hook(format, args);
	dprintf(2, "panic: ");
	vdprintf(2, format, args);
	dprintf(2, "\n");
	va_end(args);
	abort();
}
