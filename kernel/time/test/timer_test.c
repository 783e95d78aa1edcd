/*
 * The timer core against a model, on a machine with four CPUs whose clock and one-shot timers are variables: what is armed fires
 * once, on time, and what is cancelled does not.
 */
#include <arch/cpu.h>
#include <arch/host.h>
#include <arch/timer.h>
#include <lib/random.h>
#include <test/test.h>
#include <time/clock.h>
#include <time/timer.h>

#define CPUS   4
#define TIMERS 5000

static nsec_t now;
static uint64_t hardware[CPU_MAX]; /* what each one-shot timer is set for */
static unsigned hardware_writes;

nsec_t uptime_ns(void)
{
	return now;
}

/* The fake TSC counts nanoseconds. */
uint64_t uptime_to_tsc(nsec_t when)
{
	return when;
}

void arch_timer_set(uint64_t tsc)
{
	hardware[this_cpu()] = tsc;
	hardware_writes++;
}

struct model {
	struct timer timer;
	nsec_t deadline; /* NSEC_MAX: not armed */
	unsigned fired;
	uint64_t seed;
};

static struct model models[TIMERS];

static void start_machine(void)
{
	host_cpus_set(CPUS);
	now = 1000;
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		host_cpu_select(cpu);
		hardware[cpu] = UINT64_MAX;
		timer_init_cpu();
	}
	host_cpu_select(0);
}

/* Every hardware timer whose time has come interrupts its CPU. */
static void deliver_interrupts(void)
{
	unsigned self = this_cpu();
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		while (hardware[cpu] <= now) {
			hardware[cpu] = UINT64_MAX;
			host_cpu_select(cpu);
			irq_flags_t flags = irq_save();
			timer_interrupt();
			irq_restore(flags);
		}
	}
	host_cpu_select(self);
}

static void arm(struct model *model, nsec_t deadline)
{
	model->deadline = deadline;
	timer_arm(&model->timer, deadline);
}

static void fired(struct timer *timer)
{
	struct model *model = container_of(timer, struct model, timer);
	CHECK(model->deadline <= now);
	model->deadline = NSEC_MAX;
	model->fired++;
	/* Handlers use timers too: their own and others'. */
	uint64_t dice = random_next(&model->seed);
	if (dice % 4 == 0)
		arm(model, now + dice / 4 % 5000);
	struct model *other = &models[dice / 8 % TIMERS];
	if (dice % 7 == 0 && other != model) {
		CHECK_EQ(timer_cancel(&other->timer), other->deadline != NSEC_MAX);
		other->deadline = NSEC_MAX;
	}
}

static void check_nothing_is_late(void)
{
	for (unsigned i = 0; i < TIMERS; i++) {
		CHECK(models[i].deadline == NSEC_MAX || models[i].deadline > now);
		CHECK_EQ(models[i].timer.is_armed, models[i].deadline != NSEC_MAX);
	}
}

static void sum_stats(struct timer_stats *sum)
{
	*sum = (struct timer_stats){0};
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		struct timer_stats stats;
		timer_stats(cpu, &stats);
		sum->armed += stats.armed;
		sum->fired += stats.fired;
		sum->cancelled += stats.cancelled;
	}
}

static void random_step(uint64_t *seed)
{
	uint64_t dice = random_next(seed);
	struct model *model = &models[dice / 16 % TIMERS];
	host_cpu_select((unsigned)(dice >> 40) % CPUS);
	if (dice % 16 < 9) {
		arm(model, now + random_next(seed) % 10000);
	} else if (dice % 16 < 13) {
		bool was_armed =
		    dice % 2 ? timer_cancel(&model->timer) : timer_cancel_sync(&model->timer);
		CHECK_EQ(was_armed, model->deadline != NSEC_MAX);
		model->deadline = NSEC_MAX;
	} else {
		now += random_next(seed) % 50;
		deliver_interrupts();
	}
}

TEST(random_traffic_matches_the_model)
{
	start_machine();
	uint64_t seed = 20;
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_init(&models[i].timer, fired);
		models[i].deadline = NSEC_MAX;
		models[i].seed = random_next(&seed);
	}
	for (unsigned round = 0; round < 300000; round++) {
		random_step(&seed);
		if (round % 4096 == 0) {
			deliver_interrupts();
			check_nothing_is_late();
		}
	}

	unsigned total = 0, armed = 0;
	for (unsigned i = 0; i < TIMERS; i++) {
		total += models[i].fired;
		armed += models[i].deadline != NSEC_MAX;
	}
	struct timer_stats stats;
	sum_stats(&stats);
	CHECK(total > 10000);
	CHECK_EQ(stats.fired, total);
	CHECK_EQ(stats.armed, armed);
}

static unsigned order[TIMERS], order_len;

static void note_order(struct timer *timer)
{
	order[order_len++] = (unsigned)(container_of(timer, struct model, timer) - models);
}

TEST(timers_fire_in_order_of_deadline_then_of_arming)
{
	start_machine();
	for (unsigned i = 0; i < 1000; i++) {
		timer_init(&models[i].timer, note_order);
		models[i].deadline = now + (i * 7919) % 100;
		timer_arm(&models[i].timer, models[i].deadline);
	}
	now += 200;
	deliver_interrupts();
	CHECK_EQ(order_len, 1000);
	for (unsigned i = 1; i < 1000; i++) {
		nsec_t before = models[order[i - 1]].deadline, after = models[order[i]].deadline;
		CHECK(before < after || (before == after && order[i - 1] < order[i]));
	}
}

TEST(hardware_is_left_alone_unless_the_first_deadline_comes_sooner)
{
	start_machine();
	struct timer first, second;
	timer_init(&first, note_order);
	timer_init(&second, note_order);
	timer_arm(&first, now + 100);
	CHECK_EQ(hardware[0], now + 100);

	hardware_writes = 0;
	timer_arm(&second, now + 200);
	CHECK(timer_cancel(&first));
	timer_arm(&first, now + 150);
	CHECK(timer_cancel(&first));
	CHECK_EQ(hardware_writes, 0);
	CHECK_EQ(timer_next_deadline(), now + 200);

	/* The interrupt of the cancelled one finds nothing, and sets the hardware for what is left. */
	now += 100;
	deliver_interrupts();
	CHECK_EQ(order_len, 0);
	CHECK_EQ(hardware[0], now + 100);
	CHECK(timer_cancel(&second));
	CHECK_EQ(timer_next_deadline(), NSEC_MAX);
}

TEST(arming_on_another_cpu_moves_the_timer)
{
	start_machine();
	struct timer timer;
	timer_init(&timer, note_order);
	timer_arm(&timer, now + 100);
	host_cpu_select(2);
	timer_arm(&timer, now + 50);
	CHECK_EQ(hardware[2], now + 50);
	host_cpu_select(0);
	CHECK_EQ(timer_next_deadline(), NSEC_MAX);
	CHECK(timer_cancel(&timer));
	CHECK(!timer_cancel(&timer));
}

static unsigned period_count;

static void periodic(struct timer *timer)
{
	if (++period_count < 100)
		timer_arm(timer, timer->deadline + 10);
}

TEST(a_periodic_timer_catches_up)
{
	start_machine();
	struct timer timer;
	timer_init(&timer, periodic);
	timer_arm(&timer, now + 10);
	for (unsigned i = 0; i < 10; i++) {
		now += 100;
		deliver_interrupts();
		CHECK_EQ(period_count, (i + 1) * 10);
	}
	CHECK(!timer_cancel_sync(&timer));
}

/* Armed by another CPU while its handler runs, a timer stays where it is: its handler must not run twice at once. */
static void armed_from_elsewhere(struct timer *timer)
{
	if (period_count++)
		return;
	host_cpu_select(3);
	timer_arm(timer, now + 10);
	host_cpu_select(1);
}

TEST(a_running_timer_stays_on_its_cpu)
{
	start_machine();
	struct timer timer;
	timer_init(&timer, armed_from_elsewhere);
	host_cpu_select(1);
	timer_arm(&timer, now + 10);
	now += 10;
	deliver_interrupts();
	CHECK_EQ(period_count, 1);
	CHECK_EQ(hardware[1], now + 10);
	CHECK_EQ(hardware[3], UINT64_MAX);
	now += 10;
	deliver_interrupts();
	CHECK_EQ(period_count, 2);
}
