/* The one-shot timer that each CPU has, and the clock it is told in: the time stamp counter (cpu_timestamp). */
#pragma once

#include <lib/types.h>

/* Raises the timer interrupt on this CPU when the time stamp counter reaches `tsc`, at once when it has already. It may come
 * early (the hardware's range or grain), never much too late. One deadline a CPU: a new one replaces the old. UINT64_MAX turns
 * it off. Context: interrupts off. */
void arch_timer_set(uint64_t tsc);

/* What the hardware or the hypervisor says of the time stamp counter. */
struct timestamp_facts {
	uint64_t frequency_hz; /* 0: nobody says */
	const char *told_by;   /* "cpuid" or "kvm" */
	bool is_invariant;     /* promised to tick at one rate always, sleeping or not */
	bool is_virtual;       /* under a hypervisor or emulator */
};
struct timestamp_facts arch_timestamp_facts(void);

/* Some one-shot timers have a clock of their own, to be measured once: begin, wait, end. The longer the time
 * between, the better; end() waits for the little that it needs at least. */
void arch_timer_measure_begin(void);
void arch_timer_measure_end(void);
/* The time stamp counter's frequency is known, or known better than before. */
void arch_timer_set_frequency(uint64_t timestamp_hz);
