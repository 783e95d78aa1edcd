/* The real-time clock: the date while the machine is off. Taken to be in UTC. */
#pragma once

#include <time/date.h>

/* -ENODEV when there is none, or it shows no date. Spins for up to 3 ms. Context: any but NMI. */
MUST_USE int rtc_read(struct date *date);

/* Boot, after clock_init: sets the wall clock. */
void rtc_init(void);
