/*
 * Editing a line on a terminal: characters in, echo out. Knows nothing of where they come from, so it is tested on the host.
 *
 * Keys: backspace, left, right, Ctrl-A and Home, Ctrl-E and End, Ctrl-U (all before the cursor), Ctrl-K (all behind it), Ctrl-W
 * (a word), up and down (history), Ctrl-C (give the line up).
 */
#pragma once

#include <lib/fmt.h>
#include <lib/types.h>

#define LINE_MAX     128 /* with the terminating NUL */
#define LINE_HISTORY 16

enum line_event {
	LINE_MORE, /* still being edited */
	LINE_DONE, /* line->text is what was typed */
	LINE_GIVEN_UP,
};

struct line_edit {
	char text[LINE_MAX]; /* terminated */
	size_t len, cursor;
	fmt_sink_t echo;
	void *echo_ctx;
	uint8_t escape; /* how much of an escape sequence has come */
	char parameter; /* its digit */
	bool after_cr;  /* a newline now belongs to it */
	unsigned history_count,
	    history_at; /* all lines ever kept; the one shown, 0: none, 1: the newest */
	char history[LINE_HISTORY][LINE_MAX];
};

void line_edit_init(struct line_edit *line, fmt_sink_t echo, void *ctx);
/* Begins the next line; the history stays. */
void line_edit_begin(struct line_edit *line);
enum line_event line_edit_feed(struct line_edit *line, char c);

/* Cuts the text at its spaces, in place. Returns the number of words, at most `max`; the last one then has the rest. */
unsigned split_words(char *text, char **words, unsigned max);
