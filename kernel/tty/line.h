/*
 * The line discipline of termios(3): what is typed becomes lines (or, raw, bytes) to read, with editing, echo and signals; what is written
 * becomes what the device shows. Knows neither devices nor processes: those are the operations. Whoever uses it has a lock around it.
 *
 *     typed ─► line_input ─► [tail … line_end … head] ─► line_read
 *                 │ echo           complete   being edited
 *     written ─► line_output ─► ops->output
 */
#pragma once

#include <tty/tty.h>

#define LINE_BUFFER_SIZE 4096 /* a power of two */
#define LINE_TAB_STOP    8u

struct line;
struct line_ops {
	void (*output)(struct line *line, const char *text, size_t len);
	void (*signal)(struct line *line, int signal);
};

struct line {
	const struct line_ops *ops;
	struct termios termios;
	/* Counts since ever; the place in the buffer is the rest by its size. */
	uint32_t tail, line_end, head;
	unsigned column;      /* of the device's cursor */
	unsigned line_column; /* where the line that is being edited begins */
	bool takes_literally; /* after VLNEXT */
	bool is_stopped;      /* VSTOP: no output */
	size_t pending_len;
	char pending[128]; /* output on its way */
	char buffer[LINE_BUFFER_SIZE];
	uint64_t ends[LINE_BUFFER_SIZE / 64]; /* a bit for each byte that ends a line */
};

void line_init(struct line *line, const struct line_ops *ops);
void line_set_termios(struct line *line, const struct termios *termios);

void line_input(struct line *line, const char *text, size_t len);
/* False: more input would be lost, and a reader can make room. */
bool line_has_room(const struct line *line);

/* Bytes that a read could get now. */
size_t line_available(const struct line *line);
/* Whether a read need not wait, when it wants `wanted` bytes at least in raw mode. */
bool line_is_readable(const struct line *line, size_t wanted);
/* *is_complete: the read is over (the end of a line, or of the file); in raw mode never. */
size_t line_read(struct line *line, char *buf, size_t size, bool *is_complete);
void line_flush_input(struct line *line);

void line_output(struct line *line, const char *text, size_t len);
