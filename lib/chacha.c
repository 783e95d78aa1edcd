/*
 * ChaCha20, as RFC 8439 describes it. The state's four rows are a vector each, so one instruction does the same step of four quarter rounds;
 * between the rounds over columns and those over diagonals, rows are turned.
 */
#include <lib/chacha.h>
#include <lib/string.h>

typedef uint32_t row_t __attribute__((vector_size(16)));
typedef uint32_t unaligned_row_t __attribute__((vector_size(16), aligned(1)));

#define ROTATE(row, bits) ((row) << (bits) | (row) >> (32 - (bits)))
#define TURN(row, by)                                                                              \
	__builtin_shufflevector(row, row, (by), ((by) + 1) % 4, ((by) + 2) % 4, ((by) + 3) % 4)

static ALWAYS_INLINE void quarter_rounds(row_t *a, row_t *b, row_t *c, row_t *d)
{
	*a += *b;
	*d = ROTATE(*d ^ *a, 16);
	*c += *d;
	*b = ROTATE(*b ^ *c, 12);
	*a += *b;
	*d = ROTATE(*d ^ *a, 8);
	*c += *d;
	*b = ROTATE(*b ^ *c, 7);
}

void chacha20_stream(const uint8_t key[CHACHA_KEY_LEN], uint32_t counter,
    const uint8_t nonce[CHACHA_NONCE_LEN], uint8_t *out, size_t blocks)
{
	row_t start[4] = {{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, /* "expand 32-byte k" */
	    *(const unaligned_row_t *)key, *(const unaligned_row_t *)(key + 16), {counter}};
	memcpy((uint8_t *)&start[3] + sizeof(counter), nonce, CHACHA_NONCE_LEN);
	for (; blocks; blocks--, out += CHACHA_BLOCK_LEN) {
		row_t a = start[0], b = start[1], c = start[2], d = start[3];
		for (unsigned round = 0; round < 10; round++) {
			quarter_rounds(&a, &b, &c, &d);
			b = TURN(b, 1);
			c = TURN(c, 2);
			d = TURN(d, 3);
			quarter_rounds(&a, &b, &c, &d);
			b = TURN(b, 3);
			c = TURN(c, 2);
			d = TURN(d, 1);
		}
		unaligned_row_t *rows = (unaligned_row_t *)out;
		rows[0] = a + start[0];
		rows[1] = b + start[1];
		rows[2] = c + start[2];
		rows[3] = d + start[3];
		start[3] += (row_t){1};
	}
}
