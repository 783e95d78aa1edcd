/*
 * What a text screen shows, as a picture in memory: characters in, cells out. The driver copies the rows that changed to the
 * hardware. Pure, so it is tested on the host.
 */
#pragma once

#include <lib/types.h>

#define SCREEN_COLUMNS 80u
#define SCREEN_ROWS    25u

/* Character in the low byte, colours in the high one. */
typedef uint16_t screen_cell_t;
#define SCREEN_GREY_ON_BLACK 0x0700

struct screen {
	screen_cell_t cells[SCREEN_ROWS][SCREEN_COLUMNS] ALIGNED(8);
	unsigned row, column;
	uint32_t changed; /* a bit for each row */
};

void screen_clear(struct screen *screen);
/* Newline, carriage return, backspace, tab and what can be printed; anything else shows as '?'. */
void screen_write(struct screen *screen, const char *text, size_t len);
