/* What is switched with a thread that has a user side. */
#pragma once

#include <arch/user.h>
#include <x86/fpu.h>
#include <x86/registers.h>

/* What few threads have: other rights in user mode than all others. Changed with interrupts off. */
struct user_special {
	bool any, no_timestamp;
	uint8_t io_level;   /* iopl(2)'s; 3: all ports */
	uint8_t *forbidden; /* ioperm(2): a set bit forbids a port; NULL: none is allowed */
};

struct user_state {
	uintptr_t fs_base, gs_base;
	syscall_table_t table;
	struct user_special special;
	struct registers start;
	uint8_t fpu[] ALIGNED(FPU_STATE_ALIGN);
};

/* On this CPU. Context: interrupts off. */
void user_special_enter(const struct user_special *special);
void user_special_leave(void);
/* What a copy shares with its original becomes its own. */
MUST_USE bool user_special_clone(struct user_special *special);
void user_special_free(struct user_special *special);
