/* The vector state in a signal frame: what XSAVE writes in its standard form, and Linux's marks of how much that is. */
#pragma once

#include <arch/user_copy.h>
#include <x86/fpu.h>

/* Words of the frame; to the label `failed` when one cannot be written. */
#define store_word(address, value) user_store_word(address, value, failed)
#define store_2_zeroes(address)                                                                    \
	store_word(address, 0);                                                                    \
	store_word((address) + 8, 0)
#define store_8_zeroes(address)                                                                    \
	store_2_zeroes(address);                                                                   \
	store_2_zeroes((address) + 16);                                                            \
	store_2_zeroes((address) + 32);                                                            \
	store_2_zeroes((address) + 48)

/* The state, and behind it a mark of four bytes where the processor has XSAVE. */
static inline size_t signal_vectors_len(void)
{
	return fpu_state_size + (xsave_components ? sizeof(uint32_t) : 0);
}

/* Where it lies below `sp`. */
static inline uint64_t signal_vectors_place(uint64_t sp)
{
	return (sp - signal_vectors_len()) & ~(uint64_t)(FPU_STATE_ALIGN - 1);
}

/* The current thread's registers. The range has been checked, and user access begun. 0 or -EFAULT. */
MUST_USE int signal_vectors_store(uaddr_t to);
/* The other way round, outside of user access; null: as at program start. */
MUST_USE int signal_vectors_load(uaddr_t from);
