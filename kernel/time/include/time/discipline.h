/*
 * Keeping the wall clock right: what ntp daemons tell by adjtimex(2). The clock runs at the rate of the uptime; while something is to be corrected, a
 * timer moves it a little, STEPS times a second: by its frequency, by a part of an offset, by the leap second that was announced. When nothing
 * is, there is no timer. The uptime is not touched, so that nothing that waits is early.
 *
 * Locking: one spinlock. Context: any but NMI.
 */
#pragma once

#include <lib/types.h>

/* Linux's modes: what adjtimex sets. */
#define ADJ_OFFSET          0x0001u
#define ADJ_FREQUENCY       0x0002u
#define ADJ_MAXERROR        0x0004u
#define ADJ_ESTERROR        0x0008u
#define ADJ_STATUS          0x0010u
#define ADJ_TIMECONST       0x0020u
#define ADJ_TAI             0x0080u
#define ADJ_SETOFFSET       0x0100u
#define ADJ_MICRO           0x1000u
#define ADJ_NANO            0x2000u
#define ADJ_OFFSET_READONLY 0x2000u /* with ADJ_ADJTIME */
#define ADJ_TICK            0x4000u
#define ADJ_ADJTIME         0x8000u /* adjtime(3): with ADJ_OFFSET, and alone */

/* Linux's status bits. */
#define STA_PLL      0x0001u
#define STA_FLL      0x0008u
#define STA_INS      0x0010u
#define STA_DEL      0x0020u
#define STA_UNSYNC   0x0040u
#define STA_FREQHOLD 0x0080u
#define STA_NANO     0x2000u
#define STA_MODE     0x4000u
#define STA_READONLY 0xff00u

enum clock_state { TIME_OK, TIME_INS, TIME_DEL, TIME_OOP, TIME_WAIT, TIME_ERROR };

/* Linux's timex, as far as there is something behind it. */
struct discipline {
	unsigned modes;
	int64_t offset;    /* microseconds, with STA_NANO nanoseconds */
	int64_t frequency; /* 1/65536 ppm */
	int64_t max_error, estimated_error;
	unsigned status;
	int64_t time_constant, precision, tolerance, tick;
	int tai;
};

/* Sets what `modes` says, and tells all. The state, enum clock_state. The caller has checked modes and ranges. */
int discipline_adjust(struct discipline *values);
/* Somebody set the clock: what was to be corrected is no more. */
void discipline_clear(void);
