/* Date arithmetic against a plain count of days, for every day from 1970 to 9999. */
#include <time/date.h>

#include <lib/random.h>
#include <test/test.h>

#define SECONDS_9999 253402300799ll

struct day {
	int64_t days;
	int year, month, day;
};

/* The reference: day by day, by the rule as everybody learns it. */
static void next_day(struct day *t)
{
	static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
	int length = lengths[t->month - 1] + (leap && t->month == 2 ? 1 : 0);
	t->days++;
	if (++t->day <= length)
		return;
	t->day = 1;
	if (++t->month <= 12)
		return;
	t->month = 1;
	t->year++;
}

TEST(every_day_until_9999)
{
	for (struct day t = {0, 1970, 1, 1}; t.year <= 9999; next_day(&t)) {
		struct date date = date_from_unix(t.days * 86400);
		CHECK_EQ(date.year, t.year);
		CHECK_EQ(date.month, t.month);
		CHECK_EQ(date.day, t.day);
		CHECK(date_is_valid(&date));
		CHECK_EQ(date_to_unix(&date), t.days * 86400);
	}
}

TEST(random_moments_come_back)
{
	uint64_t seed = 7;
	for (int i = 0; i < 200000; i++) {
		int64_t seconds = (int64_t)(random_next(&seed) % (SECONDS_9999 + 1));
		struct date date = date_from_unix(seconds);
		CHECK(date_is_valid(&date));
		CHECK_EQ(date_to_unix(&date), seconds);
	}
}

TEST(known_moments)
{
	CHECK_EQ(date_to_unix(&(struct date){1970, 1, 1, 0, 0, 0}), 0);
	CHECK_EQ(date_to_unix(&(struct date){2000, 2, 29, 12, 0, 0}), 951825600);
	CHECK_EQ(date_to_unix(&(struct date){2001, 9, 9, 1, 46, 40}), 1000000000);
	CHECK_EQ(date_to_unix(&(struct date){2038, 1, 19, 3, 14, 8}), 2147483648);
	CHECK_EQ(date_to_unix(&(struct date){9999, 12, 31, 23, 59, 59}), SECONDS_9999);
}

TEST(impossible_dates_are_refused)
{
	static const struct date bad[] = {
	    {1969, 12, 31, 23, 59, 59},
	    {10000, 1, 1, 0, 0, 0},
	    {2023, 2, 29, 0, 0, 0},
	    {2100, 2, 29, 0, 0, 0},
	    {2024, 0, 1, 0, 0, 0},
	    {2024, 13, 1, 0, 0, 0},
	    {2024, 4, 31, 0, 0, 0},
	    {2024, 4, 0, 0, 0, 0},
	    {2024, 4, 1, 24, 0, 0},
	    {2024, 4, 1, -1, 0, 0},
	    {2024, 4, 1, 0, 60, 0},
	    {2024, 4, 1, 0, 0, 60},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!date_is_valid(&bad[i]));
	CHECK(date_is_valid(&(struct date){2000, 2, 29, 0, 0, 0}));
}
