/*
 * How a program that runs in the virtual machine talks to the terminal outside, over one serial line that the kernel and the program
 * itself may write to as well: frames that terminals would ignore (an "application program command" of ECMA-48).
 *
 *     ESC _ exo: KIND PAYLOAD ESC \         KIND: one letter, below
 *
 * Data are six bits a character, so that nothing on the way (a tty's output processing, say) can change them. Input goes the other
 * way one line for each FRAME_WANTS: data in the same form, an empty line at the end of the input.
 */
#pragma once

#include <stddef.h>

#define FRAME_BEGIN "\033_exo:"
#define FRAME_END   "\033\\"

#define FRAME_STARTS 'b' /* from here on what is outside of frames is the program's */
#define FRAME_OUTPUT 'o' /* data of the standard output */
#define FRAME_ERROR  'e' /* data of the standard error */
#define FRAME_WANTS  'r' /* the standard input is read from */
#define FRAME_EXIT   'x' /* decimal: the exit status, as a shell tells it */

/* Bytes in a frame, and in a line of input: a line in its coded form must fit a tty's line and the serial port's ring, 4096 bytes. */
#define FRAME_BYTES 1024
#define INPUT_BYTES 3000
#define CODED(n)    (((n) + 2) / 3 * 4 + 1)

/* `n` bytes as text, with a length modulo 3 that the text's length tells. Returns the text's length. */
static inline size_t frame_code(char *to, const unsigned char *from, size_t n)
{
	size_t len = 0;
	unsigned bits = 0, held = 0;
	for (size_t i = 0; i < n; i++) {
		held = held << 8 | from[i];
		for (bits += 8; bits >= 6; bits -= 6)
			to[len++] = (char)('0' + (held >> (bits - 6) & 63));
	}
	if (bits)
		to[len++] = (char)('0' + (held << (6 - bits) & 63));
	return len;
}

/* The reverse; other characters are passed over. Returns the number of bytes. */
static inline size_t frame_decode(unsigned char *to, const char *from, size_t n)
{
	size_t len = 0;
	unsigned bits = 0, held = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned value = (unsigned)from[i] - '0';
		if (value > 63)
			continue;
		held = held << 6 | value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[len++] = (unsigned char)(held >> bits);
		}
	}
	return len;
}
