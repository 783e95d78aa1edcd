/* The instructions behind <arch/user_copy.h>, in user_copy.S. Ranges are the caller's to check. */
#pragma once

#include <arch/percpu.h>
#include <lib/types.h>

/* > 0: a page fault in kernel code is not handled but goes straight to the fixup. */
DECLARE_PER_CPU(unsigned, page_faults_disabled);

void user_copy_init(void); /* boot, while the text is still writable */

int64_t user_strncpy_raw(char *dst, const char *src, size_t size);
int user_cas_4(uint32_t *addr, uint32_t expected, uint32_t desired, uint32_t *old);
