/* The picture of a text screen: where characters end up. */
#include "screen.h"

#include <string.h>
#include <test/test.h>

static struct screen screen;

static void show(const char *text)
{
	screen_write(&screen, text, strlen(text));
}

static void check_row(unsigned row, const char *want)
{
	char text[SCREEN_COLUMNS + 1] = {0};
	for (unsigned i = 0; i < SCREEN_COLUMNS; i++) {
		CHECK_EQ(screen.cells[row][i] & 0xff00, SCREEN_GREY_ON_BLACK);
		text[i] = (char)screen.cells[row][i];
	}
	for (unsigned i = SCREEN_COLUMNS; i > 0 && text[i - 1] == ' '; i--)
		text[i - 1] = '\0';
	CHECK_STR(text, want);
}

TEST(text_fills_rows)
{
	screen_clear(&screen);
	CHECK_EQ(screen.changed, (1u << SCREEN_ROWS) - 1);
	screen.changed = 0;
	show("one\ntwo");
	check_row(0, "one");
	check_row(1, "two");
	check_row(2, "");
	CHECK_EQ(screen.row, 1);
	CHECK_EQ(screen.column, 3);
	CHECK_EQ(screen.changed, 3);
}

TEST(control_characters_move_the_cursor)
{
	screen_clear(&screen);
	show("abc\rX\n12\b\b3\n\b\b4\na\tb\x1b");
	check_row(0, "Xbc");
	check_row(1, "32");
	check_row(2, "4");
	check_row(3, "a       b?");
}

TEST(a_full_row_wraps_with_the_next_character)
{
	screen_clear(&screen);
	for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
		show("x");
	CHECK_EQ(screen.row, 0);
	show("\n");
	CHECK_EQ(screen.row, 1);
	for (unsigned i = 0; i < SCREEN_COLUMNS + 1; i++)
		show("y");
	CHECK_EQ(screen.row, 2);
	check_row(2, "y");
}

TEST(the_last_row_scrolls)
{
	screen_clear(&screen);
	for (unsigned i = 0; i < SCREEN_ROWS + 5; i++) {
		char line[] = {(char)('A' + (int)i), '\n', '\0'};
		show(line);
	}
	check_row(0, "G");
	check_row(SCREEN_ROWS - 2, "^");
	check_row(SCREEN_ROWS - 1, "");
	CHECK_EQ(screen.row, SCREEN_ROWS - 1);
	CHECK_EQ(screen.changed, (1u << SCREEN_ROWS) - 1);
}

/* Anything at all stays inside (ASan) and leaves a cursor that is on the screen. */
TEST(random_text_stays_inside)
{
	uint64_t seed = 7;
	screen_clear(&screen);
	for (unsigned i = 0; i < 300000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		char c = (char)(seed >> 40);
		screen_write(&screen, &c, 1);
		CHECK(screen.row < SCREEN_ROWS && screen.column <= SCREEN_COLUMNS);
	}
}
