/*
 * Dropping stale translations on other CPUs. An address space knows which CPUs run it; only those are interrupted, and
 * one interrupt covers a whole batch of ranges. Kernel mappings concern every CPU.
 *
 * A batch also carries pages that may be freed only when no CPU can reach them any more: tables that became empty
 * (a CPU caches the upper levels of its walks, and would walk a reused page as if it were a table).
 *
 * Context: interrupts on, no spinlock held that an interrupt handler or another flusher could want.
 */
#pragma once

#include <arch/percpu.h>
#include <lib/list.h>

struct page;

#define TLB_BATCH_RANGES 8
#define TLB_FLUSH_ALL_PAGES                                                                        \
	33 /* from this many pages on, flushing everything is cheaper than page by page */

struct tlb_batch {
	unsigned count;
	bool everything; /* too many ranges or pages: no list, all goes */
	bool kernel_too; /* some of it in the kernel's half, where translations are global */
	uint64_t page_count;
	struct tlb_range {
		uintptr_t start, end;
	} ranges[TLB_BATCH_RANGES];
	struct list pages; /* order 0, freed after the flush */
};

/* Building a batch. Context: any thread; the batch is the caller's. */
void tlb_batch_init(struct tlb_batch *batch);
void tlb_batch_add(struct tlb_batch *batch, uintptr_t start, uintptr_t end);
void tlb_batch_free_page(struct tlb_batch *batch, struct page *page);
/* Moves everything in `from` into `to`; `from` is empty afterwards. */
void tlb_batch_merge(struct tlb_batch *to, struct tlb_batch *from);
bool tlb_batch_is_empty(const struct tlb_batch *batch);

/* Returns when none of the CPUs of the mask can use the old translations; the batch is empty again and its pages are
 * free. The calling CPU need not be in the mask. */
void tlb_flush(struct tlb_batch *batch, cpumask_t cpus);
/* The same on every CPU: for the kernel's half. */
void tlb_flush_kernel(struct tlb_batch *batch);

struct tlb_stats {
	uint64_t flushes, interrupts_sent;
	uint64_t
	    interrupts_spared; /* online CPUs that were outside the mask or already had one under way */
	uint64_t interrupts_received;
};
void tlb_stats(struct tlb_stats *stats);
void tlb_stats_of_cpu(unsigned cpu, struct tlb_stats *stats); /* what that CPU sent and received */
/* The handler of IPI_TLB. */
void tlb_handle_ipi(void);
