/*
 * TLB shootdown. Each CPU has one request (its batch, and the CPUs that have not done it yet) and one inbox (the CPUs
 * whose requests it should look at). A flusher puts itself into the inboxes of the others, interrupts those whose
 * inbox was empty, and waits until its request is done everywhere. While it waits it serves its own inbox, so
 * two CPUs that flush at each other both get on.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <mm/page_alloc.h>
#include <mm/tlb.h>
#include <sync/preempt.h>

struct tlb_request {
	const struct tlb_batch *batch; /* the flusher's, unchanged while anybody is pending */
	cpumask_t pending;             /* a */
} ALIGNED(64);

static PER_CPU(struct tlb_request, tlb_request);
static PER_CPU(cpumask_t, tlb_inbox); /* a */
static PER_CPU(struct tlb_stats, tlb_counters);

/* --- batches ------------------------------------------------------------------------------------------------------ */

void tlb_batch_init(struct tlb_batch *batch)
{
	batch->count = 0;
	batch->everything = false;
	batch->kernel_too = false;
	batch->page_count = 0;
	list_init(&batch->pages);
}

void tlb_batch_add(struct tlb_batch *batch, uintptr_t start, uintptr_t end)
{
	batch->kernel_too |= start >> 63;
	batch->page_count += (end - start) >> PAGE_SHIFT;
	if (batch->page_count >= TLB_FLUSH_ALL_PAGES)
		batch->everything = true;
	if (batch->everything)
		return;

	struct tlb_range *last = batch->count ? &batch->ranges[batch->count - 1] : NULL;
	if (last && last->end == start)
		last->end = end;
	else if (batch->count < TLB_BATCH_RANGES)
		batch->ranges[batch->count++] = (struct tlb_range){start, end};
	else
		batch->everything = true;
}

void tlb_batch_free_page(struct tlb_batch *batch, struct page *page)
{
	list_push_back(&batch->pages, &page->link);
}

void tlb_batch_merge(struct tlb_batch *to, struct tlb_batch *from)
{
	for (unsigned i = 0; i < from->count && !from->everything; i++)
		tlb_batch_add(to, from->ranges[i].start, from->ranges[i].end);
	to->everything |= from->everything;
	to->kernel_too |= from->kernel_too;
	if (from->everything)
		to->page_count += from->page_count;
	list_splice(&to->pages, &from->pages);
	tlb_batch_init(from);
}

bool tlb_batch_is_empty(const struct tlb_batch *batch)
{
	return !batch->page_count && list_is_empty(&batch->pages);
}

/* --- flushing ----------------------------------------------------------------------------------------------------- */

static void flush_local(const struct tlb_batch *batch)
{
	if (batch->everything) {
		if (batch->kernel_too)
			mmu_flush_everything();
		else
			mmu_flush_all();
		return;
	}
	for (unsigned i = 0; i < batch->count; i++) {
		for (uintptr_t va = batch->ranges[i].start; va < batch->ranges[i].end;
		     va += PAGE_SIZE)
			mmu_flush_page(va);
	}
}

/* Context: any. An interrupt may come in the middle: what one of the two has taken out of the inbox, the other does not see. */
static void serve_inbox(void)
{
	cpumask_t *inbox = this_cpu_ptr(tlb_inbox);
	if (!atomic_load(inbox))
		return;
	for_each_cpu_in(sender, atomic_swap(inbox, 0)) {
		struct tlb_request *request = per_cpu_ptr(tlb_request, sender);
		flush_local(request->batch);
		atomic_fetch_and(&request->pending, ~cpumask_of(this_cpu()));
	}
}

void tlb_handle_ipi(void)
{
	this_cpu_ptr(tlb_counters)->interrupts_received++;
	serve_inbox();
}

/* The CPUs of the mask that must be interrupted: an inbox that was not empty has an interrupt on its way already. */
static cpumask_t post(cpumask_t targets)
{
	cpumask_t me = cpumask_of(this_cpu()), interrupt = 0;

	for_each_cpu_in(cpu, targets) {
		if (!atomic_fetch_or(per_cpu_ptr(tlb_inbox, cpu), me))
			interrupt |= cpumask_of(cpu);
	}
	return interrupt;
}

/* Waits for nobody yet: the others work while this CPU does its own part. */
static void begin_remote(const struct tlb_batch *batch, cpumask_t targets)
{
	struct tlb_request *request = this_cpu_ptr(tlb_request);

	/* With interrupts off, a CPU that waits for us with smp_call() would wait for ever. */
	debug_assert(!irqs_are_off());
	request->batch = batch;
	atomic_store_release(&request->pending, targets);
	cpumask_t interrupt = post(targets);
	if (interrupt)
		smp_send_ipi_mask(interrupt, IPI_TLB);
	this_cpu_ptr(tlb_counters)->interrupts_sent += (uint64_t)__builtin_popcountll(interrupt);
}

static void wait_remote(void)
{
	const struct tlb_request *request = this_cpu_ptr(tlb_request);

	while (atomic_load_acquire(&request->pending)) {
		serve_inbox();
		cpu_relax();
	}
}

void tlb_flush(struct tlb_batch *batch, cpumask_t cpus)
{
	assert_no_interrupt();
	if (tlb_batch_is_empty(batch))
		return;

	preempt_disable();
	cpumask_t me = cpumask_of(this_cpu());
	cpumask_t others = atomic_load(&cpu_online_mask) & ~me;
	struct tlb_stats *counters = this_cpu_ptr(tlb_counters);
	uint64_t sent_before = counters->interrupts_sent;
	if (cpus & others)
		begin_remote(batch, cpus & others);
	if (cpus & me)
		flush_local(batch);
	if (cpus & others)
		wait_remote();
	counters->flushes++;
	counters->interrupts_spared +=
	    (uint64_t)__builtin_popcountll(others) - (counters->interrupts_sent - sent_before);
	preempt_enable();

	struct list *node;
	while ((node = list_pop_front(&batch->pages)))
		page_free(list_entry(node, struct page, link), 0);
	tlb_batch_init(batch);
}

void tlb_flush_kernel(struct tlb_batch *batch)
{
	tlb_flush(batch, ~(cpumask_t)0);
}

void tlb_stats_of_cpu(unsigned cpu, struct tlb_stats *stats)
{
	*stats = *per_cpu_ptr(tlb_counters, cpu);
}

void tlb_stats(struct tlb_stats *stats)
{
	*stats = (struct tlb_stats){0};
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct tlb_stats one;
		tlb_stats_of_cpu(cpu, &one);
		stats->flushes += one.flushes;
		stats->interrupts_sent += one.interrupts_sent;
		stats->interrupts_spared += one.interrupts_spared;
		stats->interrupts_received += one.interrupts_received;
	}
}
