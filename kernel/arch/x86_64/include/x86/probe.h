/*
 * Touching an address that may fault: true when it did not. For tests of what must not be mapped, and for dumps of memory
 * that a damaged pointer names. Context: any, with exceptions working.
 */
#pragma once

#include <lib/types.h>

MUST_USE bool probe_read_u64(uintptr_t va, uint64_t *out);
/* Writes back what it has read, if that works. */
MUST_USE bool probe_write(uintptr_t va);
