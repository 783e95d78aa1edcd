/* Binary or decimal digits, 12 or 24 hours, with or without a century: the MC146818's choices, which firmware makes. */
#include "rtc_decode.h"

#define HOUR_PM 0x80

static int number(const struct rtc_registers *r, uint8_t value)
{
	if (r->status_b & RTC_B_BINARY)
		return value;
	if ((value & 0xf) > 9 || value >> 4 > 9)
		return -1;
	return (value >> 4) * 10 + (value & 0xf);
}

/* 12 am is 0, 12 pm is 12. */
static int hour(const struct rtc_registers *r)
{
	if (r->status_b & RTC_B_24_HOURS)
		return number(r, r->hour);
	int of_12 = number(r, r->hour & ~HOUR_PM);
	if (of_12 < 1 || of_12 > 12)
		return -1;
	return of_12 % 12 + (r->hour & HOUR_PM ? 12 : 0);
}

static int year(const struct rtc_registers *r)
{
	int of_century = number(r, r->year), century = number(r, r->century);
	if (of_century < 0 || of_century > 99)
		return -1;
	if (century > 0)
		return century * 100 + of_century;
	return of_century + (of_century < 70 ? 2000 : 1900);
}

bool rtc_decode(const struct rtc_registers *r, struct date *date)
{
	*date = (struct date){
	    .year = year(r),
	    .month = number(r, r->month),
	    .day = number(r, r->day),
	    .hour = hour(r),
	    .minute = number(r, r->minute),
	    .second = number(r, r->second),
	};
	return date_is_valid(date);
}
