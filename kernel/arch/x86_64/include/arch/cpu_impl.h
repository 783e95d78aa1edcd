/* x86_64's half of <arch/cpu.h>. */
#pragma once

#define RFLAGS_IF (1u << 9)

static inline irq_flags_t irq_save(void)
{
	irq_flags_t flags;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void irq_restore(irq_flags_t flags)
{
	if (flags & RFLAGS_IF)
		irq_enable();
}

static inline bool irqs_are_off(void)
{
	irq_flags_t flags;
	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	return !(flags & RFLAGS_IF);
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* STI takes effect after the next instruction, so no interrupt can slip in between it and HLT. */
static inline void cpu_wait_for_interrupt(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

static inline uint64_t cpu_timestamp(void)
{
	uint64_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (high << 32) + low;
}

static inline uint64_t cpu_timestamp_ordered(void)
{
	uint64_t low, high;
	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (high << 32) + low;
}

static inline void cpu_prefetch(const void *p)
{
	__builtin_prefetch(p);
}
