/* Every mistake that debug builds promise to catch, made on purpose. */
#include <arch/host.h>
#include <sync/spinlock.h>
#include <test/test.h>

static struct spinlock low = SPINLOCK_INIT("low", RANK_PAGE_TABLE);
static struct spinlock high = SPINLOCK_INIT("high", RANK_WAIT_QUEUE);
static struct spinlock queue_a = SPINLOCK_INIT("queue a", RANK_RUN_QUEUE);
static struct spinlock queue_b = SPINLOCK_INIT("queue b", RANK_RUN_QUEUE);
static struct spinlock unranked = SPINLOCK_INIT("unranked", RANK_NONE);

/* What each of these gets is a lock; what it does with it is in its name. */
static void take(void *lock)
{
	spin_lock(lock);
}

static void take_with_irqs_off(void *lock)
{
	spin_unlock_irqrestore(lock, spin_lock_irqsave(lock));
}

static void take_second(void *lock)
{
	spin_lock_second(lock);
}

static void release(void *lock)
{
	spin_unlock(lock);
}

static void check_held(void *lock)
{
	assert_held(lock);
}

static void take_in_interrupt(void *lock)
{
	irq_flags_t flags = irq_save();
	this_cpu_inc(irq_depth);
	spin_lock(lock);
	spin_unlock(lock);
	this_cpu_dec(irq_depth);
	irq_restore(flags);
}

static void try_in_interrupt(void *lock)
{
	irq_flags_t flags = irq_save();
	this_cpu_inc(irq_depth);
	if (spin_try_lock(lock))
		spin_unlock(lock);
	this_cpu_dec(irq_depth);
	irq_restore(flags);
}

TEST(lock_debug_accepts_rising_ranks)
{
	spin_lock(&low);
	spin_lock(&high);
	spin_lock(&queue_a);
	spin_lock(&unranked);
	spin_unlock(&low);
	spin_unlock(&unranked);
	spin_unlock(&high);
	spin_unlock(&queue_a);
	spin_lock(&low);
	spin_unlock(&low);
}

TEST(lock_debug_refuses_falling_rank)
{
	spin_lock(&high);
	CHECK_PANICS(take, &low);
	CHECK_PANICS(take_with_irqs_off, &low);
	/* Not waiting, not part of a deadlock. */
	CHECK(spin_try_lock(&low));
	/* Released below the top of the stack: what is left still counts. */
	spin_unlock(&high);
	CHECK_PANICS(take, &low);
	spin_lock(&high);
}

TEST(lock_debug_refuses_equal_rank_unless_said)
{
	spin_lock(&queue_a);
	CHECK_PANICS(take, &queue_b);
	spin_lock_second(&queue_b);
	spin_unlock(&queue_a);
	spin_unlock(&queue_b);

	struct spinlock above = SPINLOCK_INIT("above", RANK_TIMER);
	spin_lock(&above);
	CHECK_PANICS(take_second, &queue_a);
}

TEST(lock_debug_refuses_recursion)
{
	spin_lock(&low);
	CHECK_PANICS(take, &low);
	spin_unlock(&low);
	spin_lock(&unranked);
	CHECK_PANICS(take, &unranked);
}

TEST(lock_debug_refuses_release_by_another)
{
	host_cpus_set(2);
	CHECK_PANICS(release, &low);
	spin_lock(&low);
	host_cpu_select(1);
	CHECK_PANICS(release, &low);
	CHECK_PANICS(check_held, &low);
	host_cpu_select(0);
	assert_held(&low);
	spin_unlock(&low);
	CHECK_PANICS(release, &low);
	CHECK_PANICS(check_held, &low);
}

TEST(lock_debug_refuses_uninitialised)
{
	static struct spinlock nobody;
	CHECK_PANICS(take, &nobody);
	spin_init(&nobody, "somebody", RANK_NONE);
	spin_lock(&nobody);
	spin_unlock(&nobody);
}

TEST(lock_debug_refuses_interrupt_lock_with_irqs_on)
{
	spin_unlock_irqrestore(&low, spin_lock_irqsave(&low));
	take_in_interrupt(&low);
	spin_unlock_irqrestore(&low, spin_lock_irqsave(&low));
	CHECK_PANICS(take, &low);

	/* The other way round: first in a thread, later in a handler. */
	spin_lock(&high);
	spin_unlock(&high);
	CHECK_PANICS(take_in_interrupt, &high);
	try_in_interrupt(&high);
}

TEST(lock_debug_orders_interrupt_against_interrupted)
{
	spin_lock(&high);
	take_in_interrupt(&queue_a);
	CHECK_PANICS(take_in_interrupt, &low);
}

TEST(lock_debug_bounds_the_stack)
{
	static struct spinlock many[LOCK_STACK_MAX + 1];
	for (unsigned i = 0; i <= LOCK_STACK_MAX; i++)
		spin_init(&many[i], "one of many", RANK_NONE);
	for (unsigned i = 0; i < LOCK_STACK_MAX; i++)
		spin_lock(&many[i]);
	CHECK_PANICS(take, &many[LOCK_STACK_MAX]);
}

static void may_sleep(void *unused)
{
	(void)unused;
	assert_may_sleep();
}

static void irqs_off(void *unused)
{
	(void)unused;
	assert_irqs_off();
}

static void no_interrupt(void *unused)
{
	(void)unused;
	assert_no_interrupt();
}

TEST(context_asserts)
{
	assert_may_sleep();
	assert_no_interrupt();
	CHECK_PANICS(irqs_off, NULL);

	irq_disable();
	assert_irqs_off();
	CHECK_PANICS(may_sleep, NULL);
	irq_enable();

	preempt_disable();
	CHECK_PANICS(may_sleep, NULL);
	preempt_enable();

	spin_lock(&low);
	CHECK_PANICS(may_sleep, NULL);
	spin_unlock(&low);

	this_cpu_inc(irq_depth);
	CHECK_PANICS(may_sleep, NULL);
	CHECK_PANICS(no_interrupt, NULL);
	this_cpu_dec(irq_depth);
	assert_may_sleep();
}

TEST(panic_switches_the_checks_off)
{
	spin_lock(&high);
	irq_disable();
	locks_break();
	spin_lock(&low);
	spin_lock(&low);
	spin_unlock(&low);
	spin_unlock(&high);
	spin_unlock(&high);
	assert_may_sleep();
	assert_held(&low);
}
