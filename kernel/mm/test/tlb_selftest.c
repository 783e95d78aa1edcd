/*
 * TLB shootdown under load. One writer changes what an address shows, again and again; readers on the other CPUs look at it all
 * the time. The writer flushes, then says which generation is out; whoever reads an older one after that has
 * used a stale translation.
 */
#include <arch/mmu.h>
#include <lib/atomic.h>
#include <lib/random.h>
#include <mm/kernel_map.h>
#include <mm/page_alloc.h>
#include <mm/page_table.h>
#include <mm/tlb.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <x86/probe.h>

#define PAGES 3
/* An emulated CPU may take milliseconds to answer an interrupt: the rounds end early after this long. */
#define PATIENCE_NS (4 * NSEC_PER_SEC)

struct window {
	uintptr_t va;
	struct page *pages[PAGES];
	uint64_t generation; /* a: nothing older may be seen */
	uint64_t reads;      /* a */
	uint64_t stale;      /* a */
	bool stop;           /* a */
	unsigned running;    /* a */
};

static void read_window(void *arg)
{
	struct window *w = arg;
	uint64_t reads = 0;

	atomic_fetch_add(&w->running, 1);
	while (!atomic_load(&w->stop)) {
		uint64_t at_least = atomic_load_acquire(&w->generation), seen;
		if (probe_read_u64(w->va, &seen) && seen < at_least)
			atomic_fetch_add(&w->stale, 1);
		reads++;
	}
	atomic_fetch_add(&w->reads, reads);
}

/* Shows another page with the new generation in it, directly or after a time without any; then spoils the old page, so that
 * whoever still sees it sees generation 0. */
static void step(struct window *w, uint64_t generation, bool with_gap)
{
	struct tlb_batch batch;
	struct page *old = w->pages[(generation - 1) % PAGES], *new = w->pages[generation % PAGES];

	tlb_batch_init(&batch);
	*(uint64_t *)page_to_virt(new) = generation;
	CHECK_EQ(page_table_unmap(&kernel_page_table, w->va, PAGE_SIZE, &batch), 0);
	if (with_gap) {
		tlb_flush_kernel(&batch);
		atomic_store_release(&w->generation, generation);
		*(uint64_t *)page_to_virt(old) = 0;
	}
	CHECK_EQ(
	    page_table_map(&kernel_page_table, w->va, page_to_phys(new), PAGE_SIZE, VM_KERNEL, 1),
	    0);
	if (!with_gap) {
		tlb_flush_kernel(&batch);
		atomic_store_release(&w->generation, generation);
		*(uint64_t *)page_to_virt(old) = 0;
	}
}

static struct thread *start_on(unsigned cpu, void (*entry)(void *arg), void *arg)
{
	struct thread *thread = thread_create("tlb", entry, arg);
	CHECK(thread);
	CHECK_EQ(thread_set_affinity(thread, cpumask_of(cpu)), 0);
	thread_start(thread);
	return thread;
}

static void join(struct thread *thread)
{
	thread_join(thread);
	thread_put(thread);
}

SELFTEST(tlb_shootdown_sees_no_stale_entry)
{
	if (cpu_count < 2)
		selftest_skip("needs a second CPU");
	static struct window w;
	struct thread *readers[CPU_MAX];
	void *area = vmalloc(PAGE_SIZE);
	struct translation original;
	uint64_t rounds = selftest_rounds(3000), generation = 1;
	nsec_t end = uptime_ns() + selftest_rounds(PATIENCE_NS);

	CHECK(area);
	w = (struct window){.va = (uintptr_t)area};
	CHECK_EQ(page_table_translate(&kernel_page_table, w.va, &original), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		w.pages[i] = page_alloc(0, PAGE_ZERO);
		CHECK(w.pages[i]);
	}
	CHECK_EQ(thread_set_affinity(current_thread(), cpumask_of(0)), 0);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		readers[cpu] = start_on(cpu, read_window, &w);
	while (atomic_load(&w.running) < cpu_count - 1)
		sched_yield();

	for (; generation <= rounds && !atomic_load(&w.stale) && uptime_ns() < end; generation++)
		step(&w, generation, generation % 3 == 0);

	atomic_store(&w.stop, true);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		join(readers[cpu]);
	struct tlb_batch batch;
	tlb_batch_init(&batch);
	CHECK_EQ(page_table_unmap(&kernel_page_table, w.va, PAGE_SIZE, &batch), 0);
	CHECK_EQ(page_table_map(&kernel_page_table, w.va, original.pa, PAGE_SIZE, VM_KERNEL, 1), 0);
	tlb_flush_kernel(&batch);
	vfree(area);
	for (unsigned i = 0; i < PAGES; i++)
		page_free(w.pages[i], 0);
	CHECK_EQ(w.stale, 0);
	CHECK(w.reads > generation);
	selftest_note("%lu reads while %lu pages came and went", w.reads, generation);
}

SELFTEST(tlb_flush_interrupts_only_the_mask)
{
	enum { ROUNDS = 50 };
	static struct tlb_stats before[CPU_MAX];
	struct tlb_stats after;
	uintptr_t va = KERNEL_AREAS_BASE;

	CHECK_EQ(thread_set_affinity(current_thread(), cpumask_of(0)), 0);
	for (unsigned target = 0; target < cpu_count; target++) {
		for (unsigned cpu = 0; cpu < cpu_count; cpu++)
			tlb_stats_of_cpu(cpu, &before[cpu]);
		for (unsigned round = 0; round < ROUNDS; round++) {
			struct tlb_batch batch;
			tlb_batch_init(&batch);
			for (unsigned range = 0; range < 20; range++) /* more than fit */
				tlb_batch_add(&batch, va + range * 2 * PAGE_SIZE,
				    va + (range * 2 + 1) * PAGE_SIZE);
			tlb_flush(&batch, cpumask_of(target));
			CHECK(tlb_batch_is_empty(&batch));
		}
		for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
			tlb_stats_of_cpu(cpu, &after);
			CHECK_EQ(after.interrupts_received - before[cpu].interrupts_received,
			    cpu == target && target != 0 ? ROUNDS : 0);
		}
		tlb_stats_of_cpu(0, &after);
		CHECK_EQ(
		    after.interrupts_sent - before[0].interrupts_sent, target != 0 ? ROUNDS : 0);
		CHECK_EQ(after.interrupts_spared - before[0].interrupts_spared,
		    (uint64_t)ROUNDS * (cpu_count - 1 - (target != 0)));
	}
}

struct crossfire {
	uint64_t rounds;
	nsec_t end;
	uint64_t flushes; /* a */
};

static void flush_at_others(void *arg)
{
	struct crossfire *c = arg;
	uint64_t done = 0, random = this_cpu() + 1;

	for (; done < c->rounds && uptime_ns() < c->end; done++) {
		struct tlb_batch batch;
		uint64_t pages = random_next(&random) % 40 + 1;
		tlb_batch_init(&batch);
		tlb_batch_add(&batch, KERNEL_AREAS_BASE, KERNEL_AREAS_BASE + pages * PAGE_SIZE);
		tlb_flush(&batch, random_next(&random) | cpumask_of(0));
	}
	atomic_fetch_add(&c->flushes, done);
}

/* Every CPU flushes at every other at once: nobody may wait for ever. */
SELFTEST(tlb_flushers_do_not_wait_for_each_other)
{
	static struct crossfire c;
	struct thread *threads[CPU_MAX];

	if (cpu_count < 2)
		selftest_skip("needs a second CPU");
	c = (struct crossfire){
	    selftest_rounds(2000), uptime_ns() + selftest_rounds(PATIENCE_NS / 2), 0};
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		threads[cpu] = start_on(cpu, flush_at_others, &c);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		join(threads[cpu]);
	CHECK(c.flushes >= cpu_count);
	selftest_note("%lu flushes by %u CPUs at once", c.flushes, cpu_count);
}

BENCH(tlb_flush_page, 0, "flush of one kernel page on every CPU")
{
	while (rounds--) {
		struct tlb_batch batch;
		tlb_batch_init(&batch);
		tlb_batch_add(&batch, KERNEL_AREAS_BASE, KERNEL_AREAS_BASE + PAGE_SIZE);
		tlb_flush_kernel(&batch);
	}
}
