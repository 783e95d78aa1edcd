/*
 * Timers: one red-black tree a CPU, ordered by deadline.
 *
 * The hardware timer is set only when a deadline comes before the one that it is set for. Cancelling the first timer leaves it alone:
 * the interrupt then finds nothing to do and sets it for what is first by then. Most timers are timeouts
 * that are cancelled, so arming and cancelling usually touch no hardware.
 *
 * Locking: a timer belongs to a base, armed or not, and that base's lock guards it. It changes base only in timer_arm, and
 * not while its handler runs, so that one handler is not run twice at once. On its way it has no base; others
 * wait for the few instructions that takes. Handlers run without the lock.
 */
#include <arch/cpu.h>
#include <arch/timer.h>
#include <lib/atomic.h>
#include <log/assert.h>
#include <sync/spinlock.h>
#include <time/clock.h>
#include <time/timer.h>

/* c: this CPU only, interrupts off */
struct timer_base {
	struct spinlock lock;
	struct rb_tree tree;   /* lock */
	struct timer *running; /* lock: whose handler is being called */
	nsec_t
	    programmed; /* c: what the hardware timer is set for; 0 inside timer_interrupt, which will set it */
	struct timer_stats stats; /* lock: but for what timer_stats counts */
};

static PER_CPU(struct timer_base, timer_bases);

static NOINLINE void program(struct timer_base *base, nsec_t deadline)
{
	base->programmed = deadline;
	arch_timer_set(deadline == NSEC_MAX ? UINT64_MAX : uptime_to_tsc(deadline));
}

/* Was on its way to another base, or `locked`, which is not the right one any more. */
static NOINLINE struct timer_base *lock_next_base_of(
    const struct timer *timer, struct timer_base *locked)
{
	for (;;) {
		if (locked)
			spin_unlock(&locked->lock);
		cpu_relax();
		locked = atomic_load(&timer->base);
		if (!locked)
			continue;
		spin_lock(&locked->lock);
		if (atomic_load(&timer->base) == locked)
			return locked;
	}
}

/* Interrupts off. The base may change until its lock is held. */
static ALWAYS_INLINE struct timer_base *lock_base_of(const struct timer *timer)
{
	struct timer_base *base = atomic_load(&timer->base);
	if (likely(base)) {
		spin_lock(&base->lock);
		if (likely(atomic_load(&timer->base) == base))
			return base;
	}
	return lock_next_base_of(timer, base);
}

static struct timer *first_of(const struct timer_base *base)
{
	struct rb_node *node = rb_first(&base->tree);
	return node ? rb_entry(node, struct timer, node) : NULL;
}

/* Behind those with the same deadline. */
static void insert(struct timer_base *base, struct timer *timer)
{
	struct rb_node **link = &base->tree.root, *parent = NULL;
	bool is_leftmost = true;
	while (*link) {
		parent = *link;
		if (timer->deadline < rb_entry(parent, struct timer, node)->deadline) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_leftmost = false;
		}
	}
	rb_insert_at(&base->tree, &timer->node, parent, link, is_leftmost);
}

void timer_init(struct timer *timer, void (*handler)(struct timer *timer))
{
	*timer = (struct timer){.handler = handler, .base = this_cpu_ptr(timer_bases)};
}

/* From another CPU's base, which is locked, to this CPU's, which is locked then. It stays while its handler runs there. */
static NOINLINE struct timer_base *move_here(struct timer *timer, struct timer_base *from)
{
	if (from->running == timer)
		return from;
	if (timer->is_armed) {
		rb_remove(&from->tree, &timer->node);
		timer->is_armed = false;
	}
	atomic_store(&timer->base, NULL);
	spin_unlock(&from->lock);

	struct timer_base *here = this_cpu_ptr(timer_bases);
	spin_lock(&here->lock);
	return here;
}

void timer_arm(struct timer *timer, nsec_t deadline)
{
	irq_flags_t flags = irq_save();
	struct timer_base *base = lock_base_of(timer);
	if (unlikely(base != this_cpu_ptr(timer_bases)))
		base = move_here(timer, base);
	if (timer->is_armed)
		rb_remove(&base->tree, &timer->node);

	timer->is_armed = true;
	timer->deadline = deadline;
	insert(base, timer);
	atomic_store(&timer->base, base);
	/* Never true of another CPU's base: that one is inside timer_interrupt. */
	if (deadline < base->programmed)
		program(base, deadline);
	spin_unlock(&base->lock);
	irq_restore(flags);
}

static bool cancel_locked(struct timer_base *base, struct timer *timer)
{
	if (!timer->is_armed)
		return false;
	rb_remove(&base->tree, &timer->node);
	timer->is_armed = false;
	base->stats.cancelled++;
	return true;
}

bool timer_cancel(struct timer *timer)
{
	irq_flags_t flags = irq_save();
	struct timer_base *base = lock_base_of(timer);
	bool was_armed = cancel_locked(base, timer);
	spin_unlock(&base->lock);
	irq_restore(flags);
	return was_armed;
}

bool timer_cancel_sync(struct timer *timer)
{
	bool was_armed = false;
	for (;;) {
		irq_flags_t flags = irq_save();
		struct timer_base *base = lock_base_of(timer);
		was_armed |= cancel_locked(base, timer);
		bool is_running = base->running == timer;
		debug_assert(!is_running || base != this_cpu_ptr(timer_bases));
		spin_unlock(&base->lock);
		irq_restore(flags);
		if (!is_running)
			return was_armed;
		cpu_relax();
	}
}

/* Calls the handlers that are due at `now`. A periodic timer that fell behind is called until it has caught up. */
static void fire_due(struct timer_base *base, nsec_t now)
{
	struct timer *timer;
	while ((timer = first_of(base)) && timer->deadline <= now) {
		rb_remove(&base->tree, &timer->node);
		timer->is_armed = false;
		base->stats.fired++;
		base->running = timer;
		spin_unlock(&base->lock);
		timer->handler(timer);
		spin_lock(&base->lock);
		base->running = NULL;
	}
}

void timer_interrupt(void)
{
	assert_irqs_off();
	struct timer_base *base = this_cpu_ptr(timer_bases);
	spin_lock(&base->lock);
	base->stats.interrupts++;
	base->programmed = 0;
	fire_due(base, uptime_ns());

	struct timer *next = first_of(base);
	if (next)
		program(base, next->deadline);
	else
		base->programmed = NSEC_MAX;
	spin_unlock(&base->lock);
}

nsec_t timer_next_deadline(void)
{
	irq_flags_t flags = irq_save();
	struct timer_base *base = this_cpu_ptr(timer_bases);
	spin_lock(&base->lock);
	const struct timer *first = first_of(base);
	nsec_t deadline = first ? first->deadline : NSEC_MAX;
	spin_unlock(&base->lock);
	irq_restore(flags);
	return deadline;
}

void timer_stats(unsigned cpu, struct timer_stats *stats)
{
	struct timer_base *base = per_cpu_ptr(timer_bases, cpu);
	irq_flags_t flags = spin_lock_irqsave(&base->lock);
	*stats = base->stats;
	for (const struct rb_node *node = rb_first(&base->tree); node; node = rb_next(node))
		stats->armed++;
	spin_unlock_irqrestore(&base->lock, flags);
}

void timer_init_cpu(void)
{
	struct timer_base *base = this_cpu_ptr(timer_bases);
	spin_init(&base->lock, "timers", RANK_TIMER);
	base->tree = (struct rb_tree)RB_TREE_INIT;
	base->programmed = NSEC_MAX;
}
