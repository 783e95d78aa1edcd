/*
 * printf-style formatting into a buffer or through a sink, without allocation or floating point.
 *
 * Supported: %c %s %d %i %u %o %x %X %p %% with flags - 0 + space #, width and precision (also *),
 * and lengths hh h l ll z j t. %p prints 0x and sixteen digits.
 */
#pragma once

#include <lib/types.h>
#include <stdarg.h>

typedef void (*fmt_sink_t)(void *ctx, const char *text, size_t len);

void fmt_vformat(fmt_sink_t sink, void *ctx, const char *format, va_list args) PRINTF_LIKE(3, 0);
void fmt_format(fmt_sink_t sink, void *ctx, const char *format, ...) PRINTF_LIKE(3, 4);

#ifdef EXO_HOST
#include <stdio.h>
#else
/* As C's: always terminated when size > 0; returns the length that the whole text has. */
int snprintf(char *buf, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
int vsnprintf(char *buf, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
#endif
