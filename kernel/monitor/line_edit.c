/* The line editor. Only backspaces move the terminal's cursor to the left, which every terminal understands. */
#include "line_edit.h"

#include <lib/string.h>

#define CTRL(letter) ((letter) - '@')
#define ESCAPE       0x1b
#define DELETE       0x7f

void line_edit_init(struct line_edit *line, fmt_sink_t echo, void *ctx)
{
	*line = (struct line_edit){.echo = echo, .echo_ctx = ctx};
}

void line_edit_begin(struct line_edit *line)
{
	line->len = line->cursor = 0;
	line->text[0] = '\0';
	line->history_at = 0;
	line->escape = 0;
}

static void echo(struct line_edit *line, const char *text, size_t len)
{
	if (len > 0)
		line->echo(line->echo_ctx, text, len);
}

static void echo_repeated(struct line_edit *line, char c, size_t count)
{
	while (count-- > 0)
		echo(line, &c, 1);
}

static void move_cursor(struct line_edit *line, size_t to)
{
	if (to < line->cursor)
		echo_repeated(line, '\b', line->cursor - to);
	else
		echo(line, line->text + line->cursor, to - line->cursor);
	line->cursor = to;
}

/* Puts `insert` in place of what is between `from` and `to`, and the cursor behind it. What does not fit is dropped. */
static void replace(
    struct line_edit *line, size_t from, size_t to, const char *insert, size_t insert_len)
{
	size_t tail = line->len - to;
	insert_len = min(insert_len, (size_t)LINE_MAX - 1 - from - tail);
	size_t old_len = line->len, new_len = from + insert_len + tail;

	move_cursor(line, from);
	memmove(line->text + from + insert_len, line->text + to, tail);
	memcpy(line->text + from, insert, insert_len);
	line->text[new_len] = '\0';
	line->len = new_len;

	/* Everything from here on anew, blanks over what the line was longer before, and back. */
	echo(line, line->text + from, new_len - from);
	size_t blanks = old_len > new_len ? old_len - new_len : 0;
	echo_repeated(line, ' ', blanks);
	echo_repeated(line, '\b', blanks + tail);
	line->cursor = from + insert_len;
}

static size_t word_start(const struct line_edit *line)
{
	size_t at = line->cursor;
	while (at > 0 && line->text[at - 1] == ' ')
		at--;
	while (at > 0 && line->text[at - 1] != ' ')
		at--;
	return at;
}

static char *history_line(struct line_edit *line, unsigned back)
{
	return line->history[(line->history_count - back) % LINE_HISTORY];
}

static void remember(struct line_edit *line)
{
	if (line->len == 0)
		return;
	if (line->history_count > 0 && strcmp(history_line(line, 1), line->text) == 0)
		return;
	memcpy(line->history[line->history_count++ % LINE_HISTORY], line->text, line->len + 1);
}

/* back: 1 is the newest line of the history, 0 an empty one. */
static void show_history(struct line_edit *line, unsigned back)
{
	if (back > min(line->history_count, (unsigned)LINE_HISTORY))
		return;
	const char *text = back ? history_line(line, back) : "";
	line->history_at = back;
	replace(line, 0, line->len, text, strlen(text));
}

static void key_after_escape(struct line_edit *line, char key)
{
	switch (key) {
	case 'A': show_history(line, line->history_at + 1); break;
	case 'B':
		if (line->history_at > 0)
			show_history(line, line->history_at - 1);
		break;
	case 'C': move_cursor(line, min(line->cursor + 1, line->len)); break;
	case 'D': move_cursor(line, line->cursor - (line->cursor > 0)); break;
	case 'H': move_cursor(line, 0); break;
	case 'F': move_cursor(line, line->len); break;
	case '~':
		if (line->parameter == '3' && line->cursor < line->len)
			replace(line, line->cursor, line->cursor + 1, "", 0);
		break;
	default: break;
	}
}

/* ESC [ parameters letter, or ESC O letter. Unknown ones are swallowed whole. */
static void feed_escape(struct line_edit *line, char c)
{
	if (line->escape == 1) {
		line->escape = c == '[' || c == 'O' ? 2 : 0;
		line->parameter = 0;
	} else if (c >= '@' && c <= '~') {
		line->escape = 0;
		key_after_escape(line, c);
	} else {
		line->parameter = c;
	}
}

static void feed_key(struct line_edit *line, char c)
{
	switch (c) {
	case ESCAPE: line->escape = 1; break;
	case '\b':
	case DELETE:
		if (line->cursor > 0)
			replace(line, line->cursor - 1, line->cursor, "", 0);
		break;
	case CTRL('A'): move_cursor(line, 0); break;
	case CTRL('E'): move_cursor(line, line->len); break;
	case CTRL('U'): replace(line, 0, line->cursor, "", 0); break;
	case CTRL('K'): replace(line, line->cursor, line->len, "", 0); break;
	case CTRL('W'): replace(line, word_start(line), line->cursor, "", 0); break;
	default:
		if (c >= ' ' && c <= '~')
			replace(line, line->cursor, line->cursor, &c, 1);
		break;
	}
}

enum line_event line_edit_feed(struct line_edit *line, char c)
{
	bool after_cr = line->after_cr;
	line->after_cr = c == '\r';
	if (line->escape) {
		feed_escape(line, c);
		return LINE_MORE;
	}
	if (c == '\n' && after_cr)
		return LINE_MORE;
	switch (c) {
	case '\n':
	case '\r':
		echo(line, "\n", 1);
		remember(line);
		return LINE_DONE;
	case CTRL('C'): echo(line, "^C\n", 3); return LINE_GIVEN_UP;
	default: feed_key(line, c); return LINE_MORE;
	}
}

unsigned split_words(char *text, char **words, unsigned max)
{
	unsigned count = 0;
	for (;;) {
		while (*text == ' ')
			text++;
		if (!*text || count == max)
			return count;
		words[count++] = text;
		if (count == max)
			return count;
		while (*text && *text != ' ')
			text++;
		if (*text)
			*text++ = '\0';
	}
}
