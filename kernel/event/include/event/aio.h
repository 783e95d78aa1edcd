/*
 * Linux's asynchronous I/O: a context is a queue of finished requests, which io_getevents(2) takes out. Files are in memory and pipes wait as read(2)
 * does, so a request is finished by the time that io_submit(2) returns: nothing is ever under way, and nothing can be cancelled.
 *
 * A context is an object that is mapped, and its number is the address of that mapping: so it goes with the address space, as on Linux, and
 * libraries find there a page that does not bear Linux's mark of a ring to be read without a call.
 *
 * Locking: the context's mutex guards its queue; user memory is touched under it.
 */
#pragma once

#include <object/object.h>

struct address_space;

#define AIO_REQUESTS_MAX 65536u /* of all contexts: /proc/sys/fs/aio-max-nr */

/* Linux's io_event. */
struct aio_event {
	uint64_t data, request;
	int64_t result, result2;
};

/* For that many requests that are not taken out yet. With one reference. -ENOMEM, -EAGAIN: AIO_REQUESTS_MAX. */
MUST_USE int aio_create(unsigned capacity, struct object **object);
/* By its number, with a reference, or NULL. */
MUST_USE struct object *aio_find(struct address_space *space, uintptr_t number);
unsigned aio_capacity(struct object *object);
unsigned aio_requests(void); /* for how many there is room in all contexts */
/* Room for an event that is to come. False: there is none. */
MUST_USE bool aio_reserve(struct object *object);
void aio_unreserve(struct object *object);
/* Somebody killed may lose it, who would have to wait. */
void aio_complete(struct object *object, const struct aio_event *event);
/* Nobody adds to it or takes from it any more; those who wait for events wake up. -EINTR: not closed, the caller is killed. */
MUST_USE int aio_close(struct object *object);
/*
 * Waits until there are `least` events or the deadline has passed (0: does not wait), and copies up to `most` to user memory: how many. -EINTR: a
 * signal came before the first; -EFAULT; -EINVAL: it was closed.
 */
MUST_USE int64_t aio_wait(
    struct object *object, unsigned least, unsigned most, uaddr_t to, nsec_t deadline);
