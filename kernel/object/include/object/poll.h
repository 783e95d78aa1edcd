/*
 * Asking many objects whether they are ready, and waiting until one is. An object's poll operation calls poll_wait for each
 * wait queue that announces a change, then returns the events that hold now.
 */
#pragma once

#include <object/object.h>

/* Linux's numbers. */
#define POLLIN     0x001
#define POLLPRI    0x002
#define POLLOUT    0x004
#define POLLERR    0x008
#define POLLHUP    0x010
#define POLLNVAL   0x020
#define POLLRDNORM 0x040
#define POLLRDBAND 0x080
#define POLLWRNORM 0x100
#define POLLWRBAND 0x200
#define POLLRDHUP  0x2000

/* Whoever polls implements this: poll(2) with a stack of entries, epoll with entries that live as long as the set. */
struct poll_table {
	/* events: what the queue tells of. */
	void (*add)(struct poll_table *table, struct object *object, struct wait_queue *queue,
	    unsigned events);
};

/* A queue that tells only of some events, so that others need not look whenever it does. */
static inline void poll_wait_for(
    struct poll_table *table, struct object *object, struct wait_queue *queue, unsigned events)
{
	if (table)
		table->add(table, object, queue, events);
}

static inline void poll_wait(
    struct poll_table *table, struct object *object, struct wait_queue *queue)
{
	poll_wait_for(table, object, queue, ~0u);
}

static inline unsigned object_poll(struct object *object, struct poll_table *table)
{
	return object->ops->poll(object, table);
}

/* Whether there is ever anything to wait for. */
static inline bool object_can_wait(const struct object *object)
{
	return object->ops->poll != object_always_ready;
}
