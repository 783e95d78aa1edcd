/* From what is written to what the device shows. */
#include "line.h"

#include <abi/linux/termios.h>

static void send_pending(struct line *line)
{
	if (line->pending_len)
		line->ops->output(line, line->pending, line->pending_len);
	line->pending_len = 0;
}

static void send(struct line *line, char c)
{
	if (line->pending_len == sizeof(line->pending))
		send_pending(line);
	line->pending[line->pending_len++] = c;
}

static void send_tab(struct line *line)
{
	unsigned spaces = LINE_TAB_STOP - line->column % LINE_TAB_STOP;
	line->column += spaces;
	if ((line->termios.c_oflag & TABDLY) != XTABS) {
		send(line, '\t');
		return;
	}
	while (spaces--)
		send(line, ' ');
}

static void send_return(struct line *line)
{
	uint32_t flags = line->termios.c_oflag;
	if (flags & ONOCR && !line->column)
		return;
	if (flags & OCRNL) {
		send(line, '\n');
		if (flags & ONLRET)
			line->column = 0;
		return;
	}
	line->column = 0;
	send(line, '\r');
}

static void send_newline(struct line *line)
{
	uint32_t flags = line->termios.c_oflag;
	if (flags & ONLCR)
		send(line, '\r');
	if (flags & (ONLCR | ONLRET))
		line->column = 0;
	send(line, '\n');
}

static void send_text(struct line *line, char c)
{
	if (line->termios.c_oflag & OLCUC && c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	bool is_continuation = line->termios.c_iflag & IUTF8 && ((uint8_t)c & 0xc0) == 0x80;
	if ((uint8_t)c >= ' ' && (uint8_t)c != 0x7f && !is_continuation)
		line->column++;
	send(line, c);
}

static void process(struct line *line, char c)
{
	switch (c) {
	case '\n': send_newline(line); break;
	case '\r': send_return(line); break;
	case '\t': send_tab(line); break;
	case '\b':
		line->column -= line->column > 0;
		send(line, c);
		break;
	default: send_text(line, c); break;
	}
}

void line_output(struct line *line, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line->termios.c_oflag & OPOST)
			process(line, text[i]);
		else
			send(line, text[i]);
	send_pending(line);
}
