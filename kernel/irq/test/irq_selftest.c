/* Vectors, interrupts between CPUs, calls, NMIs. What needs a device of the PC is tested in drivers/pc. */
#include <abi/errno.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/smp.h>
#include <irq/irq.h>
#include <lib/atomic.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <x86/lapic.h>
#include <x86/trap.h>

#define WAIT_NS (10 * NSEC_PER_SEC)

static unsigned called[CPU_MAX]; /* a: by CPU */
static unsigned wrong_context;   /* a */

static void count_call(void *arg)
{
	atomic_fetch_add((unsigned *)arg, 1);
	atomic_fetch_add(&called[this_cpu()], 1);
	if (!irqs_are_off() || !in_interrupt())
		atomic_fetch_add(&wrong_context, 1);
}

SELFTEST(calls_reach_exactly_the_cpus_of_the_mask)
{
	cpumask_t online = atomic_load(&cpu_online_mask);
	cpumask_t tried = 0;
	/* Every subset of four CPUs, then every single one. */
	for (unsigned i = 0; i < 16 + CPU_MAX; i++) {
		cpumask_t mask = online & (i < 16 ? i : cpumask_of(i - 16));
		unsigned sum = 0;
		for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
			called[cpu] = 0;
		smp_call(mask, count_call, &sum);
		for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
			CHECK_EQ(called[cpu], mask >> cpu & 1);
		CHECK_EQ(sum, (unsigned)__builtin_popcountll(mask));
		tried |= mask;
	}
	CHECK_EQ(tried, online);
	CHECK_EQ(wrong_context, 0);
}

#define STORM_NS (300 * NSEC_PER_MSEC)

static unsigned storm_calls, storm_answers; /* a */

static void call_everybody(void *arg)
{
	(void)arg;
	nsec_t end = uptime_ns() + selftest_rounds(STORM_NS);
	while (uptime_ns() < end) {
		unsigned sum = 0;
		smp_call(atomic_load(&cpu_online_mask), count_call, &sum);
		atomic_fetch_add(&storm_calls, 1);
		atomic_fetch_add(&storm_answers, atomic_load(&sum));
	}
}

SELFTEST(all_cpus_call_all_cpus_at_once)
{
	unsigned cpus = (unsigned)__builtin_popcountll(cpu_online_mask);
	storm_calls = storm_answers = 0;
	selftest_on_all_cpus(call_everybody, NULL);
	CHECK(storm_calls >= cpus);
	CHECK_EQ(storm_answers, storm_calls * cpus);
	CHECK_EQ(wrong_context, 0);
	selftest_note("%u calls", storm_calls);
}

static unsigned hits; /* a */
static unsigned hit_cpu;

static void hit(void *arg)
{
	hit_cpu = this_cpu();
	atomic_fetch_add(&hits, (unsigned)(uintptr_t)arg);
}

static bool wait_for_hits(unsigned expected)
{
	nsec_t deadline = uptime_ns() + WAIT_NS;
	while (atomic_load(&hits) != expected && uptime_ns() < deadline)
		cpu_relax();
	return atomic_load(&hits) == expected;
}

static void raise(const struct msi_message *message, unsigned offset)
{
	lapic_send_ipi(*per_cpu_ptr(lapic_cpu_id, message->cpu), message->vector + offset);
}

/* The vector of a message, raised by another CPU in place of a device. */
SELFTEST(messages_reach_their_cpu_with_their_argument)
{
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		struct msi_message message;
		hits = 0;
		CHECK_EQ(msi_request(cpu, hit, (void *)7ul, "test", &message), 0);
		CHECK_EQ(message.cpu, cpu);
		CHECK_EQ(message.data, message.vector);
		CHECK_EQ(message.address & 0xfff00000, 0xfee00000);
		raise(&message, 0);
		CHECK(wait_for_hits(7));
		CHECK_EQ(hit_cpu, cpu);
		raise(&message, 0);
		CHECK(wait_for_hits(14));
		msi_release(&message, 1);
	}
}

SELFTEST(blocks_of_messages_are_aligned_and_apart)
{
	void *args[32];
	for (unsigned i = 0; i < 32; i++)
		args[i] = (void *)(1ul << i % 16);
	for (unsigned count = 1; count <= 32; count *= 2) {
		struct msi_message message;
		CHECK_EQ(msi_request_block(0, count, hit, args, "test", &message), 0);
		CHECK_EQ(message.data % count, 0);
		for (unsigned i = 0; i < count; i++) {
			hits = 0;
			raise(&message, i);
			CHECK(wait_for_hits(1u << i % 16));
		}
		msi_release(&message, count);
	}
}

SELFTEST(vectors_run_out_and_come_back)
{
	static struct msi_message messages[IRQ_DEVICE_COUNT + 1];
	unsigned given[2];
	for (unsigned round = 0; round < 2; round++) {
		int err = 0;
		given[round] = 0;
		while ((err = msi_request(0, hit, NULL, "test", &messages[given[round]])) == 0)
			given[round]++;
		CHECK_EQ(err, -ENOSPC);
		CHECK(given[round] > IRQ_DEVICE_COUNT / 2);
		/* Those of another CPU are its own. */
		unsigned other = (unsigned)log2_floor(cpu_online_mask);
		struct msi_message message;
		if (other) {
			CHECK_EQ(msi_request(other, hit, NULL, "test", &message), 0);
			msi_release(&message, 1);
		}
		for (unsigned i = 0; i < given[round]; i++)
			msi_release(&messages[i], 1);
	}
	CHECK_EQ(given[0], given[1]);

	struct msi_message message;
	CHECK_EQ(msi_request(CPU_MAX, hit, NULL, "test", &message), -EINVAL);
	if (cpu_online_mask != ~0ull)
		CHECK_EQ(msi_request(63, hit, NULL, "test", &message), -EINVAL);
}

SELFTEST(interrupts_without_an_owner_are_counted)
{
	struct msi_message message;
	hits = 0;
	CHECK_EQ(msi_request(this_cpu(), hit, (void *)1ul, "test", &message), 0);
	msi_release(&message, 1);
	uint64_t before = irq_unclaimed_count();
	for (unsigned i = 1; i <= 3; i++) {
		raise(&message, 0);
		nsec_t deadline = uptime_ns() + WAIT_NS;
		while (irq_unclaimed_count() < before + i && uptime_ns() < deadline)
			cpu_relax();
		CHECK_EQ(irq_unclaimed_count(), before + i);
	}
	CHECK_EQ(hits, 0);
}

struct sought {
	unsigned vector;
	uint64_t count;
};

static void find_stats(const struct irq_stats *stats, void *ctx)
{
	struct sought *sought = ctx;
	if (stats->vector == sought->vector && stats->cpu == 0)
		sought->count = stats->count;
}

SELFTEST(statistics_count_each_interrupt)
{
	struct msi_message message;
	hits = 0;
	CHECK_EQ(msi_request(0, hit, (void *)1ul, "test", &message), 0);
	for (unsigned i = 1; i <= 5; i++) {
		raise(&message, 0);
		CHECK(wait_for_hits(i));
	}
	struct sought sought = {.vector = message.vector};
	irq_for_each_stats(find_stats, &sought);
	CHECK_EQ(sought.count, 5);
	msi_release(&message, 1);
	sought.count = 0;
	irq_for_each_stats(find_stats, &sought);
	CHECK_EQ(sought.count, 0);
}

SELFTEST(lines_that_do_not_exist_are_refused)
{
	CHECK_EQ(irq_request_gsi(100000, IRQ_DEFAULT, 0, hit, NULL, "test"), -ENODEV);
	CHECK_EQ(irq_request_isa(16, hit, NULL, "test"), -EINVAL);
}

/* NMIs into running code: registers, flags and memory must come out as they would without. */

#define NMIS 20 /* for each CPU */

static bool nmi_stop;                 /* a */
static uint64_t nmi_results[CPU_MAX]; /* a */
static uint64_t nmi_rounds[CPU_MAX];  /* a */

static uint64_t churn(uint64_t x)
{
	uint64_t a = x, b = ~x, c = x << 1, d = x * 3;
	for (int i = 0; i < 200; i++) {
		a += b ^ c;
		b = b << 7 | b >> 57;
		c ^= d + a;
		d = d * 5 + 1;
	}
	return a ^ b ^ c ^ d;
}

static void churn_on(void *arg)
{
	(void)arg;
	uint64_t expected = churn(12345), wrong = 0, rounds = 0;
	unsigned cpu = this_cpu();
	nsec_t deadline = uptime_ns() + 3 * WAIT_NS;
	while (!atomic_load(&nmi_stop) && uptime_ns() < deadline) {
		wrong += churn(12345) != expected;
		atomic_store(&nmi_rounds[cpu], ++rounds);
	}
	atomic_store(&nmi_results[cpu], wrong);
}

static void send_nmis(void *arg)
{
	(void)arg;
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		for (unsigned i = 0; i < NMIS; i++) {
			uint64_t before = trap_nmi_count(cpu);
			lapic_send_nmi(*per_cpu_ptr(lapic_cpu_id, cpu));
			nsec_t deadline = uptime_ns() + WAIT_NS;
			while (trap_nmi_count(cpu) == before && uptime_ns() < deadline)
				thread_sleep(100 * NSEC_PER_USEC);
			CHECK(trap_nmi_count(cpu) > before);
		}
	}
	atomic_store(&nmi_stop, true);
}

SELFTEST(nmis_disturb_nobody)
{
	nmi_stop = false;
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
		nmi_rounds[cpu] = 0;
	uint64_t before[CPU_MAX] = {0};
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask))
		before[cpu] = trap_nmi_count(cpu);
	struct thread *sender = thread_create("NMI sender", send_nmis, NULL);
	CHECK(sender);
	thread_start(sender);
	selftest_on_all_cpus(churn_on, NULL);
	thread_join(sender);
	thread_put(sender);
	for_each_cpu_in(cpu, atomic_load(&cpu_online_mask)) {
		CHECK_EQ(nmi_results[cpu], 0);
		CHECK(trap_nmi_count(cpu) >= before[cpu] + NMIS);
	}
}

/* An interrupt to oneself, from the command to the instruction after. */
BENCH(interrupt, 0, "interrupt to oneself, entry to exit")
{
	struct msi_message message;
	CHECK_EQ(msi_request(this_cpu(), hit, (void *)1ul, "bench", &message), 0);
	for (uint64_t i = 0; i < rounds; i++) {
		unsigned before = atomic_load(&hits);
		raise(&message, 0);
		while (atomic_load(&hits) == before)
			cpu_relax();
	}
	msi_release(&message, 1);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

BENCH(smp_call, 0, "call on another CPU and back (on one CPU: on this one)")
{
	preempt_disable();
	cpumask_t others = cpu_online_mask & ~cpumask_of(this_cpu());
	preempt_enable();
	cpumask_t target = others ? others & -others : 1;
	for (uint64_t i = 0; i < rounds; i++)
		smp_call(target, do_nothing, NULL);
}
