/*
 * The page that the kernel shares with every program, read-only: what the vDSO's functions need to tell the time without a system call. The
 * layout is between the kernel and its own vDSO; programs do not look at it.
 */
#pragma once

#include <time/clock.h>

struct vdso_page {
	struct clock_parameters clock;
	uint32_t has_rdtscp; /* TSC_AUX holds CPU | node << 12 */
};
