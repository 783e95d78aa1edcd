/* Timers as descriptors: <event/timerfd.h>. */
#include <event/timerfd.h>

#include <abi/linux/fcntl.h>
#include <abi/linux/process.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <time/clock.h>
#include <time/timer.h>
#include <wait/interruptible.h>

/* Letters: I immutable, t the timer's lock, w walls_lock */
struct timerfd {
	struct object object;
	struct spinlock lock; /* interrupts off */
	struct timer timer;
	struct wait_queue readers;
	int clock;                 /* I: CLOCK_… */
	bool goes_by_wall;         /* I */
	bool is_on_wall;           /* t: the deadline is a time of the wall clock */
	bool is_cancelled_on_set;  /* t */
	bool is_cancelled;         /* t: to be told instead of a count */
	bool is_expired;           /* t: and rests */
	unsigned set_flags;        /* t: of timerfd_set */
	nsec_t deadline, interval; /* t: 0: off; once */
	uint64_t ticks;            /* t */
	struct list link;          /* w */
};

static struct mutex walls_lock;
static struct list walls = LIST_INIT(walls); /* walls_lock: all that go by the wall clock */

void timerfd_init(void)
{
	mutex_init(&walls_lock, "timers on the wall clock", RANK_MUTEX_LAST);
}

static struct timerfd *timer_of(struct object *object)
{
	return container_of(object, struct timerfd, object);
}

static nsec_t time_of(const struct timerfd *timer)
{
	return timer->is_on_wall ? unix_time_ns() : uptime_ns();
}

static void arm(struct timerfd *timer, nsec_t now)
{
	nsec_t left = timer->deadline > now ? timer->deadline - now : 0, when;
	timer_arm(&timer->timer, add_overflows(uptime_ns(), left, &when) ? NSEC_MAX : when);
}

/* Interrupt context. */
static void timer_fired(struct timer *expired)
{
	struct timerfd *timer = container_of(expired, struct timerfd, timer);
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	nsec_t now = time_of(timer);
	bool is_due = timer->deadline && !timer->is_expired && timer->deadline <= now;
	if (is_due) {
		timer->ticks++;
		timer->is_expired = true;
	} else if (timer->deadline && !timer->is_expired) {
		arm(timer, now);
	}
	spin_unlock_irqrestore(&timer->lock, flags);
	if (is_due)
		wait_wake_all(&timer->readers);
}

/* One that rests goes on, and what it has missed is counted. Lock held. */
static void catch_up(struct timerfd *timer)
{
	if (!timer->is_expired)
		return;
	timer->is_expired = false;
	if (!timer->interval) {
		timer->deadline = 0;
		return;
	}
	nsec_t now = time_of(timer), way;
	nsec_t missed = now > timer->deadline ? (now - timer->deadline) / timer->interval : 0;
	if (mul_overflows(missed + 1, timer->interval, &way) ||
	    add_overflows(timer->deadline, way, &timer->deadline))
		timer->deadline = NSEC_MAX;
	timer->ticks += missed;
	arm(timer, now);
}

/* The count, 0 when there is none, or -ECANCELED. */
static int64_t take(struct timerfd *timer)
{
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	int64_t result = -ECANCELED;
	if (timer->is_cancelled) {
		timer->is_cancelled = false;
		/* How often it would have expired by another clock says nothing: one that rests does not go on. */
		if (timer->is_expired)
			timer->deadline = 0;
		timer->is_expired = false;
	} else {
		catch_up(timer);
		result = (int64_t)timer->ticks;
	}
	timer->ticks = 0;
	spin_unlock_irqrestore(&timer->lock, flags);
	return result;
}

static bool has_ticks(const struct timerfd *timer)
{
	return atomic_load(&timer->ticks) != 0;
}

static int64_t read_timer(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct timerfd *timer = timer_of(object);
	int64_t count;
	if (io->left < sizeof(uint64_t))
		return -EINVAL;
	while (!(count = has_ticks(timer) ? take(timer) : 0)) {
		if (object_must_not_wait(object, io))
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored =
		    wait_until(&timer->readers, has_ticks(timer) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
	if (count < 0)
		return count;
	uint64_t ticks = (uint64_t)count;
	return io_result(io, io_write(io, &ticks, sizeof(ticks)));
}

static unsigned poll_timer(struct object *object, struct poll_table *table)
{
	struct timerfd *timer = timer_of(object);
	poll_wait(table, object, &timer->readers);
	return has_ticks(timer) ? POLLIN | POLLRDNORM : 0;
}

/* Lock held. */
static struct timerfd_value look(struct timerfd *timer)
{
	catch_up(timer);
	nsec_t now = time_of(timer);
	return (struct timerfd_value){
	    .left = timer->deadline > now ? timer->deadline - now : 0,
	    .interval = timer->interval,
	};
}

int timerfd_set(
    struct object *object, unsigned flags, struct timerfd_value value, struct timerfd_value *old)
{
	struct timerfd *timer = timer_of(object);
	bool is_absolute = flags & TIMERFD_ABSOLUTE;
	irq_flags_t irq_flags = spin_lock_irqsave(&timer->lock);
	*old = look(timer);
	timer->ticks = 0;
	timer->set_flags = flags;
	timer->is_on_wall = timer->goes_by_wall && is_absolute;
	timer->is_cancelled_on_set = timer->is_on_wall && flags & TIMERFD_CANCEL_ON_SET;
	int err = timer->is_cancelled && timer->is_cancelled_on_set && value.left ? -ECANCELED : 0;
	timer->is_cancelled = false;
	timer->interval = value.interval;
	timer->deadline = 0;
	nsec_t now = time_of(timer);
	if (is_absolute)
		timer->deadline = value.left;
	else if (value.left && add_overflows(now, value.left, &timer->deadline))
		timer->deadline = NSEC_MAX;
	if (timer->deadline)
		arm(timer, now);
	else
		timer_cancel(&timer->timer);
	spin_unlock_irqrestore(&timer->lock, irq_flags);
	return err;
}

struct timerfd_value timerfd_get(struct object *object)
{
	struct timerfd *timer = timer_of(object);
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	struct timerfd_value value = look(timer);
	spin_unlock_irqrestore(&timer->lock, flags);
	return value;
}

static void follow_clock(struct timerfd *timer)
{
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	bool is_told = timer->is_cancelled_on_set;
	if (is_told) {
		timer->is_cancelled = true;
		timer->ticks++;
	}
	if (timer->is_on_wall && timer->deadline && !timer->is_expired)
		arm(timer, time_of(timer));
	spin_unlock_irqrestore(&timer->lock, flags);
	if (is_told)
		wait_wake_all(&timer->readers);
}

void timerfds_follow_clock(void)
{
	struct timerfd *timer;
	mutex_lock(&walls_lock);
	list_for_each(timer, &walls, link)
		follow_clock(timer);
	mutex_unlock(&walls_lock);
}

static void release_timer(struct object *object)
{
	struct timerfd *timer = timer_of(object);
	if (timer->goes_by_wall) {
		mutex_lock(&walls_lock);
		list_remove(&timer->link);
		mutex_unlock(&walls_lock);
	}
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	timer->deadline = 0; /* its handler does not arm it again */
	spin_unlock_irqrestore(&timer->lock, flags);
	timer_cancel_sync(&timer->timer);
}

static void free_timer(struct object *object)
{
	kfree(timer_of(object));
}

/* Looking does not let one that rests go on. */
static void describe_timer(struct object *object, fmt_sink_t sink, void *ctx)
{
	struct timerfd *timer = timer_of(object);
	irq_flags_t flags = spin_lock_irqsave(&timer->lock);
	nsec_t now = time_of(timer), left = 0, interval = timer->interval;
	if (!timer->is_expired && timer->deadline > now)
		left = timer->deadline - now;
	uint64_t ticks = timer->ticks;
	unsigned set_flags = timer->set_flags;
	spin_unlock_irqrestore(&timer->lock, flags);
	fmt_format(sink, ctx, "clockid: %d\nticks: %lu\nsettime flags: 0%o\n", timer->clock, ticks,
	    set_flags);
	fmt_format(sink, ctx, "it_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
	    left / NSEC_PER_SEC, left % NSEC_PER_SEC, interval / NSEC_PER_SEC,
	    interval % NSEC_PER_SEC);
}

static const struct object_ops timer_ops = {
    .type = OBJECT_TIMER,
    .is_stream = true,
    .release = release_timer,
    .free = free_timer,
    .read = read_timer,
    .poll = poll_timer,
    .stat = object_stat_nameless,
    .describe = describe_timer,
};

bool object_is_timerfd(const struct object *object)
{
	return object->ops == &timer_ops;
}

int timerfd_create(int clock, unsigned open_flags, struct object **object)
{
	struct timerfd *timer = kzalloc(sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	object_init(&timer->object, &timer_ops, O_RDWR | (open_flags & O_NONBLOCK));
	spin_init(&timer->lock, "timer descriptor", RANK_TIMERFD);
	timer_init(&timer->timer, timer_fired);
	wait_queue_init(&timer->readers);
	timer->clock = clock;
	timer->goes_by_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	if (timer->goes_by_wall) {
		mutex_lock(&walls_lock);
		list_push_back(&walls, &timer->link);
		mutex_unlock(&walls_lock);
	}
	*object = &timer->object;
	return 0;
}
