/*
 * CRC-32, four bytes a step. The CRC is linear: the table's entry for a byte is the sum (xor) of
 * the entries of its bits, so each table is written down by its eight one-bit entries and spelled
 * out by the preprocessor.
 */
#include <lib/crc32.h>

#define BIT(i, bit, value) ((i) >> (bit)&1 ? (value) : 0u)
#define BITS_8(i, a, b, c, d, e, f, g, h)                                                          \
	(BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ \
	    BIT(i, 6, g) ^ BIT(i, 7, h))

/* entry n of TABLE k: the CRC of byte n followed by k zero bytes */
#define TABLE_0(i)                                                                                 \
	BITS_8(i, 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8,          \
	    0x76dc4190, 0xedb88320)
#define TABLE_1(i)                                                                                 \
	BITS_8(i, 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2,          \
	    0xf0794f05, 0x3b83984b)
#define TABLE_2(i)                                                                                 \
	BITS_8(i, 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0,          \
	    0x709a8dc0, 0xe1351b80)
#define TABLE_3(i)                                                                                 \
	BITS_8(i, 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e,          \
	    0x9b14583d, 0xed59b63b)

#define ROW_4(t, i)  t(i), t((i) + 1), t((i) + 2), t((i) + 3)
#define ROW_16(t, i) ROW_4(t, i), ROW_4(t, (i) + 4), ROW_4(t, (i) + 8), ROW_4(t, (i) + 12)
#define ROW_64(t, i) ROW_16(t, i), ROW_16(t, (i) + 16), ROW_16(t, (i) + 32), ROW_16(t, (i) + 48)
#define ROW_256(t)   ROW_64(t, 0u), ROW_64(t, 64u), ROW_64(t, 128u), ROW_64(t, 192u)

static const uint32_t tables[4][256] = {
    {ROW_256(TABLE_0)},
    {ROW_256(TABLE_1)},
    {ROW_256(TABLE_2)},
    {ROW_256(TABLE_3)},
};

uint32_t crc32(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;
	crc = ~crc;
	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;
		__builtin_memcpy(&word, p, sizeof word);
		crc ^= word;
		crc = tables[3][crc & 0xff] ^ tables[2][crc >> 8 & 0xff] ^
		      tables[1][crc >> 16 & 0xff] ^ tables[0][crc >> 24];
	}
	for (; len; p++, len--)
		crc = crc >> 8 ^ tables[0][(crc ^ *p) & 0xff];
	return ~crc;
}
