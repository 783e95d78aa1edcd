/* What the registers of the real-time clock mean. Pure. */
#pragma once

#include <time/date.h>

struct rtc_registers {
	uint8_t second, minute, hour, day, month, year;
	uint8_t century; /* 0: the clock has none */
	uint8_t status_b;
};

#define RTC_B_24_HOURS (1 << 1)
#define RTC_B_BINARY   (1 << 2)

/* False when no date has these registers: then there is no clock, or it was never set. */
MUST_USE bool rtc_decode(const struct rtc_registers *registers, struct date *date);
