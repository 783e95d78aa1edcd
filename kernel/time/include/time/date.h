/* Dates of the Gregorian calendar and seconds since 1970. Pure arithmetic, UTC, no leap seconds, years 1970 to 9999. */
#pragma once

#include <lib/types.h>

struct date {
	int year;       /* with the century */
	int month, day; /* from 1 */
	int hour, minute, second;
};

bool date_is_valid(const struct date *date);
/* The date must be valid. */
int64_t date_to_unix(const struct date *date);
/* From 0 to the end of 9999. */
struct date date_from_unix(int64_t seconds);
