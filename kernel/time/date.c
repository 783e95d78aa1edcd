/*
 * Days are counted in years that begin in March, so that the leap day is the last of its year and the lengths of the other
 * months follow one rule: month m of such a year begins on day (153 m + 2) / 5.
 */
#include <time/date.h>

#define DAYS_1970       719468 /* from 1 March of year 0 to 1 January 1970 */
#define DAYS_400_YEARS  146097
#define SECONDS_PER_DAY 86400

static bool is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap_year(year));
}

bool date_is_valid(const struct date *date)
{
	return date->year >= 1970 && date->year <= 9999 && date->month >= 1 && date->month <= 12 &&
	       date->day >= 1 && date->day <= days_in_month(date->year, date->month) &&
	       date->hour >= 0 && date->hour <= 23 && date->minute >= 0 && date->minute <= 59 &&
	       date->second >= 0 && date->second <= 59;
}

/* From 1 March of year 0, for a year that begins in March. */
static int64_t days_before_year(int64_t year)
{
	return 365 * year + year / 4 - year / 100 + year / 400;
}

int64_t date_to_unix(const struct date *date)
{
	int64_t year = date->month > 2 ? date->year : date->year - 1;
	int64_t month = (date->month + 9) % 12; /* from March */
	int64_t days = days_before_year(year) + (153 * month + 2) / 5 + date->day - 1 - DAYS_1970;
	return ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}

struct date date_from_unix(int64_t seconds)
{
	int64_t days = seconds / SECONDS_PER_DAY + DAYS_1970;
	int rest = (int)(seconds % SECONDS_PER_DAY);

	/* The quotient may be a year too many on the last days of a year, never more. */
	int64_t year = days * 400 / DAYS_400_YEARS;
	while (days_before_year(year + 1) <= days)
		year++;
	while (days_before_year(year) > days)
		year--;
	int day_of_year = (int)(days - days_before_year(year));
	int month = (5 * day_of_year + 2) / 153; /* from March */

	return (struct date){
	    .year = (int)year + (month >= 10),
	    .month = month < 10 ? month + 3 : month - 9,
	    .day = day_of_year - (153 * month + 2) / 5 + 1,
	    .hour = rest / 3600,
	    .minute = rest / 60 % 60,
	    .second = rest % 60,
	};
}
