/* Symbols and backtraces of the real kernel on real stacks. */
#include <arch/context.h>
#include <debug/backtrace.h>
#include <debug/symbol.h>
#include <lib/string.h>
#include <log/assert.h>
#include <mm/kernel_map.h>
#include <mm/page.h>
#include <sched/thread.h>
#include <test/selftest.h>
#include <time/clock.h>
#include <time/timer.h>
#include <wait/semaphore.h>

SELFTEST(symbols_name_addresses)
{
	struct symbol symbol;
	CHECK(symbol_lookup((uintptr_t)panic, &symbol));
	CHECK(strcmp(symbol.name, "panic") == 0);
	CHECK_EQ(symbol.offset, 0);
	CHECK(symbol.size > 0);
	CHECK(symbol_lookup((uintptr_t)panic + 5, &symbol));
	CHECK(strcmp(symbol.name, "panic") == 0);
	CHECK_EQ(symbol.offset, 5);

	static const char data[] = "not code";
	CHECK(!symbol_lookup((uintptr_t)data, &symbol));
	CHECK(!symbol_lookup(0, &symbol));
	CHECK(!symbol_lookup(UINTPTR_MAX, &symbol));
}

/* The compiler may add a suffix to the name of a static function. */
static bool is_in(uintptr_t address, const char *function)
{
	struct symbol symbol;
	return symbol_lookup(address - 1, &symbol) && str_has_prefix(symbol.name, function);
}

static uintptr_t addresses[BACKTRACE_MAX];

static NOINLINE unsigned innermost(void)
{
	unsigned count =
	    backtrace_from((uintptr_t)__builtin_frame_address(0), addresses, BACKTRACE_MAX);
	compiler_barrier(); /* no tail call */
	return count;
}

static NOINLINE unsigned middle(void)
{
	unsigned count = innermost();
	compiler_barrier();
	return count;
}

SELFTEST(backtrace_names_the_callers)
{
	unsigned count = middle();
	CHECK(count >= 3);
	CHECK(count < BACKTRACE_MAX); /* it found the end */
	CHECK(is_in(addresses[0], "middle"));
	CHECK(is_in(addresses[1], "selftest_backtrace_names"));
	CHECK(is_in(addresses[2], "run_test"));
}

SELFTEST(backtrace_survives_a_damaged_stack)
{
	uintptr_t frame[2] = {0x1234567890, (uintptr_t)panic};
	CHECK_EQ(backtrace_from((uintptr_t)frame, addresses, BACKTRACE_MAX), 1);
	frame[0] = 0xdead000000000000; /* not canonical */
	CHECK_EQ(backtrace_from((uintptr_t)frame, addresses, BACKTRACE_MAX), 1);
	frame[0] = (uintptr_t)frame;
	CHECK_EQ(backtrace_from((uintptr_t)frame, addresses, BACKTRACE_MAX), BACKTRACE_MAX);
	frame[1] = 0;
	CHECK_EQ(backtrace_from((uintptr_t)frame, addresses, BACKTRACE_MAX), 0);
	CHECK_EQ(backtrace_from(KERNEL_MAP_END - 16, addresses, BACKTRACE_MAX), 0);
}

SELFTEST(readable_is_what_is_mapped)
{
	uint64_t here = 0;
	CHECK(address_is_readable((uintptr_t)&here));
	CHECK(address_is_readable((uintptr_t)addresses));
	CHECK(address_is_readable(ALIGN_DOWN((uintptr_t)panic, 8ul)));
	CHECK(!address_is_readable((uintptr_t)&here + 1));
	CHECK(!address_is_readable(0));
	CHECK(!address_is_readable(0xdead000000000000));
	CHECK(!address_is_readable(KERNEL_MAP_END - 8));

	uintptr_t stack = (uintptr_t)current_thread()->stack;
	CHECK(address_is_readable(stack));
	CHECK(kernel_stack_is_guard(stack - 8));
	CHECK(!address_is_readable(stack - 8));
}

struct waiter {
	struct semaphore end;
	bool has_come;
};

static NOINLINE void wait_for_the_end(struct waiter *waiter)
{
	atomic_store_release(&waiter->has_come, true);
	semaphore_down(&waiter->end);
	compiler_barrier();
}

static void waiting_thread(void *arg)
{
	wait_for_the_end(arg);
	compiler_barrier();
}

SELFTEST(backtrace_of_a_waiting_thread)
{
	struct waiter waiter = {0};
	semaphore_init(&waiter.end, 0);
	struct thread *thread = thread_create("waiter", waiting_thread, &waiter);
	CHECK(thread);
	thread_start(thread);
	while (
	    !atomic_load_acquire(&waiter.has_come) || atomic_load(&thread->state) != THREAD_BLOCKED)
		thread_sleep(NSEC_PER_MSEC);

	uintptr_t ip, frame;
	context_position(&thread->context, &ip, &frame);
	unsigned count = backtrace_from(frame, addresses, BACKTRACE_MAX);
	semaphore_up(&waiter.end);
	thread_join(thread);
	thread_put(thread);

	CHECK(address_is_code(ip));
	unsigned found = 0;
	while (found < count && !is_in(addresses[found], "wait_for_the_end"))
		found++;
	CHECK(found + 1 < count);
	CHECK(is_in(addresses[found + 1], "waiting_thread"));
}

static unsigned interrupt_count;
static bool is_spinning, interrupted;

static void trace_from_interrupt(struct timer *timer)
{
	if (!atomic_load(&is_spinning)) {
		timer_arm(timer, uptime_ns() + NSEC_PER_MSEC);
		return;
	}
	interrupt_count =
	    backtrace_from((uintptr_t)__builtin_frame_address(0), addresses, BACKTRACE_MAX);
	atomic_store_release(&interrupted, true);
}

static NOINLINE void spin_until_interrupted(void)
{
	/* Makes the compiler give it a frame: a leaf without one hides its caller. */
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
	atomic_store(&is_spinning, true);
	while (!atomic_load_acquire(&interrupted))
		cpu_relax();
	atomic_store(&is_spinning, false);
}

SELFTEST(backtrace_goes_through_an_interrupt)
{
	static struct timer timer;
	interrupted = false;
	timer_init(&timer, trace_from_interrupt);
	preempt_disable(); /* the timer fires on the CPU that armed it: stay there */
	timer_arm(&timer, uptime_ns() + NSEC_PER_MSEC);
	spin_until_interrupted();
	preempt_enable();
	timer_cancel_sync(&timer);

	unsigned found = 0;
	while (found < interrupt_count && !is_in(addresses[found], "interrupt_common"))
		found++;
	CHECK(found + 2 < interrupt_count);
	CHECK(is_in(addresses[found + 1], "spin_until_interrupted"));
	CHECK(is_in(addresses[found + 2], "selftest_backtrace_goes_through"));
}
