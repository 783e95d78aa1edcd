/*
 * Shootdown with Unix threads for CPUs. Each "CPU" remembers the newest generation that its TLB may hold translations older
 * than; flushing brings it up to date. A flush that returns before every CPU of the mask is up to date has failed.
 */
#include <arch/cpu.h>
#include <arch/host.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/atomic.h>
#include <lib/random.h>
#include <mm/page_alloc.h>
#include <mm/tlb.h>
#include <pthread.h>
#include <test/test.h>

#define CPUS   4
#define ROUNDS 3000

static uint64_t generation;          /* a */
static uint64_t up_to_date[CPUS];    /* a: what the CPU's last flush saw */
static bool interrupt_pending[CPUS]; /* a */
static unsigned pages_flushed, everything_flushed, user_flushed; /* a */
static bool all_done;                                            /* a */
static unsigned done_count;                                      /* a */

static void note_flush(void)
{
	atomic_store(&up_to_date[this_cpu()], atomic_load(&generation));
}

void mmu_flush_page(uintptr_t va)
{
	(void)va;
	atomic_fetch_add(&pages_flushed, 1);
	note_flush();
}

void mmu_flush_all(void)
{
	atomic_fetch_add(&user_flushed, 1);
	note_flush();
}

void mmu_flush_everything(void)
{
	atomic_fetch_add(&everything_flushed, 1);
	note_flush();
}

void smp_send_ipi_mask(cpumask_t mask, enum ipi ipi)
{
	CHECK_EQ(ipi, IPI_TLB);
	CHECK(!(mask & cpumask_of(this_cpu())));
	for_each_cpu_in(cpu, mask) {
		atomic_store(&interrupt_pending[cpu], true);
	}
}

static void take_interrupt(void)
{
	if (atomic_swap(&interrupt_pending[this_cpu()], false))
		tlb_handle_ipi();
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

TEST(tlb_batch_joins_neighbours_and_gives_up_on_many)
{
	struct tlb_batch batch, other;
	tlb_batch_init(&batch);
	CHECK(tlb_batch_is_empty(&batch));
	for (unsigned i = 0; i < 5; i++)
		tlb_batch_add(&batch, i * PAGE_SIZE, (i + 1) * PAGE_SIZE);
	CHECK_EQ(batch.count, 1);
	CHECK(!batch.kernel_too);
	tlb_flush(&batch, 1);
	CHECK_EQ(pages_flushed, 5);
	CHECK(tlb_batch_is_empty(&batch));

	for (unsigned i = 0; i < TLB_BATCH_RANGES; i++)
		tlb_batch_add(&batch, i * 2 * PAGE_SIZE, (i * 2 + 1) * PAGE_SIZE);
	CHECK(!batch.everything);
	tlb_batch_init(&other);
	tlb_batch_merge(&other, &batch);
	CHECK(tlb_batch_is_empty(&batch));
	CHECK_EQ(other.count, TLB_BATCH_RANGES);
	tlb_batch_add(&other, 100 * PAGE_SIZE, 101 * PAGE_SIZE);
	CHECK(other.everything);
	tlb_batch_merge(&batch, &other);
	CHECK(batch.everything);
	tlb_flush(&batch, 1);
	CHECK_EQ(user_flushed, 1);
	CHECK_EQ(everything_flushed, 0);

	tlb_batch_add(&batch, DIRECT_MAP_BASE, DIRECT_MAP_BASE + TLB_FLUSH_ALL_PAGES * PAGE_SIZE);
	CHECK(batch.everything);
	tlb_flush(&batch, 1);
	CHECK_EQ(everything_flushed, 1);
	CHECK_EQ(pages_flushed, 5);
}

TEST(tlb_flush_frees_the_pages_of_the_batch)
{
	host_mm_start(16 * MiB);
	struct tlb_batch batch, other;
	tlb_batch_init(&batch);
	tlb_batch_init(&other);
	for (unsigned i = 0; i < 10; i++) {
		struct page *page = page_alloc(0, 0);
		CHECK(page);
		tlb_batch_free_page(i % 2 ? &batch : &other, page);
	}
	CHECK(!tlb_batch_is_empty(&batch));
	tlb_batch_merge(&batch, &other);
	tlb_flush(&batch, 1);
	CHECK(tlb_batch_is_empty(&batch));
	host_mm_finish();
}

/* --- several CPUs ------------------------------------------------------------------------------------------------- */

/* Flushes at random others, and now and then looks at its interrupts, as a CPU does. */
static void *play_cpu(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;
	uint64_t random = cpu + 1;
	host_cpu_select(cpu);

	for (unsigned round = 0; round < ROUNDS; round++) {
		cpumask_t mask = random_next(&random) & ((1 << CPUS) - 1);
		struct tlb_batch batch;
		tlb_batch_init(&batch);
		tlb_batch_add(&batch, 0, (random_next(&random) % 40 + 1) * PAGE_SIZE);
		uint64_t now = atomic_fetch_add(&generation, 1) + 1;
		tlb_flush(&batch, mask);
		for_each_cpu_in(target, mask) {
			CHECK(atomic_load(&up_to_date[target]) >= now);
		}
		if (random_next(&random) % 2)
			take_interrupt();
	}
	atomic_fetch_add(&done_count, 1);
	while (!atomic_load(&all_done)) {
		take_interrupt();
		cpu_relax();
	}
	return NULL;
}

TEST(tlb_flush_reaches_every_cpu_of_the_mask)
{
	pthread_t threads[CPUS];
	host_cpus_set(CPUS);
	for (uintptr_t cpu = 1; cpu < CPUS; cpu++)
		CHECK_EQ(pthread_create(&threads[cpu], NULL, play_cpu, (void *)cpu), 0);
	while (atomic_load(&done_count) < CPUS - 1) {
		take_interrupt();
		host_yield();
	}
	atomic_store(&all_done, true);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		pthread_join(threads[cpu], NULL);

	struct tlb_stats stats;
	tlb_stats(&stats);
	CHECK_EQ(stats.flushes, (uint64_t)ROUNDS * (CPUS - 1));
	CHECK_EQ(stats.interrupts_sent + stats.interrupts_spared, stats.flushes * (CPUS - 1));
	CHECK(stats.interrupts_received <= stats.interrupts_sent);
}
