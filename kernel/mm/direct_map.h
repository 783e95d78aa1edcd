/* The ranges of the direct map, from what the loader said. Pure. */
#pragma once

#include <boot/boot_info.h>

struct paddr_range {
	paddr_t start, end; /* whole pages */
};

struct direct_map_cursor {
	size_t index;
	bool has_begun;
};

/* The next range, lowest first; ranges that touch come as one, so that large pages fit. The cursor begins as zeroes. */
bool direct_map_next(
    const struct boot_info *info, struct direct_map_cursor *cursor, struct paddr_range *out);
