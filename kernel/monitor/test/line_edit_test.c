/* The line editor, judged by what a terminal would show and by the line that comes out. */
#include "line_edit.h"

#include <lib/fmt.h>
#include <string.h>
#include <test/test.h>

#define UP    "\x1b[A"
#define DOWN  "\x1b[B"
#define RIGHT "\x1b[C"
#define LEFT  "\x1b[D"

/* A terminal of one line: what it shows (blanks where nothing was written), and where its cursor is. */
static struct {
	char text[400];
	size_t at;
} screen;

static void clear_screen(void)
{
	memset(screen.text, ' ', sizeof(screen.text));
	screen.at = 0;
}

static void show(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\b') {
			CHECK(screen.at > 0);
			screen.at--;
		} else if (text[i] == '\n') {
			clear_screen();
		} else {
			CHECK(screen.at < sizeof(screen.text));
			screen.text[screen.at++] = text[i];
		}
	}
}

static struct line_edit line;

/* After every key the screen must show the line, with the cursor in its place. */
static enum line_event type(const char *keys)
{
	enum line_event event = LINE_MORE;
	for (; *keys; keys++) {
		event = line_edit_feed(&line, *keys);
		if (event != LINE_MORE)
			continue;
		CHECK(memcmp(screen.text, line.text, line.len) == 0);
		for (size_t i = line.len; i < sizeof(screen.text); i++)
			CHECK_EQ(screen.text[i], ' ');
		CHECK_EQ(screen.at, line.cursor);
		CHECK_EQ(strlen(line.text), line.len);
	}
	return event;
}

static void begin(void)
{
	line_edit_init(&line, show, NULL);
	clear_screen();
}

static void enter(const char *keys, const char *want)
{
	line_edit_begin(&line);
	CHECK_EQ(type(keys), LINE_MORE);
	CHECK_EQ(line_edit_feed(&line, '\r'), LINE_DONE);
	CHECK_STR(line.text, want);
}

TEST(a_line_is_what_was_typed)
{
	begin();
	enter("help", "help");
	enter("", "");
	enter("mem 1", "mem 1");
}

TEST(keys_edit_in_the_middle)
{
	begin();
	enter("hepl\b\blp", "help");
	enter("hlp" LEFT LEFT "e", "help");
	enter("elp\x01h\x05!", "help!");
	enter("abc" LEFT LEFT LEFT LEFT RIGHT RIGHT RIGHT RIGHT RIGHT "d", "abcd");
	enter("wrong\x15right", "right");
	enter("keep lost" LEFT LEFT LEFT LEFT "\x0b", "keep ");
	enter("one two  \x17three", "one three");
	enter("\x17\x15\x0b\b\x7f", "");
	enter("axbc" LEFT LEFT LEFT "\x1b[3~", "abc");
	enter("xa\x1b[H\x1b[3~\x1bOFb", "ab");
}

TEST(newline_after_carriage_return_is_the_same_key)
{
	begin();
	line_edit_begin(&line);
	CHECK_EQ(type("a\r"), LINE_DONE);
	line_edit_begin(&line);
	CHECK_EQ(line_edit_feed(&line, '\n'), LINE_MORE);
	CHECK_EQ(line_edit_feed(&line, '\n'), LINE_DONE);
	CHECK_STR(line.text, "");
}

TEST(control_c_gives_the_line_up)
{
	begin();
	line_edit_begin(&line);
	CHECK_EQ(type("reboot\x03"), LINE_GIVEN_UP);
	enter(UP, "");
}

TEST(history_goes_up_and_down)
{
	begin();
	enter("one", "one");
	enter("two", "two");
	enter("two", "two"); /* kept once */
	enter("", "");
	enter(UP, "two");
	enter(UP UP, "one");
	enter(UP UP UP UP, "one"); /* no further than the oldest */
	enter(UP UP DOWN "x", "onex");
	enter("lost" UP DOWN, "");
	enter(DOWN "a", "a");
}

TEST(history_forgets_the_oldest)
{
	begin();
	for (unsigned i = 0; i < LINE_HISTORY + 3; i++) {
		char text[8];
		snprintf(text, sizeof(text), "n%u", i);
		enter(text, text);
	}
	line_edit_begin(&line);
	for (unsigned i = 0; i < LINE_HISTORY + 5; i++)
		type(UP);
	CHECK_STR(line.text, "n3");
}

TEST(unknown_keys_change_nothing)
{
	begin();
	enter("a\x1b[15~b\x1b[1;5Ac\x1bxd\x01\x05\x02\x7f\xff\x80"
	      "e",
	    "abce");
}

TEST(a_full_line_takes_no_more)
{
	begin();
	char keys[LINE_MAX + 20];
	memset(keys, 'k', sizeof(keys) - 1);
	keys[sizeof(keys) - 1] = '\0';
	line_edit_begin(&line);
	type(keys);
	CHECK_EQ(line.len, LINE_MAX - 1);
	type("\x01xy");
	CHECK_EQ(line.len, LINE_MAX - 1);
	CHECK_EQ(line.text[0], 'k');
	type("\b\x1b[3~z");
	CHECK_EQ(line.text[0], 'z');
}

/* Any bytes at all: the screen and the line stay the same (checked by type), nothing overruns (by ASan). */
TEST(random_keys_keep_screen_and_line_together)
{
	static const char keys[] = "abc  \b\b\x7f\x01\x05\x15\x0b\x17\x1b\x1b[[ABCDHF~3O";
	begin();
	uint64_t seed = 42;
	line_edit_begin(&line);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		char key[2] = {keys[(seed >> 33) % (sizeof(keys) - 1)], '\0'};
		type(key);
		if (i % 97 == 0) {
			line_edit_feed(&line, '\r');
			clear_screen();
			line_edit_begin(&line);
		}
	}
}

static void check_words(const char *text, unsigned count, const char *first, const char *last)
{
	char copy[64];
	char *words[3];
	snprintf(copy, sizeof(copy), "%s", text);
	CHECK_EQ(split_words(copy, words, 3), count);
	if (count > 0) {
		CHECK_STR(words[0], first);
		CHECK_STR(words[count - 1], last);
	}
}

TEST(words_are_cut_at_spaces)
{
	check_words("", 0, "", "");
	check_words("   ", 0, "", "");
	check_words("log", 1, "log", "log");
	check_words("  log   20 ", 2, "log", "20");
	check_words("a b c", 3, "a", "c");
	check_words("a b c d e", 3, "a", "c d e");
}
