/*
 * A sequence count: readers of small, rarely written data take no lock, and read again if a writer came by.
 * Writers must exclude one another by a lock of their own and must not be preempted between begin and end.
 */
#pragma once

#include <arch/cpu.h>
#include <lib/atomic.h>

struct seqcount {
	uint32_t value; /* odd: a writer is inside */
};

static inline uint32_t seq_read_begin(const struct seqcount *seq)
{
	uint32_t value;
	while ((value = atomic_load_acquire(&seq->value)) & 1)
		cpu_relax();
	return value;
}

static inline bool seq_read_retry(const struct seqcount *seq, uint32_t begun)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return atomic_load(&seq->value) != begun;
}

static inline void seq_write_begin(struct seqcount *seq)
{
	atomic_store(&seq->value, seq->value + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void seq_write_end(struct seqcount *seq)
{
	atomic_store_release(&seq->value, seq->value + 1);
}
