/*
 * What gcc calls for __builtin_popcountll: the kernel is compiled for the first x86-64 processors,
 * which lack POPCNT. Bits are summed in pairs, then nibbles, then bytes, and a multiplication adds
 * up the eight bytes.
 */
#include <lib/types.h>

int __popcountdi2(uint64_t x);

int __popcountdi2(uint64_t x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (int)((x * 0x0101010101010101ull) >> 56);
}
