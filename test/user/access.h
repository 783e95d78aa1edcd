/* What the rights of a page let be done, asked of the kernel, which obeys the same ones; a try that they refuse is no fault. */
#pragma once

#include "check.h"

static int ends[2]; /* of a pipe: the case makes it */

static inline bool can_read(const char *address)
{
	char byte;
	bool can = write(ends[1], address, 1) == 1;
	CHECK(!can || read(ends[0], &byte, 1) == 1);
	return can;
}

/* Leaves the byte as it is, and must be able to read it. */
static inline bool can_write(char *address)
{
	char byte = *address, drained;
	CHECK(write(ends[1], &byte, 1) == 1);
	bool can = read(ends[0], address, 1) == 1;
	CHECK(can || (errno == EFAULT && read(ends[0], &drained, 1) == 1));
	return can;
}
