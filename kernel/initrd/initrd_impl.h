/* Private to kernel/initrd and its tests. */
#pragma once

#include <initrd/initrd.h>

/*
 * Adds the pieces in memory that stays as it is until initrd_forget. 0, -EINVAL damaged, -ENOMEM,
 * -E2BIG too many pieces; *good_len says how many bytes of it were good.
 */
MUST_USE int initrd_read(const void *data, size_t len, size_t *good_len);
/* Frees what was unpacked. */
void initrd_forget(void);
