/* VGA text mode: 80 x 25 cells at 0xb8000. IBM VGA Technical Reference; http://www.osdever.net/FreeVGA/vga/vga.htm */
#include "screen.h"

#include <boot/boot_info.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <log/log.h>
#include <mm/page.h>
#include <vga/vga.h>
#include <x86/io.h>

#define TEXT_MEMORY 0xb8000

#define GRAPHICS_INDEX 0x3ce
#define GRAPHICS_DATA  0x3cf
#define GRAPHICS_MISC  6
#define MISC_GRAPHICS  0x01
#define MISC_MAP_MASK  0x0c
#define MISC_MAP_TEXT  0x0c /* 32 KiB at 0xb8000 */

#define CRT_INDEX       0x3d4
#define CRT_DATA        0x3d5
#define CRT_CURSOR_HIGH 0x0e
#define CRT_CURSOR_LOW  0x0f

/* The console's lock guards it: all output comes through it. */
static struct screen screen;

static void move_cursor(void)
{
	unsigned at = screen.row * SCREEN_COLUMNS + min(screen.column, SCREEN_COLUMNS - 1);
	io_out8(CRT_INDEX, CRT_CURSOR_HIGH);
	io_out8(CRT_DATA, (uint8_t)(at >> 8));
	io_out8(CRT_INDEX, CRT_CURSOR_LOW);
	io_out8(CRT_DATA, (uint8_t)at);
}

/* Eight bytes a store: each may be an exit to the hypervisor. */
static void show_changes(void)
{
	volatile uint64_t *memory = phys_to_virt(TEXT_MEMORY);
	const size_t words_per_row = SCREEN_COLUMNS * sizeof(screen_cell_t) / sizeof(uint64_t);
	for (; screen.changed; screen.changed &= screen.changed - 1) {
		unsigned row = (unsigned)__builtin_ctz(screen.changed);
		for (size_t i = 0; i < words_per_row; i++) {
			uint64_t word;
			memcpy(&word, &screen.cells[row][i * 4], sizeof(word));
			memory[row * words_per_row + i] = word;
		}
	}
	move_cursor();
}

/* The console's output. Context: any. */
static void vga_write(const char *text, size_t len)
{
	screen_write(&screen, text, len);
	show_changes();
}

/* No device reads as ones, which is graphics. */
static bool is_in_text_mode(void)
{
	io_out8(GRAPHICS_INDEX, GRAPHICS_MISC);
	uint8_t misc = io_in8(GRAPHICS_DATA);
	return !(misc & MISC_GRAPHICS) && (misc & MISC_MAP_MASK) == MISC_MAP_TEXT;
}

static bool is_wanted(void)
{
	char value[8];
	return !console_has_output() ||
	       (cmdline_get(boot_info.cmdline, "console", value, sizeof(value)) == 1 &&
		   strcmp(value, "vga") == 0);
}

void vga_init(void)
{
	if (!is_wanted() || !is_in_text_mode())
		return;
	screen_clear(&screen);
	console_add_output(vga_write);
}
