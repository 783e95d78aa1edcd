/*
 * Text to the console, one writer at a time.
 *
 * The lock is a word with the owner's CPU in it rather than a spinlock, because the log lies below those. It is taken with
 * interrupts off, so only an NMI or an exception can find its own CPU holding it; such a nested writer goes ahead: two lines
 * mixed up are better than a line lost or a CPU hung.
 */
#include "log_impl.h"

#include <arch/cpu.h>
#include <arch/percpu.h>
#include <lib/atomic.h>

#define OUTPUTS_MAX 2

/* Set once each, in order: a reader may see fewer than there are, never a hole. */
static console_output_t console_outputs[OUTPUTS_MAX]; /* a */
static uint32_t console_owner;                        /* a: CPU number + 1; 0: free */
static uint32_t console_breaker;                      /* a: the CPU that panics, + 1 */

struct hold {
	irq_flags_t flags;
	bool has_lock;
};

/* False when the output is to be discarded. */
static bool console_enter(struct hold *hold)
{
	for (;;) {
		hold->flags = irq_save();
		uint32_t self = this_cpu() + 1, owner = 0;
		uint32_t breaker = atomic_load(&console_breaker);
		if (unlikely(breaker)) {
			hold->has_lock = false;
			if (breaker == self)
				return true;
			irq_restore(hold->flags);
			return false;
		}
		hold->has_lock = atomic_cas(&console_owner, &owner, self);
		if (hold->has_lock || owner == self)
			return true;
		/* The wait is as long as a line takes; interrupts may come in meanwhile. */
		irq_restore(hold->flags);
		cpu_relax();
	}
}

static void console_leave(const struct hold *hold)
{
	if (hold->has_lock)
		atomic_store_release(&console_owner, 0u);
	irq_restore(hold->flags);
}

static void output_text(const char *text, size_t len)
{
	for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
		console_output_t output = atomic_load_acquire(&console_outputs[i]);
		if (output)
			output(text, len);
	}
}

bool console_has_output(void)
{
	return atomic_load(&console_outputs[0]) != NULL;
}

void console_write(const char *text, size_t len)
{
	struct hold hold;
	if (!console_has_output() || !console_enter(&hold))
		return;
	output_text(text, len);
	console_leave(&hold);
}

static bool is_raw; /* the console's lock */

bool console_is_raw(void)
{
	return is_raw;
}

void console_write_raw(const char *text, size_t len)
{
	struct hold hold;
	if (!console_has_output() || !console_enter(&hold))
		return;
	is_raw = true;
	output_text(text, len);
	is_raw = false;
	console_leave(&hold);
}

/* Collects the small pieces that formatting yields, so that the device gets them in bulk. */
struct gather {
	size_t len;
	char text[128];
};

static void gather_flush(struct gather *gather)
{
	if (gather->len > 0)
		output_text(gather->text, gather->len);
	gather->len = 0;
}

static void gather_text(void *ctx, const char *text, size_t len)
{
	struct gather *gather = ctx;
	for (size_t i = 0; i < len; i++) {
		if (gather->len == sizeof(gather->text))
			gather_flush(gather);
		gather->text[gather->len++] = text[i];
	}
}

void console_printf(const char *format, ...)
{
	struct gather gather = {.len = 0};
	struct hold hold;
	if (!console_has_output() || !console_enter(&hold))
		return;
	va_list args;
	va_start(args, format);
	fmt_vformat(gather_text, &gather, format, args);
	va_end(args);
	gather_flush(&gather);
	console_leave(&hold);
}

static void replay_to(void *ctx, const char *text, size_t len)
{
	const console_output_t *output = ctx;
	struct hold hold;
	if (!console_enter(&hold))
		return;
	(*output)(text, len);
	console_leave(&hold);
}

void console_add_output(console_output_t output)
{
	log_replay(replay_to, &output, LOG_RECORDS);
	for (unsigned i = 0; i < OUTPUTS_MAX; i++) {
		console_output_t none = NULL;
		if (atomic_cas(&console_outputs[i], &none, output))
			return;
	}
}

void console_break_lock(void)
{
	atomic_store(&console_breaker, this_cpu() + 1);
}
