/* Counters of events: <event/eventfd.h>. */
#include <event/eventfd.h>

#include <abi/linux/fcntl.h>
#include <mm/slab.h>
#include <object/poll.h>
#include <wait/interruptible.h>

#define COUNT_MAX (UINT64_MAX - 1) /* one more only by the kernel: too much has happened */

struct event {
	struct object object;
	uint64_t count;    /* a */
	bool is_semaphore; /* I */
	uint32_t id;       /* I: tells it from others, in /proc/PID/fdinfo */
	struct wait_queue readers, writers;
};

static uint32_t last_id; /* a */

static struct event *event_of(struct object *object)
{
	return container_of(object, struct event, object);
}

static void free_event(struct object *object)
{
	kfree(event_of(object));
}

/* Whoever waits queues before it looks at the count, which has been changed by an atomic operation: a look at the list is enough. */
static void wake(struct wait_queue *queue)
{
	if (unlikely(atomic_load(&queue->waiters.next) != &queue->waiters))
		wait_wake_all(queue);
}

/* 0: there is nothing. */
static uint64_t take(struct event *event)
{
	uint64_t count = atomic_load(&event->count);
	while (count) {
		uint64_t taken = event->is_semaphore ? 1 : count;
		if (atomic_cas(&event->count, &count, count - taken))
			return taken;
	}
	return 0;
}

static int64_t read_event(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct event *event = event_of(object);
	uint64_t taken;
	if (io->left < sizeof(taken))
		return -EINVAL;
	while (!(taken = take(event))) {
		if (object_must_not_wait(object, io))
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(
		    &event->readers, atomic_load(&event->count) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
	wake(&event->writers);
	return io_result(io, io_write(io, &taken, sizeof(taken)));
}

static bool has_room(const struct event *event, uint64_t value)
{
	return value < UINT64_MAX - atomic_load(&event->count);
}

static bool add(struct event *event, uint64_t value)
{
	uint64_t count = atomic_load(&event->count);
	while (value < UINT64_MAX - count)
		if (atomic_cas(&event->count, &count, count + value))
			return true;
	return false;
}

static int64_t write_event(struct object *object, struct io *io, uint64_t *pos)
{
	(void)pos;
	struct event *event = event_of(object);
	uint64_t value;
	if (io->left < sizeof(value))
		return -EINVAL;
	if (io_read(io, &value, sizeof(value)) < sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	while (!add(event, value)) {
		if (object_must_not_wait(object, io))
			return -EAGAIN;
		if (signal_is_pending())
			return -ERESTARTSYS;
		int ignored = wait_until(
		    &event->writers, has_room(event, value) || signal_is_pending(), NSEC_MAX);
		(void)ignored;
	}
	wake(&event->readers);
	return sizeof(value);
}

static ALWAYS_INLINE unsigned events_of(const struct event *event)
{
	uint64_t count = atomic_load(&event->count);
	unsigned full = count == UINT64_MAX ? POLLERR : 0;
	return (count ? POLLIN | POLLRDNORM : 0) |
	       (likely(count < COUNT_MAX) ? POLLOUT | POLLWRNORM : full);
}

/* Apart from the look alone, which needs no stack. */
static NOINLINE unsigned poll_and_wait(struct event *event, struct poll_table *table)
{
	poll_wait_for(table, &event->object, &event->readers, POLLIN | POLLRDNORM);
	poll_wait_for(table, &event->object, &event->writers, POLLOUT | POLLWRNORM);
	return events_of(event);
}

static unsigned poll_event(struct object *object, struct poll_table *table)
{
	struct event *event = event_of(object);
	return unlikely(table) ? poll_and_wait(event, table) : events_of(event);
}

static void describe_event(struct object *object, fmt_sink_t sink, void *ctx)
{
	const struct event *event = event_of(object);
	fmt_format(sink, ctx, "eventfd-count: %16lx\neventfd-id: %u\neventfd-semaphore: %d\n",
	    atomic_load(&event->count), event->id, event->is_semaphore);
}

static const struct object_ops event_ops = {
    .type = OBJECT_EVENT,
    .is_stream = true,
    .free = free_event,
    .read = read_event,
    .write = write_event,
    .poll = poll_event,
    .stat = object_stat_nameless,
    .describe = describe_event,
};

int eventfd_create(uint64_t value, unsigned flags, unsigned open_flags, struct object **object)
{
	struct event *event = kmalloc(sizeof(*event));
	if (!event)
		return -ENOMEM;
	object_init(&event->object, &event_ops, O_RDWR | (open_flags & O_NONBLOCK));
	event->count = value;
	event->is_semaphore = flags & EVENT_SEMAPHORE;
	event->id = atomic_fetch_add(&last_id, 1);
	wait_queue_init(&event->readers);
	wait_queue_init(&event->writers);
	*object = &event->object;
	return 0;
}

bool object_is_eventfd(const struct object *object)
{
	return object->ops == &event_ops;
}

void eventfd_signal(struct object *object)
{
	struct event *event = event_of(object);
	uint64_t count = atomic_load(&event->count);
	while (count < UINT64_MAX && !atomic_cas(&event->count, &count, count + 1))
		;
	wake(&event->readers);
}
