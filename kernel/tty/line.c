/* From what is typed to what is read: "line.h". */
#include "line.h"

#include <abi/linux/signal.h>
#include <abi/linux/termios.h>
#include <lib/string.h>

#define DELETE 0x7f

static const struct termios default_termios = {
    .c_iflag = ICRNL | IXON,
    .c_oflag = OPOST | ONLCR,
    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .c_cc = {3, 034, DELETE, 025, 4, 0, 1, 0, 021, 023, 032, 0, 022, 017, 027, 026, 0},
};

void line_init(struct line *line, const struct line_ops *ops)
{
	memset(line, 0, sizeof(*line));
	line->ops = ops;
	line->termios = default_termios;
}

static bool has_local(const struct line *line, uint32_t flag)
{
	return line->termios.c_lflag & flag;
}

static size_t place(uint32_t position)
{
	return position % LINE_BUFFER_SIZE;
}

static bool is_end(const struct line *line, uint32_t position)
{
	return line->ends[place(position) / 64] >> place(position) % 64 & 1;
}

static void set_end(struct line *line, uint32_t position, bool value)
{
	uint64_t bit = 1ull << place(position) % 64;
	if (value)
		line->ends[place(position) / 64] |= bit;
	else
		line->ends[place(position) / 64] &= ~bit;
}

/* A control character as the user has set it; 0 means that there is none. */
static bool is_special(const struct line *line, char c, unsigned which)
{
	return c && (uint8_t)c == line->termios.c_cc[which];
}

static bool is_special_extended(const struct line *line, char c, unsigned which)
{
	return has_local(line, IEXTEN) && is_special(line, c, which);
}

static bool is_control(char c)
{
	return ((uint8_t)c < ' ' && c != '\t') || c == DELETE;
}

static bool is_continuation(const struct line *line, char c)
{
	return line->termios.c_iflag & IUTF8 && ((uint8_t)c & 0xc0) == 0x80;
}

static void echo(struct line *line, char c)
{
	if (is_control(c) && c != '\n' && has_local(line, ECHOCTL)) {
		char shown[2] = {'^', (char)(c ^ 0x40)};
		line_output(line, shown, 2);
	} else {
		line_output(line, &c, 1);
	}
}

/* The column behind the line that is being edited, as it was echoed. */
static unsigned end_column(const struct line *line)
{
	unsigned column = line->line_column;
	for (uint32_t i = line->line_end; i != line->head; i++) {
		char c = line->buffer[place(i)];
		if (c == '\t')
			column += LINE_TAB_STOP - column % LINE_TAB_STOP;
		else if (is_control(c))
			column += has_local(line, ECHOCTL) ? 2 : 0;
		else
			column += !is_continuation(line, c);
	}
	return column;
}

static void store(struct line *line, char c, bool ends_line)
{
	line->buffer[place(line->head)] = c;
	set_end(line, line->head, ends_line);
	line->head++;
	if (ends_line)
		line->line_end = line->head;
}

static size_t stored(const struct line *line)
{
	return line->head - line->tail;
}

/* One place is kept for what ends a line. */
static bool is_full(const struct line *line)
{
	return stored(line) >= LINE_BUFFER_SIZE - 1;
}

static void add_char(struct line *line, char c)
{
	if (is_full(line)) {
		if (line->termios.c_iflag & IMAXBEL)
			line_output(line, "\a", 1);
		return;
	}
	if (has_local(line, ECHO)) {
		if (line->head == line->line_end)
			line->line_column = line->column;
		echo(line, c);
	}
	store(line, c, false);
}

static void add_end(struct line *line, char c)
{
	if (stored(line) < LINE_BUFFER_SIZE)
		store(line, c, true);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || (uint8_t)c >= 0x80;
}

/* Takes the last character off, and off the screen. */
static void erase_char(struct line *line)
{
	unsigned before = end_column(line);
	char c;
	do {
		line->head--;
		c = line->buffer[place(line->head)];
	} while (is_continuation(line, c) && line->head != line->line_end);
	if (!has_local(line, ECHO))
		return;
	if (!has_local(line, ECHOE)) {
		echo(line, (char)line->termios.c_cc[VERASE]);
		return;
	}
	for (unsigned width = before - end_column(line); width; width--)
		line_output(line, c == '\t' ? "\b" : "\b \b", c == '\t' ? 1 : 3);
}

static char last_char(const struct line *line)
{
	return line->buffer[place(line->head - 1)];
}

static void erase_word(struct line *line)
{
	bool seen_word = false;
	while (line->head != line->line_end) {
		bool in_word = is_word(last_char(line));
		if (seen_word && !in_word)
			break;
		seen_word |= in_word;
		erase_char(line);
	}
}

static void kill_line(struct line *line)
{
	if (has_local(line, ECHO) && !(has_local(line, ECHOKE) && has_local(line, ECHOE))) {
		line->head = line->line_end;
		echo(line, (char)line->termios.c_cc[VKILL]);
		if (has_local(line, ECHOK))
			line_output(line, "\n", 1);
		return;
	}
	while (line->head != line->line_end)
		erase_char(line);
}

static void reprint(struct line *line)
{
	echo(line, (char)line->termios.c_cc[VREPRINT]);
	line_output(line, "\n", 1);
	line->line_column = line->column;
	for (uint32_t i = line->line_end; i != line->head; i++)
		echo(line, line->buffer[place(i)]);
}

/* True: the character was one for editing. */
static bool edit(struct line *line, char c)
{
	bool is_erase = is_special(line, c, VERASE), is_kill = is_special(line, c, VKILL),
	     is_word_erase = is_special_extended(line, c, VWERASE);
	if (is_erase || is_kill || is_word_erase) {
		if (line->head == line->line_end)
			return true;
		if (is_erase)
			erase_char(line);
		else if (is_word_erase)
			erase_word(line);
		else
			kill_line(line);
		return true;
	}
	if (is_special_extended(line, c, VREPRINT) && has_local(line, ECHO)) {
		reprint(line);
		return true;
	}
	return false;
}

/* True: the character ended a line. */
static bool end_line(struct line *line, char c)
{
	if (c == '\n') {
		if (has_local(line, ECHO) || has_local(line, ECHONL))
			line_output(line, "\n", 1);
		add_end(line, c);
		return true;
	}
	if (is_special(line, c, VEOF)) {
		add_end(line, '\0');
		return true;
	}
	if (is_special(line, c, VEOL) || is_special_extended(line, c, VEOL2)) {
		if (has_local(line, ECHO))
			echo(line, c);
		add_end(line, c);
		return true;
	}
	return false;
}

static bool is_signal(struct line *line, char c)
{
	int signal = is_special(line, c, VINTR)   ? SIGINT
		     : is_special(line, c, VQUIT) ? SIGQUIT
		     : is_special(line, c, VSUSP) ? SIGTSTP
						  : 0;
	if (!signal)
		return false;
	if (line->termios.c_iflag & IXON)
		line->is_stopped = false;
	if (!has_local(line, NOFLSH))
		line_flush_input(line);
	if (has_local(line, ECHO))
		echo(line, c);
	line->ops->signal(line, signal);
	return true;
}

static bool is_flow_control(struct line *line, char c)
{
	if (!(line->termios.c_iflag & IXON))
		return false;
	if (is_special(line, c, VSTART)) {
		line->is_stopped = false;
		return true;
	}
	if (is_special(line, c, VSTOP)) {
		line->is_stopped = true;
		return true;
	}
	if (line->termios.c_iflag & IXANY)
		line->is_stopped = false;
	return false;
}

static void input_char(struct line *line, char c)
{
	uint32_t flags = line->termios.c_iflag;
	if (flags & ISTRIP)
		c &= 0x7f;
	if (line->takes_literally) {
		line->takes_literally = false;
		add_char(line, c);
		return;
	}
	if (flags & IUCLC && has_local(line, IEXTEN) && c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	if (is_flow_control(line, c) || (has_local(line, ISIG) && is_signal(line, c)))
		return;
	if (c == '\r') {
		if (flags & IGNCR)
			return;
		if (flags & ICRNL)
			c = '\n';
	} else if (c == '\n' && flags & INLCR) {
		c = '\r';
	}
	if (has_local(line, ICANON)) {
		if (is_special_extended(line, c, VLNEXT)) {
			line->takes_literally = true;
			if (has_local(line, ECHO) && has_local(line, ECHOCTL))
				line_output(line, "^\b", 2);
			return;
		}
		if (edit(line, c) || end_line(line, c))
			return;
	}
	add_char(line, c);
}

void line_input(struct line *line, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		input_char(line, text[i]);
}

bool line_has_room(const struct line *line)
{
	if (!is_full(line))
		return true;
	/* A line that is too long loses its end, or nobody could ever read it. */
	return has_local(line, ICANON) && line->line_end == line->tail;
}

size_t line_available(const struct line *line)
{
	return (has_local(line, ICANON) ? line->line_end : line->head) - line->tail;
}

bool line_is_readable(const struct line *line, size_t wanted)
{
	size_t available = line_available(line);
	return has_local(line, ICANON) ? available : available >= wanted;
}

/* An end of file is a mark and no byte. */
static bool is_end_of_file(const struct line *line, uint32_t position)
{
	return is_end(line, position) && !line->buffer[place(position)];
}

static size_t read_line(struct line *line, char *buf, size_t size, bool *is_complete)
{
	size_t n = 0;
	while (!*is_complete && line->tail != line->line_end) {
		uint32_t position = line->tail;
		bool is_mark = is_end_of_file(line, position);
		if (!is_mark && n == size)
			break;
		*is_complete = is_end(line, position);
		line->tail++;
		if (!is_mark)
			buf[n++] = line->buffer[place(position)];
	}
	return n;
}

size_t line_read(struct line *line, char *buf, size_t size, bool *is_complete)
{
	*is_complete = false;
	if (has_local(line, ICANON))
		return read_line(line, buf, size, is_complete);
	size_t n = 0;
	while (n < size && line->tail != line->head)
		buf[n++] = line->buffer[place(line->tail++)];
	if ((int32_t)(line->line_end - line->tail) < 0)
		line->line_end = line->tail;
	return n;
}

void line_flush_input(struct line *line)
{
	line->tail = line->line_end = line->head;
	line->takes_literally = false;
}

void line_set_termios(struct line *line, const struct termios *termios)
{
	bool was_canonical = has_local(line, ICANON);
	line->termios = *termios;
	if (was_canonical != has_local(line, ICANON)) {
		/* What has been typed can be read as it is. */
		memset(line->ends, 0, sizeof(line->ends));
		line->line_end = line->head;
		if (line->head != line->tail)
			set_end(line, line->head - 1, true);
		line->takes_literally = false;
	}
	if (!(termios->c_iflag & IXON))
		line->is_stopped = false;
}
