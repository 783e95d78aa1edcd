/* The host's half of <arch/cpu.h>: a Unix thread plays a CPU, and its interrupt flag is a variable. */
#pragma once

extern _Thread_local bool host_irqs_off;

/* Lets other host threads run: what a simulated CPU spins for is held by a thread that may need this core. */
void host_yield(void);

static inline irq_flags_t irq_save(void)
{
	irq_flags_t flags = !host_irqs_off;
	host_irqs_off = true;
	return flags;
}

static inline void irq_disable(void)
{
	host_irqs_off = true;
}

static inline void irq_enable(void)
{
	host_irqs_off = false;
}

static inline void irq_restore(irq_flags_t flags)
{
	if (flags)
		irq_enable();
}

static inline bool irqs_are_off(void)
{
	return host_irqs_off;
}

static inline void cpu_relax(void)
{
	host_yield();
}

static inline void cpu_wait_for_interrupt(void)
{
	irq_enable();
	host_yield();
}

static inline uint64_t cpu_timestamp(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t cpu_timestamp_ordered(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void cpu_prefetch(const void *p)
{
	__builtin_prefetch(p);
}
