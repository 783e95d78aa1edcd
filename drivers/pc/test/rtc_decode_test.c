/* The same moment, as every kind of clock shows it. */
#include "rtc_decode.h"

#include <test/test.h>

static void check_decodes_to(struct rtc_registers r, struct date expected)
{
	struct date date;
	CHECK(rtc_decode(&r, &date));
	CHECK_EQ(date_to_unix(&date), date_to_unix(&expected));
}

TEST(decimal_24_hours)
{
	struct rtc_registers r = {0x59, 0x58, 0x23, 0x31, 0x12, 0x26, 0x20, RTC_B_24_HOURS};
	check_decodes_to(r, (struct date){2026, 12, 31, 23, 58, 59});
}

TEST(binary_24_hours)
{
	struct rtc_registers r = {59, 58, 23, 31, 12, 26, 20, RTC_B_24_HOURS | RTC_B_BINARY};
	check_decodes_to(r, (struct date){2026, 12, 31, 23, 58, 59});
}

TEST(twelve_hours_have_no_zero)
{
	static const struct {
		uint8_t decimal, binary;
		int hour;
	} cases[] = {
	    {0x12, 12, 0},
	    {0x01, 1, 1},
	    {0x11, 11, 11},
	    {0x92, 0x8c, 12},
	    {0x81, 0x81, 13},
	    {0x91, 0x8b, 23},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rtc_registers r = {0, 0, cases[i].decimal, 1, 1, 0x30, 0x20, 0};
		check_decodes_to(r, (struct date){2030, 1, 1, cases[i].hour, 0, 0});
		r = (struct rtc_registers){0, 0, cases[i].binary, 1, 1, 30, 20, RTC_B_BINARY};
		check_decodes_to(r, (struct date){2030, 1, 1, cases[i].hour, 0, 0});
	}
	struct date date;
	CHECK(!rtc_decode(&(struct rtc_registers){0, 0, 0x00, 1, 1, 0x30, 0x20, 0}, &date));
	CHECK(!rtc_decode(&(struct rtc_registers){0, 0, 0x13, 1, 1, 0x30, 0x20, 0}, &date));
}

TEST(without_a_century_70_is_the_turn)
{
	check_decodes_to((struct rtc_registers){0, 0, 0, 1, 1, 0x69, 0, RTC_B_24_HOURS},
	    (struct date){2069, 1, 1, 0, 0, 0});
	check_decodes_to((struct rtc_registers){0, 0, 0, 1, 1, 0x70, 0, RTC_B_24_HOURS},
	    (struct date){1970, 1, 1, 0, 0, 0});
}

TEST(no_clock_gives_no_date)
{
	struct date date;
	CHECK(!rtc_decode(
	    &(struct rtc_registers){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, &date));
	CHECK(!rtc_decode(&(struct rtc_registers){0}, &date));
	CHECK(!rtc_decode(
	    &(struct rtc_registers){0x5a, 0, 0, 1, 1, 0x26, 0x20, RTC_B_24_HOURS}, &date));
	CHECK(!rtc_decode(
	    &(struct rtc_registers){0, 0x60, 0, 1, 1, 0x26, 0x20, RTC_B_24_HOURS}, &date));
	CHECK(!rtc_decode(
	    &(struct rtc_registers){0, 0, 0, 0x30, 0x02, 0x26, 0x20, RTC_B_24_HOURS}, &date));
}

/* Every combination of bytes either gives a valid date or is refused. */
TEST(any_registers_are_safe)
{
	for (unsigned value = 0; value < 256; value++) {
		for (unsigned field = 0; field < sizeof(struct rtc_registers); field++) {
			struct rtc_registers r = {
			    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x20, RTC_B_24_HOURS};
			((uint8_t *)&r)[field] = (uint8_t)value;
			struct date date;
			if (rtc_decode(&r, &date))
				CHECK(date_is_valid(&date));
		}
	}
}
