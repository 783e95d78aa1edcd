#include "line.h"

#include <abi/linux/signal.h>
#include <abi/linux/termios.h>
#include <lib/string.h>
#include <test/test.h>

static char shown[1024];
static size_t shown_len;
static int last_signal;

static void output(struct line *line, const char *text, size_t len)
{
	(void)line;
	CHECK(shown_len + len < sizeof(shown));
	memcpy(shown + shown_len, text, len);
	shown_len += len;
	shown[shown_len] = '\0';
}

static void take_signal(struct line *line, int signal)
{
	(void)line;
	last_signal = signal;
}

static const struct line_ops ops = {.output = output, .signal = take_signal};
static struct line line;

static void start(void)
{
	line_init(&line, &ops);
	shown_len = 0;
	shown[0] = '\0';
	last_signal = 0;
}

static void type(const char *text)
{
	line_input(&line, text, strlen(text));
}

/* Clears what was shown, too. */
static bool was_shown(const char *text)
{
	bool same = strcmp(shown, text) == 0;
	shown_len = 0;
	shown[0] = '\0';
	return same;
}

/* One read of at most `size` bytes gives `text`. */
static bool reads_of(const char *text, size_t size)
{
	char buf[256];
	bool is_complete;
	size_t n = line_read(&line, buf, size, &is_complete);
	return n == strlen(text) && memcmp(buf, text, n) == 0;
}

static bool reads(const char *text)
{
	return reads_of(text, 256);
}

static void change(uint32_t clear, uint32_t set)
{
	struct termios termios = line.termios;
	termios.c_lflag = (termios.c_lflag & ~clear) | set;
	line_set_termios(&line, &termios);
}

TEST(a_line_can_be_read_when_it_is_complete)
{
	start();
	type("ab");
	CHECK(!line_is_readable(&line, 1));
	type("c\r");
	CHECK(line_is_readable(&line, 1));
	CHECK(was_shown("abc\r\n"));
	type("d\n");
	CHECK(reads("abc\n"));
	CHECK(reads_of("d", 1));
	CHECK(reads("\n"));
	CHECK(!line_is_readable(&line, 1));
}

TEST(characters_words_and_lines_are_erased)
{
	start();
	type("abx\177");
	CHECK(was_shown("abx\b \b"));
	type("\177\177\177");
	CHECK(was_shown("\b \b\b \b"));
	type("one two  \027\n");
	CHECK(reads("one \n"));
	was_shown("");
	type("gone\025kept\n");
	CHECK(reads("kept\n"));
	CHECK(was_shown("gone\b \b\b \b\b \b\b \bkept\r\n"));
}

TEST(tabs_and_control_characters_are_as_wide_as_they_were_shown)
{
	start();
	type("a\t\177");
	CHECK(was_shown("a\t\b\b\b\b\b\b\b"));
	type("\026\003\177\n");
	CHECK(was_shown("^\b^C\b \b\b \b\r\n"));
	CHECK(reads("a\n"));
}

TEST(many_bytes_may_be_one_character)
{
	start();
	line.termios.c_iflag |= IUTF8;
	type("a\303\244\177\n");
	CHECK(was_shown("a\303\244\b \b\r\n"));
	CHECK(reads("a\n"));
}

TEST(an_end_of_file_ends_a_read_and_is_not_read)
{
	start();
	type("abc\004");
	CHECK(reads("abc"));
	CHECK(!line_is_readable(&line, 1));
	type("\004");
	CHECK(line_is_readable(&line, 1));
	CHECK(reads(""));
	CHECK(!line_is_readable(&line, 1));
	/* Also when the reader's buffer is just full. */
	type("xyz\004");
	CHECK(reads_of("xyz", 3));
	CHECK(!line_is_readable(&line, 1));
}

TEST(signals_are_sent_and_throw_input_away)
{
	start();
	type("abc\003");
	CHECK_EQ(last_signal, SIGINT);
	CHECK(was_shown("abc^C"));
	type("d\n");
	CHECK(reads("d\n"));
	type("\032");
	CHECK_EQ(last_signal, SIGTSTP);
	type("\034");
	CHECK_EQ(last_signal, SIGQUIT);
	change(ISIG, 0);
	last_signal = 0;
	type("\003\n");
	CHECK_EQ(last_signal, 0);
	CHECK(reads("\003\n"));
}

TEST(output_stops_and_goes_on)
{
	start();
	type("\023");
	CHECK(line.is_stopped);
	type("\021");
	CHECK(!line.is_stopped);
	CHECK(was_shown(""));
	CHECK(!line_is_readable(&line, 1));
}

TEST(raw_bytes_are_read_as_they_are)
{
	start();
	change(ICANON | ECHO | ISIG, 0);
	line.termios.c_iflag = 0;
	type("\003\r\177");
	CHECK(was_shown(""));
	CHECK(line_is_readable(&line, 3));
	CHECK(!line_is_readable(&line, 4));
	CHECK(reads("\003\r\177"));
}

TEST(what_was_typed_survives_a_change_of_mode)
{
	start();
	type("ab");
	change(ICANON, 0);
	CHECK(line_is_readable(&line, 2));
	CHECK(reads_of("a", 1));
	change(0, ICANON);
	CHECK(reads("b"));
	type("c\n");
	CHECK(reads("c\n"));
}

TEST(a_line_that_is_too_long_loses_its_end)
{
	start();
	change(ECHO, 0);
	for (unsigned i = 0; i < LINE_BUFFER_SIZE + 100; i++) {
		CHECK(line_has_room(&line));
		type("x");
	}
	type("\n");
	CHECK_EQ(line_available(&line), LINE_BUFFER_SIZE);
	CHECK(!line_has_room(&line));
	size_t sum = 0;
	bool is_complete = false;
	char buf[100];
	while (!is_complete)
		sum += line_read(&line, buf, sizeof(buf), &is_complete);
	CHECK_EQ(sum, LINE_BUFFER_SIZE);
	CHECK(line_has_room(&line));
}

TEST(the_line_is_printed_again)
{
	start();
	type("ab\022");
	CHECK(was_shown("ab^R\r\nab"));
}

TEST(output_is_processed)
{
	start();
	line_output(&line, "a\nb\tc", 5);
	CHECK(was_shown("a\r\nb\tc"));
	CHECK_EQ(line.column, 9);
	line.termios.c_oflag = OPOST | XTABS | OCRNL;
	line.column = 6;
	line_output(&line, "\t\r", 2);
	CHECK(was_shown("  \n"));
	line.termios.c_oflag = 0;
	line_output(&line, "\n", 1);
	CHECK(was_shown("\n"));
}
