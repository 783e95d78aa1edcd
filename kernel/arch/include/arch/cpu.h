/*
 * What the kernel asks of the processor itself: interrupts on and off, waiting, time stamps. x86_64 and the host each
 * implement the inline part in <arch/cpu_impl.h>.
 */
#pragma once

#include <lib/types.h>

typedef uintptr_t irq_flags_t;

static inline irq_flags_t irq_save(void); /* turns interrupts off, returns what they were */
static inline void irq_restore(irq_flags_t flags);
static inline void irq_disable(void);
static inline void irq_enable(void);
static inline bool irqs_are_off(void);

static inline void cpu_relax(void); /* inside a spinning loop */
/* Enter with interrupts off; returns with them on, after one came. */
static inline void cpu_wait_for_interrupt(void);
/* The TSC; the ordered one after every load before and before every load after it. */
static inline uint64_t cpu_timestamp(void);
static inline uint64_t cpu_timestamp_ordered(void);
static inline void cpu_prefetch(const void *p);

/* Stops this CPU for good, interrupts off. */
NORETURN void cpu_stop(void);

#include <arch/cpu_impl.h>
