/*
 * The kernel command line: words separated by spaces, `name` or `name=value`, double quotes around a value with
 * spaces. A word `--` ends the kernel's part: the rest belongs to /init.
 */
#pragma once

#include <lib/types.h>

/*
 * Finds the last `name` or `name=value` and copies its value (empty for a bare name) to value[size].
 * Returns 1 when found, 0 when not, -E2BIG when the value does not fit.
 */
MUST_USE int cmdline_get(const char *cmdline, const char *name, char *value, size_t size);
/* Present, as a bare name or with a value other than 0, off, no. */
bool cmdline_has(const char *cmdline, const char *name);
/* `fallback` when absent or not a size. */
uint64_t cmdline_get_size(const char *cmdline, const char *name, uint64_t fallback);
