/* Assertions about the context that a function is called in: debug builds only. */
#include <log/assert.h>
#include <sync/lock_debug.h>
#include <sync/preempt.h>

void assert_may_sleep(void)
{
	if (atomic_load(&locks_are_broken))
		return;
	/* Until the first CPU schedules there is one thread, which never has to wait. */
	if (!atomic_load(&cpu_online_mask))
		return;

	const char *why = NULL;
	if (in_interrupt())
		why = "in an interrupt handler";
	else if (this_cpu_read(preempt_count))
		why = "with preemption disabled";
	else if (irqs_are_off())
		why = "with interrupts off";
	if (likely(!why))
		return;

	locks_print_held();
	panic("may sleep, but called %s, at %s", why, PLACE(CALLER_IP()));
}

void assert_irqs_off(void)
{
	if (unlikely(!irqs_are_off()) && !atomic_load(&locks_are_broken))
		panic("interrupts must be off here, at %s", PLACE(CALLER_IP()));
}

void assert_no_interrupt(void)
{
	if (unlikely(in_interrupt()) && !atomic_load(&locks_are_broken))
		panic("called in an interrupt handler, at %s", PLACE(CALLER_IP()));
}
