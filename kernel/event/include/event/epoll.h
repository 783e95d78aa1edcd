/*
 * epoll(7): a set of objects that tells which of them are ready. Each item is queued at its object and puts itself on the set's list of
 * those to look at when something changes there: waiting costs what has changed, not what the set holds.
 *
 * An item does not keep its object alive: with the last descriptor of an object its items are gone. Sets may be in sets, without circles
 * and no deeper than EPOLL_DEPTH_MAX.
 *
 * Locking: a mutex for each set, over its items, which is not held while a program's memory may have to be waited for; a spinlock for
 * each set's list of changed items, which wakers take; one mutex for all that puts sets into sets or takes them out.
 */
#pragma once

#include <object/object.h>

#define EPOLL_DEPTH_MAX 5 /* sets in a chain */

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };

struct epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed)); /* Linux's ABI on x86_64 */

void epoll_init(void); /* boot */
/* An empty set, with one reference. -ENOMEM. */
MUST_USE int epoll_create(struct object **object);
static inline bool object_is_epoll(const struct object *object)
{
	return object->ops->type == OBJECT_POLL_SET;
}
/* fd: together with the object it names the item. event: not for EPOLL_CTL_DEL. */
MUST_USE int epoll_control(struct object *set, int operation, int fd, struct object *target,
    const struct epoll_event *event);
/* Up to `count` events into user memory, which is in range: how many; 0 when the deadline (uptime; 0: do not wait) passed; -EINTR, -EFAULT. */
MUST_USE int64_t epoll_wait(struct object *set, uaddr_t events, size_t count, nsec_t deadline);
