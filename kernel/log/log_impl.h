/* What log.c and console.c share. */
#pragma once

#include <log/log.h>

#define LOG_RECORDS  128 /* lines kept per CPU */
#define LOG_TEXT_MAX 124 /* longer lines are cut, and end in '~' */
#define LOG_LINE_MAX 192 /* text with its prefix and newline */
