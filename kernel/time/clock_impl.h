/* Private to kernel/time: what clock.c and fallback.c share. */
#pragma once

#include <time/clock.h>

/* The TSC was given up; written at boot. */
extern bool clock_is_fallback;
nsec_t clock_fallback_read(void);
const char *clock_fallback_name(void);
/* Goes on counting by the best counter, from where the clock stands. Stays with the TSC, and says so, when there is none. */
void clock_use_fallback(const char *why);

/* NULL: none. */
const struct clock_counter *clock_best_counter(void);

/* Whether the TSCs of all CPUs do; logs those that do not. Context: interrupts on. */
bool clock_cpus_agree(void);
