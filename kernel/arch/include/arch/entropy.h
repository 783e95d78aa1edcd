/* A word that is hard to guess, from the processor: its random number generator where there is one, its time stamp otherwise. */
#pragma once

#include <lib/types.h>

uint64_t arch_entropy(void);
