/* The picture of a text screen. */
#include "screen.h"

#include <lib/string.h>

#define TAB_STOP 8

static void blank_row(struct screen *screen, unsigned row)
{
	for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
		screen->cells[row][i] = SCREEN_GREY_ON_BLACK | ' ';
	screen->changed |= 1u << row;
}

void screen_clear(struct screen *screen)
{
	for (unsigned row = 0; row < SCREEN_ROWS; row++)
		blank_row(screen, row);
	screen->row = screen->column = 0;
}

static void next_row(struct screen *screen)
{
	screen->column = 0;
	if (++screen->row < SCREEN_ROWS)
		return;
	memmove(
	    screen->cells[0], screen->cells[1], sizeof(screen->cells) - sizeof(screen->cells[0]));
	blank_row(screen, SCREEN_ROWS - 1);
	screen->changed = (1u << SCREEN_ROWS) - 1;
	screen->row = SCREEN_ROWS - 1;
}

static void put(struct screen *screen, char c)
{
	/* A full row wraps with the next character, so that a line of 80 does not leave an empty row behind. */
	if (screen->column == SCREEN_COLUMNS)
		next_row(screen);
	screen->cells[screen->row][screen->column++] =
	    (screen_cell_t)(SCREEN_GREY_ON_BLACK | (uint8_t)c);
	screen->changed |= 1u << screen->row;
}

void screen_write(struct screen *screen, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		switch (c) {
		case '\n': next_row(screen); break;
		case '\r': screen->column = 0; break;
		case '\b': screen->column -= screen->column > 0; break;
		case '\t':
			do
				put(screen, ' ');
			while (screen->column % TAB_STOP);
			break;
		default: put(screen, c >= ' ' && c <= '~' ? c : '?'); break;
		}
	}
}
