/*
 * Names of the kernel's functions by address, from the table that tools/symbols.sh adds to the image.
 *
 * Context: any.
 */
#pragma once

#include <lib/types.h>

struct symbol_table {
	uint32_t count;
	const uint32_t *addresses; /* sorted; offsets from the base of the image */
	const uint32_t *names;     /* where each name begins in strings */
	const char *strings;
};

struct symbol {
	const char *name;
	uint64_t offset; /* of the address looked up, from the symbol's start */
	uint64_t size;   /* up to the next symbol; 0: unknown */
};

/* The last symbol at or below the offset; false when there is none. */
bool symbol_find(const struct symbol_table *table, uint64_t offset, struct symbol *symbol);

/* In the kernel's own table. False for an address outside the kernel's code, and when it has no table. */
bool symbol_lookup(uintptr_t address, struct symbol *symbol);

#define SYMBOL_TEXT_MAX 80
/* "name+0x1c/0x80", or "?" when the address has no name. Returns buf. */
const char *symbol_format(char buf[SYMBOL_TEXT_MAX], uintptr_t address);

/* Whether it lies in the kernel's code. */
bool address_is_code(uintptr_t address);
