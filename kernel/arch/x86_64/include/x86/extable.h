/*
 * The table of fixups: an instruction that may fault, and where to go on when it does. Offsets are relative to the fields themselves,
 * so the table needs no relocation.
 */
#pragma once

#ifdef __ASSEMBLER__
/* clang-format off */
.macro extable fault, fixup
	.pushsection .extable, "a"
	.balign 4
	.long \fault - .
	.long \fixup - .
	.popsection
.endm
/* clang-format on */
#else
#include <lib/types.h>

struct extable_entry {
	int32_t fault, fixup;
};

extern const struct extable_entry __extable_start[], __extable_end[];

static inline uintptr_t extable_address(const int32_t *field)
{
	return (uintptr_t)field + (uintptr_t)(intptr_t)*field;
}

/* Inside an asm statement: labels as strings. */
#define EXTABLE(fault, fixup)                                                                      \
	".pushsection .extable, \"a\"\n"                                                           \
	".balign 4\n"                                                                              \
	".long " fault " - .\n"                                                                    \
	".long " fixup " - .\n"                                                                    \
	".popsection\n"
#endif
